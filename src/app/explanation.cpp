#include "app/explanation.hpp"

#include "app/cures.hpp"
#include "app/report_members.hpp"
#include "stibee_sync/ledger/next_operation.hpp"
#include "stibee_sync/ledger/placement.hpp"
#include "stibee_sync/ledger/rule.hpp"
#include "stibee_sync/ledger/transitions.hpp"
#include "stibee_sync/privacy/masked.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::app {
namespace {

using json::Value;

constexpr std::string_view hidden_value = "***";

Value shown(const std::optional<domain::EmailAddress>& email, const Showing& showing) {
  return email ? Value(privacy::shown_address(email->text(), showing.reveal)) : Value();
}

/// A value that is empty is no secret.
std::string shown_value(const std::string& value, const Showing& showing) {
  return showing.reveal || value.empty() ? value : std::string(hidden_value);
}

Value fields_report(const domain::FieldValues& fields, const Showing& showing) {
  Value report = Value::object();
  for (const auto& field : fields)
    report.set(field.tag, shown_value(field.value, showing));
  return report;
}

Value groups_report(const domain::GroupSet& groups) {
  Value report = Value::array();
  for (const auto group : groups)
    report.push_back(group);
  return report;
}

Value flag_or_null(const std::optional<bool>& flag) {
  return flag ? Value(*flag) : Value();
}

// ---- the table -------------------------------------------------------------------------------------------

/// The row whose values are sent instead of this one's, since it bears the same address; null: none.
const pipeline::PresentRow* sent_instead(const PersonFacts& facts, const pipeline::PresentRow& row) {
  const auto& rows = facts.seen.rows;
  const auto lower = std::find_if(rows.begin(), rows.end(), [&](const auto& other) {
    return other.member && other.email == row.email && other.key < row.key;
  });
  return lower == rows.end() || !row.member ? nullptr : &*lower;
}

Value row_report(const PersonFacts& facts, const pipeline::PresentRow& row, const Showing& showing) {
  Value report;
  report.set("key", privacy::shown_key(row.key.to_string(), showing.reveal));
  report.set("email", shown(row.email, showing));
  report.set("wanted", row.subscribed ? "subscribed" : "unsubscribed");
  report.set("read", !row.differs);
  if (row.rejection) {
    report.set("reason", name(*row.rejection));
    report.set("column", row.rejected_column);
    report.set("cure", cure_of(name(*row.rejection)));
  }
  if (const auto* lower = sent_instead(facts, row))
    report.set("sent_instead", privacy::shown_key(lower->key.to_string(), showing.reveal));
  if (!row.member) return report;
  const auto& member = *row.member;
  report.set("consented_at",
             member.consented_at == domain::no_consent ? Value() : time_or_null(member.consented_at));
  report.set("ad_agreed", flag_or_null(member.ad_agreed));
  report.set("groups", groups_report(member.groups));
  report.set("fields", fields_report(member.fields, showing));
  return report;
}

Value table_report(const PersonFacts& facts, const Showing& showing) {
  Value report;
  report.set("problem", facts.seen.problem);
  Value rows = Value::array();
  for (const auto& row : facts.seen.rows)
    rows.push_back(row_report(facts, row, showing));
  report.set("rows", std::move(rows));
  Value excluded = Value::array();
  for (const auto& row : facts.seen.excluded)
    excluded.push_back(privacy::shown_key(row.key.to_string(), showing.reveal));
  report.set("excluded", std::move(excluded));
  if (!facts.seen.excluded.empty()) report.set("where", facts.plan.read.where);
  return report;
}

bool takes_address_away(const pipeline::PresentRow& row) {
  return row.rejection == domain::Reason(domain::Reason::NullEmail) ||
         row.rejection == domain::Reason(domain::Reason::EmptyAddress);
}

/// What has become of the row that bore the address, by the table as it is.
ledger::RowNow row_now(const PersonFacts& facts) {
  const auto& rows = facts.seen.rows;
  const auto bears = [&](const pipeline::PresentRow& row) { return row.email && row.email == facts.email; };
  if (rows.empty() || std::any_of(rows.begin(), rows.end(), bears)) return ledger::RowNow::Bears;
  const auto& row = rows.front();
  if (row.email) return ledger::RowNow::BearsAnother;
  return takes_address_away(row) ? ledger::RowNow::HasNone : ledger::RowNow::HasUnusable;
}

// ---- what follows ----------------------------------------------------------------------------------------

/// What the rules are asked about: as a read of now would find it, or as the last one left it.
struct Standing {
  domain::Wanted wanted;
  domain::Confirmed confirmed;
  std::optional<domain::FieldValues> values;
  std::optional<ledger::LedgerRow> row;  // as it then is
};

std::optional<Standing> standing_of(const PersonFacts& facts, domain::UtcTime now) {
  const auto& decision = facts.seen.decision;
  const auto& person = facts.record.person;
  const auto view = ledger::ledger_view(person);
  if (!decision) {
    if (!view) return std::nullopt;
    return Standing{view->wanted, view->confirmed, person.row ? person.row->values : std::nullopt,
                    person.row};
  }
  Standing standing{decision->wanted, decision->confirmed, decision->values, std::nullopt};
  const ledger::AddressDecision decided{decision->wanted, decision->values, std::nullopt, std::nullopt};
  standing.row = ledger::after_decision(person, decided, facts.plan.policy, now).row;
  if (!standing.row) return standing;
  // A new no is to be said, and doubts are settled; unless a member's opt-out is the address's from now on.
  const bool inherited = decision->confirmed != (view ? view->confirmed : domain::Confirmed{});
  if (!inherited) standing.confirmed = standing.row->confirmed;
  if (!standing.values) standing.values = standing.row->values;
  return standing;
}

/// The call that carries the operation, for nobody else.
delivery::PackedCall packed(const PersonFacts& facts, const Standing& standing,
                            const domain::Operation& operation, const delivery::Dialect& dialect,
                            const Showing& showing) {
  delivery::Recipient recipient;
  recipient.email =
      domain::EmailAddress::from_normalised(privacy::shown_address(facts.email->text(), showing.reveal));
  recipient.operation = operation;
  if (standing.values) recipient.fields = *standing.values;
  for (auto& field : recipient.fields)
    field.value = shown_value(field.value, showing);
  recipient.ad_agreed = standing.wanted.ad_agreed;
  return dialect.pack(facts.plan.list_id, {recipient});
}

bool carries_values(domain::OperationKind kind) {
  return kind == domain::OperationKind::Subscribe || kind == domain::OperationKind::Update ||
         kind == domain::OperationKind::Resubscribe;
}

Value none(std::string why) {
  Value report;
  report.set("operation", Value());
  report.set("why_none", std::move(why));
  return report;
}

Value parked_none(const std::string& reason, bool retries) {
  std::string why = "parked as `" + reason + "`: " + std::string(cure_of(reason));
  if (retries) why += "; it is sent again when the row changes, or by `stibee-syncd retry`";
  return none(std::move(why));
}

Value call_report(const PersonFacts& facts, const Standing& standing, const domain::Operation& operation,
                  const delivery::Dialect& dialect, const Showing& showing) {
  const auto call = packed(facts, standing, operation, dialect, showing);
  Value report;
  report.set("operation", domain::name(operation.kind));
  report.set("method", call.request.method);
  report.set("path", call.request.target);
  report.set("body", call.request.body);
  report.set("lane", domain::name(domain::lane_of(operation.kind)));
  if (carries_values(operation.kind) && !standing.values && !facts.plan.mapping.fields.empty())
    report.set("note", "the values of the fields come with the next read of the table");
  return report;
}

/// When a call is due at the earliest, if that is known.
std::optional<domain::UtcTime> due_of(const PersonFacts& facts, domain::UtcTime now) {
  const auto& row = facts.record.person.row;
  if (!row || !row->lane) return std::nullopt;
  const auto due = std::max(row->due, row->not_before);
  return due > now ? std::optional(due) : std::nullopt;
}

Value next_call(const PersonFacts& facts, const std::optional<Standing>& standing,
                const delivery::Dialect& dialect, const Showing& showing) {
  if (!standing) return none("nobody of this address is known");
  if (standing->row && standing->row->parked && !standing->row->parked_by_rule)
    return parked_none(name(*standing->row->parked), true);
  const auto& policy = facts.plan.policy;
  const auto step = ledger::next_operation(standing->wanted, standing->confirmed, policy, showing.now);
  if (const auto* impossible = std::get_if<ledger::Impossible>(&step))
    return parked_none(name(impossible->reason), false);
  if (std::holds_alternative<ledger::Rest>(step)) {
    const auto rule =
        ledger::rule_of(standing->wanted, standing->confirmed, policy, showing.now, row_now(facts));
    return none(ledger::in_words(rule, policy));
  }
  if (const auto* later = std::get_if<ledger::Later>(&step)) {
    auto report = call_report(facts, *standing, later->operation, dialect, showing);
    report.set("due", text::iso_utc(later->due));
    return report;
  }
  auto report = call_report(facts, *standing, std::get<domain::Operation>(step), dialect, showing);
  report.set("due", time_or_null(due_of(facts, showing.now)));
  return report;
}

// ---- the ledger ------------------------------------------------------------------------------------------

Value confirmed_report(const domain::Confirmed& confirmed, const Showing& showing) {
  Value report;
  report.set("status", domain::name(confirmed.status));
  report.set("since", time_or_null(confirmed.since));
  report.set("groups", groups_report(confirmed.groups));
  report.set("in_doubt", confirmed.maybe_subscribed || !confirmed.maybe_groups.empty());
  if (!confirmed.moved_to.empty())
    report.set("moved_to", privacy::shown_address(confirmed.moved_to, showing.reveal));
  return report;
}

Value last_answers(const domain::CallTimes& called) {
  Value report;
  report.set("add_or_update", time_or_null(called.upsert));
  report.set("resubscribe", time_or_null(called.resubscribe));
  report.set("unsubscribe", time_or_null(called.optout));
  report.set("delete", time_or_null(called.deletion));
  return report;
}

Value trouble_report(const PersonFacts& facts) {
  Value report;
  const auto& person = facts.record.person;
  report.set("in_flight", person.call.has_value());
  if (!person.row) return report;
  const auto& row = *person.row;
  report.set("lane", row.lane ? Value(domain::name(*row.lane)) : Value());
  report.set("pending_since", row.lane ? Value(text::iso_utc(row.pending_since)) : Value());
  report.set("attempts", row.attempts);
  report.set("not_before", row.attempts > 0 && row.lane ? Value(text::iso_utc(row.not_before)) : Value());
  report.set("in_doubt", row.in_doubt);
  report.set("parked", name(row.parked));
  report.set("parked_since", row.parked ? Value(text::iso_utc(row.parked_since)) : Value());
  report.set("error", name(row.error));
  report.set("message", row.message);
  return report;
}

Value opt_out_report(const ledger::Suppression& opt_out, std::string_view of, const Showing& showing) {
  Value report;
  report.set("of", of);
  report.set("at", text::iso_utc(opt_out.at));
  report.set("by", opt_out.by);
  report.set("reason", shown_value(opt_out.reason, showing));
  report.set("consent_then", time_or_null(opt_out.consent));
  return report;
}

Value opt_outs_report(const PersonFacts& facts, const Showing& showing) {
  Value report = Value::array();
  const auto& record = facts.record;
  if (record.person.suppression)
    report.push_back(opt_out_report(*record.person.suppression, "address", showing));
  const auto add = [&](const store::KnownRow& row) {
    if (row.opt_out)
      report.push_back(opt_out_report(
          *row.opt_out, "key " + privacy::shown_key(row.key.to_string(), showing.reveal), showing));
  };
  for (const auto& row : record.rows)
    add(row);
  const auto& asked = facts.row_of_key;
  const bool listed = asked && std::any_of(record.rows.begin(), record.rows.end(),
                                           [&](const auto& row) { return row.key == asked->key; });
  if (asked && !listed) add(*asked);
  return report;
}

Value calls_report(const PersonFacts& facts) {
  if (!facts.calls) return {};
  Value report = Value::array();
  for (const auto& call : *facts.calls) {
    Value one;
    one.set("at", text::iso_utc(call.at));
    one.set("operation", domain::name(call.operation));
    one.set("people", call.people);
    one.set("outcome", domain::name(call.outcome));
    one.set("reason", name(call.reason));
    one.set("message", call.message);
    report.push_back(std::move(one));
  }
  return report;
}

Value there_report(const ThereNow& there, const Showing& showing) {
  Value report;
  report.set("asked", there.why_not.empty());
  report.set("why_not", there.why_not);
  report.set("found", there.listed.has_value());
  if (!there.listed) return report;
  const auto& listed = *there.listed;
  report.set("status", listed.status ? Value(domain::name(*listed.status)) : Value());
  report.set("fields", fields_report(listed.fields, showing));
  report.set("ad_agreed", flag_or_null(listed.ad_agreed));
  report.set("groups", listed.groups ? groups_report(*listed.groups) : Value());
  report.set("created", time_or_null(listed.created));
  report.set("modified", time_or_null(listed.modified));
  return report;
}

}  // namespace

