#include "stibee_sync/diff/guard.hpp"

#include "stibee_sync/text/number_format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace stibee_sync::diff {
namespace {

// As a person would write it: "2", "0.5".
std::string in_words(double number) {
  std::array<char, 32> text{};  // the longest has 24
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

std::string in_words(std::size_t number) {
  return text::with_thousands(number);
}

std::string join(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts)
    text += part;
  return text;
}

// The most changes that are not held: whole people, so that "exceeds 2 % of 1,050" means 22 and more.
std::size_t share_of(std::size_t people, double percent) {
  const double share = std::floor(static_cast<double>(people) * percent / 100 + 1e-9);
  return share > 0 ? static_cast<std::size_t>(share) : 0;
}

// Collects the reasons for which one class is held.
class Case {
 public:
  /// `drained`: of the class, in the last hour.
  Case(ChangeClass change_class, std::size_t count, std::size_t drained, const ReadFacts& facts)
      : facts_(facts), drained_(drained) {
    hold_.change_class = change_class;
    hold_.count = count;
    hold_.of = facts.mirrored;
  }

  void because(const std::string& reason) {
    if (!hold_.why.empty()) hold_.why += "; ";
    hold_.why += reason;
  }

  /// More than max(`least`, `percent` % of the mirrored people).
  void if_over_share(std::size_t least, double percent, std::string_view setting) {
    const std::size_t most = std::max(least, share_of(facts_.mirrored, percent));
    if (hold_.count + drained_ <= most) return;
    because(join({counted(most), " are more than ", in_words(most), ": ", "guard.", setting, " is ",
                  in_words(percent), " % of ", in_words(facts_.mirrored),
                  " mirrored people, guard.min_removals is ", in_words(least)}));
  }

  void if_over(std::size_t most, std::string_view setting) {
    if (hold_.count + drained_ <= most) return;
    because(join({counted(most), " are more than guard.", setting, ", which is ", in_words(most)}));
  }

  /// With those of the last day more than max(`least`, `percent` % of the people mirrored when they began).
  void if_over_day(std::size_t recent, std::size_t least, double percent) {
    if (recent == 0) return;  // a day's sum of one read is that read's
    const auto most = std::max(least, share_of(facts_.history.mirrored, percent));
    if (hold_.count + recent <= most) return;
    because(join({in_words(hold_.count), " ", name(hold_.change_class), " after ", in_words(recent),
                  " of the last 24 hours are more than ", in_words(most), ": guard.max_daily_percent is ",
                  in_words(percent), " % of ", in_words(facts_.history.mirrored),
                  " people mirrored when they began, guard.min_removals is ", in_words(least)}));
  }

  /// Stays until somebody approves: the next read finds the same people, but not why.
  void lasts() { hold_.lasting = true; }
  /// As an earlier read found.
  void if_held_until_approved() {
    const auto& lasting = facts_.history.lasting;
    const auto why = lasting.find(hold_.change_class);
    if (why == lasting.end()) return;
    hold_.why = why->second;
    lasts();
  }

  void if_newly_null(const std::vector<std::string>& columns) {
    for (const std::string& column : columns)
      because(join({"the mapped column \"", column, "\" had values and is NULL in every row now"}));
  }

  /// A class with nothing in it is never held.
  void settle(std::vector<Hold>& holds) const {
    if (hold_.count > 0 && !hold_.why.empty()) holds.push_back(hold_);
  }

 private:
  /// What is over a limit in words, with what came before it if that is needed to be over it; then it is not
  /// forgiven when the hour is over.
  std::string counted(std::size_t most) {
    auto words = join({in_words(hold_.count), " ", name(hold_.change_class)});
    if (hold_.count > most) return words;
    lasts();
    return words + " after " + in_words(drained_) + " that the change feed brought within an hour";
  }

