#include "disk/temporary_directory.hpp"
#include "small_state.hpp"
#include "stibee_sync/ledger/next_operation.hpp"
#include "store/sqlite.hpp"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

// Each byte of the state's files damaged in turn, in the store that ships: it is found and set aside, or does
// no harm. Nobody who opted out is ever sent. SQLite's pages have no checksums: a bit that makes another
// valid value of what is wanted of somebody is not found, and may remove that one person from the list; never
// two. STIBEE_LONG takes every byte, otherwise every 2503rd.
namespace stibee_sync::store {
namespace {

using namespace testing_support;
namespace fs = std::filesystem;

constexpr int people = 24;
const std::array opted_out{3, 7, 19};

std::string address(int number) {
  return "person" + std::to_string(number) + "@example.com";
}

Table table_of(const std::string& name) {
  Table table;
  for (int i = 0; i < people; ++i)
    table[key(i)] = {address(i), name + std::to_string(i)};
  return table;
}

using Image = std::map<std::string, std::string>;

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Everybody is subscribed; three opted out at Stibee since; five wait with other values, and two of them are
/// out with a call.
void live(const fs::path& directory, bool is_killed) {
  OpenReport report;
  auto store = open_store(directory, report);
  const auto mirror = store->open_mirror("members", 1234);
  in_transaction([&](Transaction& transaction) { transaction.set_adopted(mirror, start); })(*store);
  read_table(*store, mirror, table_of("name"));
  std::vector<ledger::Settlement> settled;
  for (const auto& [email_address, row] : claim(*store, mirror))
    settled.push_back(delivered(email_address, row));
  settle(*store, mirror, settled);
  for (const int number : opted_out) {
    ledger::RemoteChange change;
    change.confirmed = store->find(mirror, email(address(number))).row->confirmed;
    change.confirmed->status = RemoteStatus::OptedOut;
    change.confirmed->since = start;
    change.suppress = ledger::Suppression{start, "subscriber", "too much", {}};
    observe(*store, mirror, address(number), change);
  }
  auto table = table_of("name");
  for (int i = 10; i < 15; ++i)
    table[key(i)].name = "changed";
  read_table(*store, mirror, table);
  claim(*store, mirror, 2);
  if (is_killed) ::_exit(0);
}

Image image_of(const fs::path& directory) {
  Image image;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.is_regular_file() && entry.file_size() > 0)
      image[entry.path().filename()] = content(entry.path());
  }
  return image;
}

/// As a process leaves it that was killed: with both logs.
Image killed_image() {
  const test_disk::TemporaryDirectory temporary;
  const auto child = ::fork();
  if (child == 0) {
    live(temporary.path(), true);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return image_of(temporary.path());
}

enum class Damage { BitFlipped, ByteChanged, Zeroed, CutOff };

class Damaged {
 public:
  explicit Damaged(const fs::path& directory) : directory_(directory) {}

  /// What became of it: one word. What is wrong is in `wrongs`.
  std::string look() {
    for (int starts = 0; starts < 4; ++starts) {
      try {
        OpenReport report;
        const auto store = open_store(directory_, report);
        lost_state_ = lost_state_ || report.damaged_set_aside || report.created;
        lost_opt_outs_ = lost_opt_outs_ || report.suppressions_set_aside;
        work(*store);
        return lost_state_ && lost_opt_outs_ ? "both set aside"
               : lost_state_                 ? "state set aside"
               : lost_opt_outs_              ? "opt-outs set aside"
               : starts > 0                  ? "found at work, mended"
               : report.suppressions_rebuilt ? "opt-outs completed"
                                             : "no harm";
      } catch (const StoreFailure& failure) {
        // Met at work: the daemon says so, and a restart sets it aside.
        if (failure.kind() != Failure::Damaged) return failed("fails otherwise", failure.what());
        last_ = failure.what();
      } catch (const StoreError& refused) {
        return refused_well(refused.what()) ? "refused" : failed("refused", refused.what());
      } catch (const std::exception& other) {
        return failed("throws", other.what());
      }
    }
    return failed("never opens", last_);
  }

  std::vector<std::string> wrongs;
  int removed = 0;  // people who are wanted

 private:
  std::string failed(const std::string& word, const std::string& why) {
    wrongs.push_back(word + ": " + why);
    return word;
  }
  static bool refused_well(const std::string& why) {
    return why.find("are of different states") != std::string::npos ||
           why.find("newer stibee-syncd") != std::string::npos;
  }

  /// What a daemon does: the table is read, everybody placed, and those who wait are sent.
  void work(Store& store) {
    const auto mirror = store.open_mirror("members", 1234);
    const bool fresh = store.people(mirror) == 0;
    auto table = table_of("name");
    for (int i = 10; i < 15; ++i)
      table[key(i)].name = "changed";
    read_table(store, mirror, table);
    in_transaction([&](Transaction& transaction) {
      for (const auto& [email_address, row] : transaction.rows_after(mirror, "", 1000)) {
        const auto before = transaction.find(mirror, email_address);
        transaction.write(mirror, email_address, before, ledger::placed_again(before, {}, start));
      }
    })(store);
    (void)store.summary(mirror, start);
    std::vector<std::string> now;
    for (int i = 0; i < people; ++i) {
      const auto person = store.find(mirror, email(address(i)));
      const auto view = ledger::ledger_view(person);
      if (!view) continue;
      const auto next = ledger::next_operation(view->wanted, view->confirmed, {}, start);
      const auto* operation = std::get_if<domain::Operation>(&next);
      const bool said_no = std::find(opted_out.begin(), opted_out.end(), i) != opted_out.end();
      if (operation == nullptr) continue;
      const auto kind = operation->kind;
      const bool removes =
          kind == domain::OperationKind::Unsubscribe || kind == domain::OperationKind::Delete;
      const bool adds = !removes && kind != domain::OperationKind::ReleaseGroup;
      if (said_no && adds) now.push_back(address(i) + " opted out and would be sent");
      if (!said_no && removes) ++removed;
    }
    // A fresh state reads the list before it sends anybody.
    if (lost_state_ && fresh && store.adopted(mirror)) now.push_back("a fresh state does not read the list");
    wrongs.insert(wrongs.end(), now.begin(), now.end());
  }

  fs::path directory_;
  bool lost_state_ = false;
  bool lost_opt_outs_ = false;
  std::string last_;
};

/// Every so many bytes; STIBEE_FAULT_STRIDE takes another step.
std::size_t stride() {
  if (const char* step = std::getenv("STIBEE_FAULT_STRIDE")) return static_cast<std::size_t>(std::atoi(step));
  const char* said = std::getenv("STIBEE_LONG");
  return said != nullptr && *said != '\0' && std::string_view(said) != "0" ? 1 : 2503;
}

std::string damaged(std::string bytes, std::size_t at, Damage damage, std::mt19937_64& random) {
  switch (damage) {
    case Damage::BitFlipped:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
      break;
    case Damage::ByteChanged:
      bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 + random() % 255));
      break;
    case Damage::Zeroed:
      bytes.replace(at, std::min<std::size_t>(512, bytes.size() - at),
                    std::min<std::size_t>(512, bytes.size() - at), '\0');
      break;
    case Damage::CutOff:
      bytes.resize(at);
      break;
  }
  return bytes;
}

