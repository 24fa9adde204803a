#include "pipeline/ingest/staging.hpp"

#include "stibee_sync/pipeline/database_clock.hpp"
#include "stibee_sync/pipeline/group_keeper.hpp"
#include "stibee_sync/text/hex.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <utility>

namespace stibee_sync::pipeline {
namespace {

using diff::ChangeClass;
using source::SourceError;

constexpr std::size_t most_refs = 20;
/// Of rows that differ, so many are told apart.
constexpr std::size_t most_different = 1000;

/// What a change is told by: the person and what would be wanted of them. Times are left out: the same change
/// must be found again in the next read.
domain::Fingerprint item_of(const domain::EmailAddress& email, const domain::Wanted& wanted,
                            const domain::StateKey& key) {
  std::string text = email.text();
  text += '\0';
  text += domain::name(wanted.intent);
  text.append(wanted.fields.bytes.begin(), wanted.fields.bytes.end());
  text += wanted.ad_agreed ? (*wanted.ad_agreed ? 'Y' : 'N') : '-';
  for (const auto id : wanted.groups)
    text += std::to_string(id) + ",";
  return key.fingerprint(text);
}

/// A digest that grows with each change of a set, in address order.
class RunningDigest {
 public:
  explicit RunningDigest(const domain::StateKey& key) : key_(key) {}

  void add(const domain::Fingerprint& item) {
    std::string text(last_.bytes.begin(), last_.bytes.end());
    text.append(item.bytes.begin(), item.bytes.end());
    last_ = key_.fingerprint(text);
  }
  std::string text() const { return text::to_hex(std::span(last_.bytes).first(8)); }

