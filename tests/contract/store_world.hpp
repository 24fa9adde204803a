#pragma once

#include "stibee_sync/store/memory_store.hpp"
#include "stibee_sync/store/sqlite_store.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// A small table, the rules of a small mirror, and the two stores to try them on.
namespace stibee_sync::store_tests {

using domain::Lane;
using domain::MemberKey;
using domain::RemoteStatus;
using domain::UtcTime;

inline constexpr UtcTime start{std::chrono::milliseconds(1'700'000'000'000)};
inline constexpr std::chrono::seconds second{1};
inline constexpr std::chrono::hours day{24};

/// Classes of changes, as the decision of this world names them.
enum Class { None, Add, Update, OptOut, Resubscribe, Removal };

struct Row {
  std::string email;  // "" : no usable address
  std::string name = "somebody";
  bool subscribed = true;
  std::string rejection = "";  // "": usable
  domain::GroupSet groups = {};
  friend bool operator==(const Row&, const Row&) = default;
};
using Table = std::map<MemberKey, Row>;

inline MemberKey key(std::int64_t number) {
  return MemberKey(number);
}
inline domain::EmailAddress email(const std::string& text) {
  return domain::EmailAddress::from_normalised(text);
}

/// Who leaves is unsubscribed, and deleted a day later.
store::Placement place(const domain::Wanted& wanted, const domain::Confirmed& confirmed, UtcTime now);
/// Nothing can be done about those who are to be subscribed.
store::Placement place_nobody(const domain::Wanted& wanted, const domain::Confirmed& confirmed, UtcTime now);

/// A directory under the system's own for temporary files, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A durable state, and a store over it that can be closed and opened again.
class Backend {
 public:
  virtual ~Backend() = default;
  /// As after a crash: what was in memory is gone.
  virtual std::unique_ptr<store::Store> open() = 0;
};
std::unique_ptr<Backend> memory_backend();
std::unique_ptr<Backend> sqlite_backend();

struct ReadOptions {
  UtcTime now = start;
  std::vector<int> held = {};
  std::vector<store::Hold> holds = {};
  store::PlaceRule rule = place;
};

/// One address as a read presented it.
struct Presented {
  std::vector<store::BearerRow> bearers;
  std::optional<store::LedgerView> before;
  store::AddressDecision decision;
};
struct ReadResult {
  store::CommitReport report;
  std::map<std::string, Presented> addresses;
  std::vector<MemberKey> staged;
};

class World {
 public:
  explicit World(std::unique_ptr<Backend> backend);

  /// A whole read of `table`: merge with the snapshot, stage, decide, commit.
  ReadResult read(const Table& table, const ReadOptions& options = {});
  /// The same without the commit.
  std::unique_ptr<store::Scan> scan(const Table& table, UtcTime now, ReadResult& result);
  store::CommitReport commit(std::unique_ptr<store::Scan> scan, const ReadOptions& options = {});
  store::CommitReport commit_ahead(store::Scan& scan, std::size_t most, const ReadOptions& options = {});

  std::optional<store::Claimed> claim(UtcTime now = start, std::size_t most = 100, bool retries = true);
  /// Everybody of the claim is where they are wanted.
  void deliver(const store::Claimed& claimed, UtcTime now = start);
  /// Claims and delivers until nothing is due.
  void deliver_all(UtcTime now = start);
  void settle(const std::string& address, store::Settlement::Next next, UtcTime now = start, int attempts = 1,
              UtcTime not_before = start, std::uint32_t batch_limit = 0);
  void settle(const store::Settlement& settlement, UtcTime now = start);
  void reopen();

  std::optional<store::LedgerEntry> find(const std::string& address) {
    return store->find(mirror, email(address));
  }
  store::SnapshotRow snapshot_row(const MemberKey& wanted);
  std::vector<MemberKey> snapshot_keys();

  std::unique_ptr<Backend> backend;
  std::unique_ptr<store::Store> owned;  // may be handed on: `store` is a way of the test's own to it
  store::Store* store = nullptr;
  store::MirrorId mirror;
};

/// What a person's call leaves behind when it is delivered.
domain::Confirmed delivered(const store::Claimed& claimed, const store::ClaimedPerson& person, UtcTime now);
std::vector<std::string> addresses_of(const store::Claimed& claimed);
store::LoggedAttempt attempt_at(UtcTime now);

}  // namespace stibee_sync::store_tests