void put(const fs::path& directory, const Image& image) {
  for (const auto& entry : fs::directory_iterator(directory))
    fs::remove_all(entry.path());
  for (const auto& [name, bytes] : image) {
    std::ofstream(directory / name, std::ios::binary) << bytes;
    fs::permissions(directory / name, fs::perms::owner_read | fs::perms::owner_write);
  }
}

void damage_each(const Image& image, Damage damage, std::size_t step, const char* name) {
  const test_disk::TemporaryDirectory temporary;
  std::mt19937_64 random(20261128);
  std::map<std::string, std::map<std::string, int>> tally;
  int wrong = 0;
  for (const auto& [file, bytes] : image) {
    if (file == "lock") continue;
    for (std::size_t at = random() % std::min(step, bytes.size()); at < bytes.size(); at += step) {
      auto changed = image;
      changed[file] = damaged(bytes, at, damage, random);
      if (changed[file] == bytes) continue;
      put(temporary.path(), changed);
      Damaged state(temporary.path());
      ++tally[file][state.look()];
      if (state.removed > 0) ++tally[file]["one who is wanted would be removed"];
      if (state.removed > 1) state.wrongs.push_back(std::to_string(state.removed) + " would be removed");
      if (state.wrongs.empty()) continue;
      if (++wrong <= 40)
        ADD_FAILURE() << name << " at byte " << at << " of " << file << ": " << state.wrongs.front();
    }
  }
  for (const auto& [file, outcomes] : tally) {
    for (const auto& [outcome, count] : outcomes)
      std::cout << "  " << name << ", " << file << ": " << outcome << " " << count << "\n";
  }
  EXPECT_EQ(wrong, 0);
}

TEST(DamagedBytes, OfAStateThatWasClosedAreFoundOrHarmless) {
  Image image;
  {
    const test_disk::TemporaryDirectory temporary;
    live(temporary.path(), false);
    image = image_of(temporary.path());
  }
  damage_each(image, Damage::BitFlipped, stride(), "closed, a bit flipped");
  damage_each(image, Damage::ByteChanged, stride(), "closed, a byte changed");
  damage_each(image, Damage::Zeroed, stride() == 1 ? 61 : 6007, "closed, 512 bytes zeroed");
  damage_each(image, Damage::CutOff, stride() == 1 ? 61 : 6007, "closed, cut off");
}

TEST(DamagedBytes, OfAStateWithItsLogsAreFoundOrHarmless) {
  const auto image = killed_image();
  ASSERT_TRUE(image.contains("state.sqlite-wal"));
  damage_each(image, Damage::BitFlipped, stride(), "killed, a bit flipped");
  damage_each(image, Damage::ByteChanged, stride(), "killed, a byte changed");
  damage_each(image, Damage::Zeroed, stride() == 1 ? 61 : 6007, "killed, 512 bytes zeroed");
  damage_each(image, Damage::CutOff, stride() == 1 ? 61 : 6007, "killed, cut off");
}

}  // namespace
}  // namespace stibee_sync::store
