#pragma once

#include "stibee_sync/delivery/v2_reading.hpp"
#include "stibee_sync/pipeline/asker.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/pipeline/services.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::pipeline {

/// How a read of a list ended.
enum class ListReadEnd {
  Complete,
  KeyRefused,     // by API v2
  Forbidden,      // the key is accepted, but may not read this list over API v2
  NoSuchList,     // Stibee knows no such list, or no such call
  NotUnderstood,  // the answers have a shape that nobody knows
  NeverStill,     // the list moved in each of several reads
  Unavailable,    // too many failures in a row
  Stopped,
};

class ListReadResult {
 public:
  ListReadResult() = default;
  ListReadResult(ListReadEnd end, std::string why, std::size_t people)
      : end_(end), why_(std::move(why)), people_(people) {}

  ListReadEnd end() const { return end_; }
  bool complete() const { return end_ == ListReadEnd::Complete; }
  const std::string& why() const { return why_; }  // for ops; names no person
  std::size_t people() const { return people_; }   // of the list, each address once

 private:
  ListReadEnd end_ = ListReadEnd::Stopped;
  std::string why_;
  std::size_t people_ = 0;
};

/// Somebody of the list as the ledger has people: the fingerprint is of the mapped tags alone (compared
/// regardless of case; missing is ""), the groups are those of the mirror. Pure.
store::Listed listed_of(const delivery::v2::ListedPerson& person, const MirrorPlan& plan,
                        const domain::StateKey& key);

/// Failures in a row after which a read is given up: with backoff about a minute, or ten seconds for somebody
/// who waits at a terminal.
inline constexpr int most_list_failures = 8;
inline constexpr int most_list_failures_asked = 5;
/// The same for answers that cannot be understood: one may be a proxy's, several are Stibee's.
inline constexpr int most_unreadable_answers = 3;

/// What a read needs of its caller; all of it outlives the read.
class ListReadHooks {
 public:
  ListReadHooks(std::function<bool()> stopping, std::function<void(std::size_t, std::size_t)> progress,
                int most_failures = most_list_failures)
      : stopping_(std::move(stopping)), progress_(std::move(progress)), most_failures_(most_failures) {}
  bool stopping() const { return stopping_ && stopping_(); }
  int most_failures() const { return most_failures_; }
  void progress(std::size_t read, std::size_t total) const {
    if (progress_) progress_(read, total);
  }

 private:
  std::function<bool()> stopping_;
  std::function<void(std::size_t, std::size_t)> progress_;
  int most_failures_;
};

/// Reads the whole list of `plan` page by page into `scan`; failed calls are repeated with backoff, a list
/// that moves is read again. Constant memory. On the loop thread; parsing and staging on `worker`. Throws
/// store::StoreError.
boost::asio::awaitable<ListReadResult> read_list(Services services, runtime::Worker& worker, Asker& asker,
                                                 std::shared_ptr<const MirrorPlan> plan,
                                                 std::shared_ptr<store::ListScan> scan, ListReadHooks hooks);

}  // namespace stibee_sync::pipeline
