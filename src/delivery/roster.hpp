#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/json/value.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace stibee_sync::delivery {

/// A status in any of Stibee's spellings ("subscribed", "S", "구독중", …); nullopt: none that we know.
/// Unsubscribed people are OptedOut here: an answer cannot tell who did it.
std::optional<domain::RemoteStatus> status_from(std::string_view text);

/// One entry of a list of people: a bare address, or an object with `email` and perhaps `$status`.
struct NamedPerson {
  std::string_view address;  // "" if none is given
  std::optional<domain::RemoteStatus> status;
  std::string_view words;  // Stibee's, about this person; not safe yet
};
std::optional<NamedPerson> named_person(const json::Value& entry);

/// Finds the recipients of a call by the addresses that its answer names, however these are written, and
/// keeps the outcome of each. Of two outcomes for one person the worse counts.
class Roster {
 public:
  explicit Roster(const std::vector<Recipient>& recipients);

  /// `rule` gives the outcome of a recipient that a list names.
  using Rule = std::function<domain::Outcome(const Recipient&, const NamedPerson&)>;
  /// `people` is a list, one person, or nothing of the kind, which names nobody.
  void take_list(const json::Value& people, const Rule& rule);
  /// Of whoever has no outcome yet.
  void settle_rest(const domain::Outcome& outcome);
  bool anybody_named() const { return anybody_named_; }
  bool is_named(std::size_t recipient) const { return outcomes_[recipient].has_value(); }
  std::vector<domain::Outcome> outcomes() const;

 private:
  void take_person(const json::Value& entry, const Rule& rule);
  std::optional<std::size_t> find(std::string_view address) const;

  const std::vector<Recipient>& recipients_;
  std::unordered_map<std::string_view, std::size_t> index_;
  std::vector<std::optional<domain::Outcome>> outcomes_;
  bool anybody_named_ = false;
};

}  // namespace stibee_sync::delivery