bool is_known(const PersonFacts& facts) {
  const auto& record = facts.record;
  return !facts.seen.rows.empty() || !record.rows.empty() || facts.row_of_key || record.person.row ||
         record.person.trace || record.person.suppression;
}

std::string how_to_be_known(const PersonFacts& facts) {
  const auto& read = facts.plan.read;
  if (!facts.seen.problem.empty()) return "the table cannot be read: " + facts.seen.problem;
  if (!facts.seen.excluded.empty()) {
    std::string keys;
    for (const auto& row : facts.seen.excluded)
      keys += (keys.empty() ? "" : ", ") + privacy::shown_key(row.key.to_string(), false);
    return "a row exists (key " + keys + "), but `where` excludes it: " + read.where;
  }
  const auto what = read.table.empty() ? std::string("the `query`") : read.table;
  const auto& column = read.columns.at(facts.email ? 1 : 0);
  return "a row of " + what + " whose column \"" + column + "\" has the " +
         (facts.email ? "address" : "key") +
         (read.where.empty() ? std::string() : ", and which `where` (" + read.where + ") does not exclude,") +
         " would make them known";
}

Value explain_report(const PersonFacts& facts, const delivery::Dialect& dialect, const Showing& showing) {
  const auto standing = standing_of(facts, showing.now);
  Value report;
  report.set("name", facts.plan.name);
  report.set("list_id", facts.plan.list_id);
  report.set("email", shown(facts.email, showing));
  report.set("known", is_known(facts));
  if (!is_known(facts)) report.set("hint", how_to_be_known(facts));
  report.set("table", table_report(facts, showing));
  report.set("wanted", standing ? Value(domain::name(standing->wanted.intent)) : Value());
  if (standing) {
    const auto& policy = facts.plan.policy;
    const auto rule =
        ledger::rule_of(standing->wanted, standing->confirmed, policy, showing.now, row_now(facts));
    report.set("confirmed", confirmed_report(standing->confirmed, showing));
    report.set("rule", ledger::name(rule));
    report.set("rule_words", ledger::in_words(rule, policy));
    report.set("last_answers", last_answers(standing->confirmed.called));
  }
  report.set("opt_outs", opt_outs_report(facts, showing));
  report.set("delivery", trouble_report(facts));
  report.set("calls", calls_report(facts));
  report.set("stibee", there_report(facts.there, showing));
  Value waits = Value::array();
  for (const auto& why : facts.waits)
    waits.push_back(why);
  report.set("waits", std::move(waits));
  report.set("next_call", facts.email ? next_call(facts, standing, dialect, showing)
                                      : none("the row has no usable address"));
  return report;
}

}  // namespace stibee_sync::app
