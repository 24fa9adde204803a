#include "stibee_sync/pipeline/table_read.hpp"

#include "stibee_sync/diff/differ.hpp"
#include "stibee_sync/pipeline/database_clock.hpp"
#include "stibee_sync/pipeline/group_keeper.hpp"
#include "stibee_sync/text/hex.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

namespace stibee_sync::pipeline {
namespace {

using diff::ChangeClass;
using source::SourceError;

constexpr std::size_t most_refs = 20;

/// Ends a read from inside its sinks.
struct Refused {
  std::string message;
  SourceError::Kind kind = SourceError::Kind::NotAsMapped;
};

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

bool only_groups_grew(const domain::Wanted& before, domain::Wanted after) {
  const bool grew =
      std::includes(after.groups.begin(), after.groups.end(), before.groups.begin(), before.groups.end());
  after.groups = before.groups;
  return grew && after == before;
}

class TableRead {
 public:
  TableRead(const MirrorPlan& plan, store::Scan& scan, const store::SourceFacts& before,
            const domain::StateKey& key, domain::UtcTime now, const DecisionWatcher& watcher)
      : plan_(plan),
        mapping_(plan.mapping),
        scan_(scan),
        before_(before),
        key_(key),
        now_(now),
        our_time_(now),
        watcher_(watcher),
        null_watch_(plan.read.columns.size()),
        differ_([this](diff::StoredRow& row) { return next_stored(row); },
                [this](const domain::MemberKey& gone) {
                  ++finding_.lost;
                  scan_.stage_gone(gone);
                },
                before.mapping != plan.mapping_text || scan.is_torn()) {
    finding_.remapped = before.last_success.has_value() &&
                        mapping_itself(before.mapping) != mapping_itself(plan.mapping_text);
    recovers_groups_ = !finding_.remapped && before.mapping != plan.mapping_text;
  }

  std::variant<ReadFinding, SourceError> run(source::Reader& reader) {
    try {
      auto result = reader.read(
          plan_.read, [this](const source::ReadShape& shape) { learn(shape); },
          [this](std::string_view line) { row(line); });
      if (auto* error = std::get_if<SourceError>(&result)) return std::move(*error);
      finding_.report = std::get<source::ReadReport>(std::move(result));
    } catch (const Refused& refused) {
      SourceError error;
      error.kind = refused.kind;
      error.message = refused.message;
      return error;
    }
    finding_.trust = trust_in(finding_.report.shape, before_);
    differ_.finish();
    finding_.non_null = null_watch_.non_null();
    finding_.unknown_groups.assign(unknown_groups_.begin(), unknown_groups_.end());
    decide();
    return std::move(finding_);
  }

 private:
  bool next_stored(diff::StoredRow& row) {
    if (!scan_.next(stored_)) return false;
    row.key = std::move(stored_.key);
    row.fingerprint = stored_.fingerprint;
    row.shadowed = stored_.shadowed;
    return true;
  }

