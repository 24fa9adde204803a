#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/domain/ledger.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What API v2 can tell: whether the key is accepted, how many people a list has, who they are, which groups
/// there are. Requests and answers only; pure. A v1 mirror reads its list by these calls, too, if its key
/// allows it.
namespace stibee_sync::delivery::v2 {

/// What was asked for, or how the call failed (`outcomes` empty): its verdict, reason, message, retry_after.
/// An answer of an unknown shape is ServerTrouble, never an empty list.
template <typename T>
using Read = std::variant<T, CallResult>;

ApiRequest auth_check_request();
CallResult read_auth_check(const ApiAnswer& answer);

/// Of people of any status.
ApiRequest count_request(std::int64_t list_id);
Read<std::size_t> read_count(const ApiAnswer& answer);

/// Somebody in Stibee's list.
struct ListedPerson {
  domain::EmailAddress email;
  /// nullopt: a status that we do not know: hands off. Unsubscribed people are OptedOut, since the list does
  /// not tell who did it.
  std::optional<domain::RemoteStatus> status;
  domain::FieldValues fields;              // in Stibee's order, without those of its own ($…)
  std::optional<bool> ad_agreed;           // nullopt: not shown
  std::optional<domain::GroupSet> groups;  // nullopt: not shown, which does not mean none
  std::optional<domain::UtcTime> created;
  std::optional<domain::UtcTime> modified;
};
struct ListPage {
  std::vector<ListedPerson> people;
  std::size_t entries = 0;  // of the page; more than `people` where an address is none that we could send to
};
inline constexpr std::size_t largest_page = 1000;
ApiRequest list_request(std::int64_t list_id, std::size_t offset, std::size_t limit);
Read<ListPage> read_list(const ApiAnswer& answer);

struct Group {
  domain::GroupId id = 0;
  std::string name;
  friend bool operator==(const Group&, const Group&) = default;
};
/// The first 1,000 groups; no plan allows as many.
ApiRequest groups_request(std::int64_t list_id);
Read<std::vector<Group>> read_groups(const ApiAnswer& answer);
/// Pro plan and up. The reason is ListAlreadyExistGroup if there is one of this name.
ApiRequest create_group_request(std::int64_t list_id, std::string_view name);
Read<domain::GroupId> read_created_group(const ApiAnswer& answer);

/// "2024-11-12 17:09:13 +0900 KST", with or without a fraction, the zone's name or the offset (then Korea's
/// is meant), and RFC 3339. nullopt for anything else.
std::optional<domain::UtcTime> parse_time(std::string_view text);

/// Reads a whole list, page by page, while it may change: counts before and after, and starts over when the
/// total moved or people are missing between pages (their order is documented nowhere). Constant memory: the
/// caller keeps the people, by address, and forgets them when told to start over.
///
///   ListReader reader(list_id);
///   for (;;) switch (reader.take(exchange(reader.request()), people)) {
///     case CallFailed: wait as reader.failure() says, and repeat; case More: keep `people`; …
///     case RoundEnded: step = reader.end_round(distinct addresses kept); …
class ListReader {
 public:
  enum class Step {
    More,        // send request() next
    CallFailed,  // nothing changed: failure() tells why, request() may be repeated
    RoundEnded,  // call end_round()
    StartOver,   // forget the people kept so far, then send request()
    Done,        // the people kept are the list
    GaveUp,      // the list never held still
  };
  explicit ListReader(std::int64_t list_id, std::size_t page_size = largest_page, int most_rounds = 5);
  /// The next call: after construction, More, CallFailed and StartOver.
  ApiRequest request() const;
  /// Replaces `people` by those of the page, if the answer is one.
  Step take(const ApiAnswer& answer, std::vector<ListedPerson>& people);
  /// `distinct`: addresses kept in this round. Done, StartOver or GaveUp.
  Step end_round(std::size_t distinct);
  const CallResult& failure() const { return failure_; }
  /// For progress.
  std::size_t entries_read() const { return offset_; }
  std::size_t total() const { return total_before_; }

 private:
  enum class Phase { CountBefore, Pages, CountAfter };
  void start_round();

  std::int64_t list_id_;
  std::size_t page_size_;
  int rounds_left_;
  Phase phase_ = Phase::CountBefore;
  std::size_t total_before_ = 0;
  std::size_t total_after_ = 0;
  std::size_t offset_ = 0;
  std::size_t unusable_ = 0;
  std::size_t entries_digest_ = 0;  // of the addresses of this round, each as often as it came; any order
  std::optional<std::size_t> distinct_before_;  // of the round before, if it was complete
  std::size_t total_of_round_before_ = 0;
  std::size_t digest_of_round_before_ = 0;
  CallResult failure_;
};

}  // namespace stibee_sync::delivery::v2