 private:
  const domain::StateKey& key_;
  domain::Fingerprint last_;
};

domain::GroupSet groups_of(const diff::Mapping& mapping) {
  domain::GroupSet groups;
  for (const auto& [value, id] : mapping.group_ids)
    groups = domain::joined(groups, {id});
  return groups;
}

/// Nobody takes one away that is not there (any more).
bool only_groups_grew(const domain::Wanted& before, domain::Wanted after, const domain::GroupSet& there) {
  const auto gone = domain::minus(before.groups, there);
  const bool grew = domain::minus(domain::minus(before.groups, gone), after.groups).empty();
  after.groups = before.groups;
  return grew && after == before;
}

bool consent_moved(const store::TouchedAddress& address, const domain::Wanted& wanted) {
  if (!address.ledger || wanted.intent == domain::Intent::Absent) return false;
  const auto& before = address.ledger->wanted;
  const bool turned_true =
      before.intent == domain::Intent::Unsubscribed && wanted.intent == domain::Intent::Subscribed;
  // Of those who say no, too: a statement that stamps every row is the same in a table in which few say yes.
  return turned_true || (before.consented_at && before.consented_at != wanted.consented_at);
}

/// An opt-out of a member is their new address's, too.
domain::Confirmed known_of(const store::TouchedAddress& address) {
  auto known = address.ledger ? address.ledger->confirmed : domain::Confirmed{};
  if (!address.member_opt_out) return known;
  return ledger::inheriting(std::move(known), *address.member_opt_out);
}

}  // namespace

Staging::Staging(const MirrorPlan& plan, store::Scan& scan, const store::SourceFacts& before,
                 const domain::StateKey& key, domain::UtcTime now, DecisionWatcher watcher)
    : plan_(plan),
      mapping_(plan.mapping),
      scan_(scan),
      before_(before),
      key_(key),
      now_(now),
      our_time_(now),
      watcher_(std::move(watcher)),
      groups_there_(groups_of(plan.mapping)) {
  finding_.forced = before.mapping != plan.mapping_text || scan.is_torn();
  finding_.remapped =
      before.last_success.has_value() && mapping_itself(before.mapping) != mapping_itself(plan.mapping_text);
  recovers_groups_ =
      !finding_.remapped && !is_mixed_mapping(before.mapping) && before.mapping != plan.mapping_text;
}

void Staging::learn(const source::ReadShape& shape) {
  if (trust_in(shape, before_) == ServerTrust::Behind) {
    throw ReadRefused{
        "the server is a standby that has not seen all that was read before: nothing is made of it until "
        "it "
        "has; mend its replication, or name the primary in `database.url`",
        SourceError::Kind::Untrusted};
  }
  if (const auto theirs = shape.server_time) {
    // What the rows tell of times, the database's clock stamped.
    const bool apart = std::chrono::abs(*theirs - our_time_) > DatabaseClock::forgiven;
    now_ = apart ? *theirs : std::max(*theirs, our_time_);
  }
  mapping_.integer_key = shape.integer_key;
  mapping_.types.clear();
  for (const auto type : shape.types)
    mapping_.types.push_back(type);
  for (auto& field : mapping_.fields)
    field.type = mapping_.types.at(field.column);
}

domain::MemberKey Staging::key_of(std::string_view line) const {
  auto key = diff::key_of(line, mapping_.integer_key);
  if (std::holds_alternative<diff::Rejection>(key)) {
    throw ReadRefused{"column \"" + plan_.read.columns[0] +
                      "\" is NULL or unreadable as a key in some row; map a column " +
                      "that is never NULL (a primary key), or leave such rows out in `where`"};
  }
  return std::get<domain::MemberKey>(std::move(key));
}

void Staging::note_difference(const domain::MemberKey& key) {
  ++finding_.differing;
  if (finding_.different.size() < most_different) finding_.different.push_back(key);
}

void Staging::stage(domain::MemberKey key, const domain::Fingerprint& fingerprint, std::string_view line,
                    bool differs) {
  store::StagedRow staged;
  staged.key = std::move(key);
  staged.fingerprint = fingerprint;
  if (!fields_.split(line, plan_.read.columns.size())) {
    throw ReadRefused{"PostgreSQL sent a row with another number of columns than asked for"};
  }
  if (differs) note_difference(staged.key);
  unknown_here_.clear();
  auto mapped = diff::map_row(fields_.values(), mapping_, &unknown_here_);
  for (auto& value : unknown_here_) {
    if (unknown_groups_.size() < diff::max_unknown_groups) unknown_groups_.insert(std::move(value));
  }
  if (auto* member = std::get_if<domain::Member>(&mapped)) {
    staged.email = member->email;
    staged.subscribed = member->subscribed;
    staged.member = std::move(*member);
  } else {
    auto& rejection = std::get<diff::Rejection>(mapped);
    staged.email = std::move(rejection.email);
    staged.subscribed = rejection.subscribed;
    staged.rejection = name(rejection.reason);
    staged.rejected_column = std::move(rejection.column);
    // Taken away, or merely unusable: then the last good one is not given up for it.
    staged.keeps_address = !staged.email && rejection.reason != domain::Reason::NullEmail &&
                           rejection.reason != domain::Reason::EmptyAddress;
    if (differs) {
      ++finding_.newly_parked;
      ++finding_.rejected[rejection.reason];
      if (finding_.parked.size() < most_refs) {
        finding_.parked.emplace_back(
            key_.ref(staged.email ? staged.email->text() : "key:" + staged.key.to_string()),
            rejection.reason);
      }
    }
  }
  if (scan_.stage(staged)) ++finding_.lost;
}

void Staging::stage_gone(const domain::MemberKey& key) {
  note_difference(key);
  ++finding_.lost;
  scan_.stage_gone(key);
}

void Staging::decide() {
  finding_.unknown_groups.assign(unknown_groups_.begin(), unknown_groups_.end());
  std::vector<RunningDigest> digests(finding_.classes.size(), RunningDigest(key_));
  store::TouchedAddress address;
  while (scan_.next_address(address)) {
    const auto resolution = resolve(address);
    const auto index = static_cast<std::size_t>(resolution.change_class);
    auto& tally = finding_.classes[index];
    if (resolution.counts) ++tally.count;
    std::optional<domain::Fingerprint> item;
    if (resolution.counts && resolution.change_class != ChangeClass::None) {
      item = item_of(address.email, resolution.wanted, key_);
      digests[index].add(*item);
      if (tally.refs.size() < most_refs) tally.refs.push_back(key_.ref(address.email.text()));
    }
    if (resolution.duplicate) ++finding_.duplicates;
    if (watcher_) watcher_(address.email, resolution, known_of(address));

    ledger::AddressDecision decision;
    decision.wanted = resolution.wanted;
    if (resolution.values) decision.values = resolution.values->fields;
    decision.key = resolution.key;
    decision.overtakes_resubscribe = resolution.overtakes_resubscribe;
    decision.moves_consent = consent_moved(address, resolution.wanted);
    if (decision.moves_consent) ++finding_.consents_moved;
    decision.inherits = std::move(address.member_opt_out);
    scan_.decide(decision, static_cast<int>(index), item);
  }
  for (std::size_t i = 0; i < digests.size(); ++i)
    finding_.classes[i].digest = digests[i].text();
}

diff::Resolution Staging::resolve(const store::TouchedAddress& address) {
  auto before = address.ledger ? std::optional(address.ledger->wanted) : std::nullopt;
  // The yes of whoever left it is not theirs who bear it now.
  if (before && address.left_by_living) before->opted_in_at.reset();
  // Least of all theirs who said no under another address.
  const bool has_left = before && (address.left || before->intent == domain::Intent::Absent);
  if (has_left && address.member_opt_out &&
      ledger::is_news(*address.member_opt_out, address.ledger->confirmed)) {
    before->opted_in_at.reset();
    before->consented_at.reset();
  }
  with_old_groups_.clear();
  with_old_groups_.reserve(address.bearers.size());  // bearers point into it
  std::vector<diff::Bearer> bearers;
  bearers.reserve(address.bearers.size());
  for (const auto& row : address.bearers) {
    diff::Bearer bearer;
    bearer.key = row.key;
    bearer.subscribed = row.subscribed;
    bearer.rejected = row.rejected;
    bearer.member = row.member ? &*row.member : nullptr;
    if (row.member && !plan_.groups_known) {
      auto& member = with_old_groups_.emplace_back(*row.member);
      member.groups = before ? before->groups : domain::GroupSet{};
      bearer.member = &member;
    }
    if (!row.member && !row.rejected) lacks_rows_ = true;
    bearer.may_have_opted_in = row.was_subscribed == std::optional(false);
    bearer.opted_out_now = row.was_subscribed == std::optional(true) && !row.subscribed;
    bearers.push_back(std::move(bearer));
  }
  diff::Circumstances circumstances;
  circumstances.left_by_living = address.left_by_living;
  circumstances.left_saying_no = address.left_saying_no;
  circumstances.awaits_resubscribe = address.awaits_resubscribe;
  circumstances.may_show_own_no = plan_.writeback.contains("unsubscribed") && !address.awaits_unsubscribed;
  circumstances.member_opted_out = address.member_opt_out.has_value();
  circumstances.our_time = our_time_;
  // Another daemon acted meanwhile, or this one did, whose state was then set back.
  if (plan_.policy.shares_list || scan_.is_torn()) circumstances.seen_before = before_.last_success;
  if (resubscribes_wait_since_)
    circumstances.seen_before =
        std::min(circumstances.seen_before.value_or(*resubscribes_wait_since_), *resubscribes_wait_since_);
  auto resolution = diff::resolve(bearers, before, known_of(address), key_, now_, circumstances);
  // Not the table changed, but what could be made of it.
  if (recovers_groups_ && before && only_groups_grew(*before, resolution.wanted, groups_there_))
    resolution.counts = false;
  return resolution;
}

}  // namespace stibee_sync::pipeline