  void learn(const source::ReadShape& shape) {
    if (trust_in(shape, before_) == ServerTrust::Behind) {
      throw Refused{
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

  void row(std::string_view line) {
    auto key = diff::key_of(line, mapping_.integer_key);
    if (std::holds_alternative<diff::Rejection>(key)) {
      throw Refused{"column \"" + plan_.read.columns[0] +
                    "\" is NULL or unreadable as a key in some row; map a column " +
                    "that is never NULL (a primary key), or leave such rows out in `where`"};
    }
    null_watch_.see(line);
    auto& member_key = std::get<domain::MemberKey>(key);
    const auto fingerprint = key_.fingerprint(line);
    switch (differ_.see(member_key, fingerprint)) {
      case diff::RowState::Unchanged:
        return;
      case diff::RowState::OutOfOrder:
        throw Refused{"column \"" + plan_.read.columns[0] +
                      "\" has the same value in more than one row, so it cannot be " +
                      "the key; map a unique column"};
      case diff::RowState::New:
      case diff::RowState::Changed:
        stage(std::move(member_key), fingerprint, line, true);
        return;
      case diff::RowState::Shadowed:
        stage(std::move(member_key), fingerprint, line, false);
        return;
    }
  }

  void stage(domain::MemberKey key, const domain::Fingerprint& fingerprint, std::string_view line,
             bool report) {
    store::StagedRow staged;
    staged.key = std::move(key);
    staged.fingerprint = fingerprint;
    if (!fields_.split(line, plan_.read.columns.size())) {
      throw Refused{"PostgreSQL sent a row with another number of columns than asked for"};
    }
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
      if (report) {
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

  void decide() {
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
      if (consent_moved(address, resolution.wanted)) ++finding_.consents_moved;
      if (watcher_) watcher_(address.email, resolution, known_of(address));

      ledger::AddressDecision decision;
      decision.wanted = resolution.wanted;
      if (resolution.values) decision.values = resolution.values->fields;
      decision.key = resolution.key;
      decision.inherits = std::move(address.member_opt_out);
      scan_.decide(decision, static_cast<int>(index), item);
    }
    for (std::size_t i = 0; i < digests.size(); ++i)
      finding_.classes[i].digest = digests[i].text();
  }

  static bool consent_moved(const store::TouchedAddress& address, const domain::Wanted& wanted) {
    if (!address.ledger || wanted.intent != domain::Intent::Subscribed) return false;
    const auto& before = address.ledger->wanted;
    if (before.intent == domain::Intent::Unsubscribed) return true;
    return before.consented_at && before.consented_at != wanted.consented_at;
  }

  /// An opt-out of a member is their new address's, too.
  static domain::Confirmed known_of(const store::TouchedAddress& address) {
    auto known = address.ledger ? address.ledger->confirmed : domain::Confirmed{};
    if (!address.member_opt_out) return known;
    return ledger::inheriting(std::move(known), *address.member_opt_out);
  }

  diff::Resolution resolve(const store::TouchedAddress& address) {
    const auto before = address.ledger ? std::optional(address.ledger->wanted) : std::nullopt;
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
      bearer.may_have_opted_in = row.was_subscribed == std::optional(false);
      bearers.push_back(std::move(bearer));
    }
    diff::Circumstances circumstances;
    circumstances.left_by_living = address.left_by_living;
    circumstances.left_saying_no = address.left_saying_no;
    circumstances.awaits_resubscribe = address.awaits_resubscribe;
    circumstances.member_opted_out = address.member_opt_out.has_value();
    circumstances.our_time = our_time_;
    auto resolution = diff::resolve(bearers, before, known_of(address), key_, now_, circumstances);
    // Not the table changed, but what could be made of it.
    if (recovers_groups_ && before && only_groups_grew(*before, resolution.wanted)) resolution.counts = false;
    return resolution;
  }

  const MirrorPlan& plan_;
  diff::Mapping mapping_;
  store::Scan& scan_;
  const store::SourceFacts& before_;
  const domain::StateKey& key_;
  domain::UtcTime now_;  // by which what the rows say is judged
  domain::UtcTime our_time_;
  const DecisionWatcher& watcher_;
  diff::NullWatch null_watch_;
  store::SnapshotRow stored_;
  diff::Differ differ_;
  diff::RowFields fields_;
  std::vector<std::string> unknown_here_;
  std::set<std::string> unknown_groups_;
  bool recovers_groups_ = false;                 // values that were ignored are looked at again
  std::vector<domain::Member> with_old_groups_;  // of the address that is resolved
  ReadFinding finding_;
};

}  // namespace

std::variant<ReadFinding, SourceError> read_table(source::Reader& reader, const MirrorPlan& plan,
                                                  store::Scan& scan, const store::SourceFacts& before,
                                                  const domain::StateKey& key, domain::UtcTime now,
                                                  const DecisionWatcher& watcher) {
  TableRead read(plan, scan, before, key, now, watcher);
  return read.run(reader);
}

}  // namespace stibee_sync::pipeline
