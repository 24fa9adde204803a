#include "stibee_sync/delivery/v2_reading.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <utility>

namespace stibee_sync::delivery::v2 {

ListReader::ListReader(std::int64_t list_id, std::size_t page_size, int most_rounds)
    : list_id_(list_id),
      page_size_(std::clamp<std::size_t>(page_size, 1, largest_page)),
      rounds_left_(std::max(most_rounds, 1)) {
  start_round();
}

void ListReader::start_round() {
  phase_ = Phase::CountBefore;
  offset_ = 0;
  unusable_ = 0;
  entries_digest_ = 0;
}

ApiRequest ListReader::request() const {
  return phase_ == Phase::Pages ? list_request(list_id_, offset_, page_size_) : count_request(list_id_);
}

ListReader::Step ListReader::take(const ApiAnswer& answer, std::vector<ListedPerson>& people) {
  people.clear();
  if (phase_ != Phase::Pages) {
    auto count = read_count(answer);
    if (auto* failed = std::get_if<CallResult>(&count)) {
      failure_ = std::move(*failed);
      return Step::CallFailed;
    }
    const std::size_t total = std::get<std::size_t>(count);
    if (phase_ == Phase::CountBefore) {
      total_before_ = total;
      phase_ = Phase::Pages;
      return Step::More;
    }
    total_after_ = total;
    return Step::RoundEnded;
  }
  auto read = read_list(answer);
  if (auto* failed = std::get_if<CallResult>(&read)) {
    failure_ = std::move(*failed);
    return Step::CallFailed;
  }
  auto& page = std::get<ListPage>(read);
  people = std::move(page.people);
  offset_ += page.entries;
  unusable_ += page.entries - people.size();
  for (const auto& person : people)
    entries_digest_ += std::hash<domain::EmailAddress>{}(person.email);
  // A page may be smaller than asked for without being the last. Only an empty one surely is; one more call
  // is saved where the count agrees. A list that grows for ever must not keep us for ever.
  const bool last = page.entries == 0 || (page.entries < page_size_ && offset_ >= total_before_) ||
                    offset_ > 2 * total_before_ + 10 * page_size_;
  if (last) phase_ = Phase::CountAfter;
  return Step::More;
}

ListReader::Step ListReader::end_round(std::size_t distinct) {
  const bool held_still = total_before_ == total_after_ && offset_ == total_after_;
  if (held_still && distinct + unusable_ == total_after_) return Step::Done;
  // Two spellings of one address at Stibee are one person to us: the same shortfall twice is no accident, if
  // the very same entries came twice. In pages without an order the number alone may be the same by chance.
  const bool same_as_before = held_still && distinct_before_ == distinct &&
                              total_of_round_before_ == total_after_ &&
                              digest_of_round_before_ == entries_digest_;
  if (same_as_before) return Step::Done;
  distinct_before_ = held_still ? std::optional(distinct) : std::nullopt;
  total_of_round_before_ = total_after_;
  digest_of_round_before_ = entries_digest_;
  if (--rounds_left_ == 0) return Step::GaveUp;
  start_round();
  return Step::StartOver;
}

}  // namespace stibee_sync::delivery::v2