  const ReadFacts& facts_;
  std::size_t drained_;
  Hold hold_;
};

// Stamps that a careless statement sets are no consents.
void judge_consents(Case& resubscribes, const ReadFacts& facts, const GuardLimits& limits) {
  const auto before = facts.history.drained.consents_moved;
  const auto moved = facts.consents_moved + before;
  const auto most = std::max(limits.min_removals, share_of(facts.source_rows, limits.max_update_percent));
  if (moved <= most) return;
  resubscribes.because(
      join({"consents moved, or opt-ins turned true, in ", in_words(moved), " of ",
            in_words(facts.source_rows), " rows ", before > 0 ? "within an hour" : "at once", ", more than ",
            in_words(most), ": guard.max_update_percent is ", in_words(limits.max_update_percent), " %"}));
  resubscribes.lasts();
}

// The table was swapped for one with other people.
void judge_adds(Case& adds, const ReadFacts& facts) {
  constexpr std::size_t least = 1000;
  constexpr double percent = 50;
  const auto last_good = facts.last_good_rows.value_or(0);
  const auto lost = facts.lost + facts.history.drained.lost;
  const auto brought = facts.adds + facts.history.drained.adds;
  if (lost * 2 <= last_good) return;
  const auto most = std::max(least, share_of(facts.mirrored, percent));
  if (brought <= most) return;
  adds.because(join({"the read lost ", in_words(lost), " of ", in_words(last_good), " rows and brings ",
                     in_words(brought), " new people, more than ", in_words(most), ": another population?"}));
}

bool was_empty_before(const ReadFacts& facts) {
  return facts.mirrored == 0 && facts.last_good_rows == std::size_t{0};
}

bool too_few_rows(const ReadFacts& facts, const GuardLimits& limits) {
  return facts.last_good_rows && static_cast<double>(facts.source_rows) * 100 <
                                     static_cast<double>(*facts.last_good_rows) * limits.min_source_percent;
}

}  // namespace

GuardVerdict guarded(const ReadFacts& facts, const GuardLimits& limits) {
  GuardVerdict verdict;
  verdict.zero_rows = facts.source_rows == 0 && !was_empty_before(facts);
  const bool too_few = too_few_rows(facts, limits);
  const auto& drained = facts.history.drained;
  verdict.source_count_good = !verdict.zero_rows && !too_few;

  Case removals(ChangeClass::Removal, facts.removals, drained.removals, facts);
  if (verdict.zero_rows) {
    removals.because(join({"the source has 0 rows, ", in_words(facts.mirrored), " people are mirrored"}));
  } else if (too_few) {
    removals.because(
        join({"the source has ", in_words(facts.source_rows), " rows, less than ",
              in_words(limits.min_source_percent), " % (guard.min_source_percent) of its last good count ",
              in_words(facts.last_good_rows.value_or(0))}));
  }
  removals.if_newly_null(facts.newly_null_removal);
  removals.if_over_share(limits.min_removals, limits.max_removal_percent, "max_removal_percent");
  removals.if_over(limits.max_removals, "max_removals");
  removals.if_over_day(facts.history.removals, limits.min_removals, limits.max_daily_percent);
  removals.if_held_until_approved();
  removals.settle(verdict.holds);

  Case resubscribes(ChangeClass::Resubscribe, facts.resubscribes, drained.resubscribes, facts);
  resubscribes.if_over_share(limits.min_removals, limits.max_removal_percent, "max_removal_percent");
  resubscribes.if_over(limits.max_removals, "max_removals");
  resubscribes.if_over_day(facts.history.resubscribes, limits.min_removals, limits.max_daily_percent);
  judge_consents(resubscribes, facts, limits);
  resubscribes.if_held_until_approved();
  resubscribes.settle(verdict.holds);

  Case optouts(ChangeClass::OptOut, facts.optouts, drained.optouts, facts);
  optouts.if_newly_null(facts.newly_null_optout);
  optouts.if_over_share(limits.min_removals, limits.max_optout_percent, "max_optout_percent");
  optouts.if_held_until_approved();
  optouts.settle(verdict.holds);

  Case updates(ChangeClass::Update, facts.updates, drained.updates, facts);
  updates.if_newly_null(facts.newly_null_update);
  updates.if_over_share(limits.min_removals, limits.max_update_percent, "max_update_percent");
  updates.if_held_until_approved();
  updates.settle(verdict.holds);

  Case adds(ChangeClass::Add, facts.adds, drained.adds, facts);
  judge_adds(adds, facts);
  adds.if_held_until_approved();
  adds.settle(verdict.holds);
  return verdict;
}

std::size_t most_removals(const GuardLimits& limits, std::size_t mirrored) {
  const auto by_share = std::max(limits.min_removals, share_of(mirrored, limits.max_removal_percent));
  return std::min(by_share, limits.max_removals);
}

}  // namespace stibee_sync::diff
