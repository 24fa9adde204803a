#include "stibee_sync/pipeline/mirror_plan.hpp"

#include "stibee_sync/text/ascii.hpp"

#include <algorithm>
#include <string_view>

namespace stibee_sync::pipeline {
namespace {

/// Adds a column to the read once and says where it stands.
std::size_t column(source::ReadPlan& read, const std::string& name, source::ReadPlan::Needs needs) {
  // The key and the address keep their places even if a field reads the same column.
  const auto begin = read.columns.begin() + std::min<std::ptrdiff_t>(2, std::ssize(read.columns));
  const auto found = std::find(begin, read.columns.end(), name);
  if (found != read.columns.end()) {
    const auto index = static_cast<std::size_t>(found - read.columns.begin());
    if (needs == source::ReadPlan::Needs::Any || read.needs[index] == needs) return index;
    if (read.needs[index] == source::ReadPlan::Needs::Any) {
      read.needs[index] = needs;
      return index;
    }
  }
  read.columns.push_back(name);
  read.needs.push_back(needs);
  return read.columns.size() - 1;
}

void describe(std::string& text, std::string_view part) {
  text += part;
  text += '\x1f';
}

void plan_read(const settings::Mirror& mirror, source::ReadPlan& read, diff::Mapping& mapping) {
  using Needs = source::ReadPlan::Needs;
  const auto& source = mirror.source;
  read.table = source.table.value_or("");
  read.query = source.query.value_or("");
  read.where = source.where.value_or("");
  read.time_zone = source.time_zone;
  read.columns = {source.key, source.email};
  read.needs = {Needs::Key, Needs::Text};

  if (source.subscribed) mapping.subscribed = column(read, *source.subscribed, Needs::Boolean);
  if (source.consented_at) mapping.consented_at = column(read, *source.consented_at, Needs::TimestampTz);
  if (source.ad_agreed) mapping.ad_agreed = column(read, *source.ad_agreed, Needs::Boolean);
  for (const auto& name : source.groups)
    mapping.groups.push_back(column(read, name, Needs::Groups));
  for (const auto& [tag, name] : source.fields) {
    diff::Mapping::MappedField field;
    field.tag = tag;
    field.column = column(read, name, Needs::Any);
    mapping.fields.push_back(std::move(field));
  }
  for (const auto& [value, id] : mirror.groups)
    mapping.group_ids.emplace(value, id);
  mapping.column_names = read.columns;
}

std::string describe_mapping(const settings::Mirror& mirror, const source::ReadPlan& read,
                             std::size_t max_address_length) {
  std::string text;
  const auto& source = mirror.source;
  for (const auto* part : {&read.table, &read.query, &read.where, &read.time_zone})
    describe(text, *part);
  for (const auto& name : read.columns)
    describe(text, name);
  describe(text, source.subscribed.value_or(""));
  describe(text, source.consented_at.value_or(""));
  describe(text, source.ad_agreed.value_or(""));
  for (const auto& name : source.groups)
    describe(text, name);
  for (const auto& [tag, name] : source.fields)
    describe(text, tag + "=" + name);
  for (const auto& [value, id] : mirror.groups)
    describe(text, value + "=" + std::to_string(id));
  if (mirror.create_missing_groups) describe(text, "groups are made");
  describe(text, std::to_string(max_address_length));
  // How addresses are read is part of it: rows that an earlier version refused are looked at again.
  describe(text, "addresses are unwrapped");
  return text;
}

/// Whether a condition may look at a clock or at another table: any function or subquery may, as far as its
/// text tells.
bool moves_by_itself(std::string_view condition) {
  const auto text = text::lower_case(condition);
  return text.find('(') != std::string::npos || text.find("current_") != std::string::npos ||
         text.find("localtime") != std::string::npos;
}

diff::GuardLimits make_limits(const settings::Guard& guard) {
  diff::GuardLimits limits;
  limits.max_removals = static_cast<std::size_t>(guard.max_removals);
  limits.max_removal_percent = guard.max_removal_percent;
  limits.min_removals = static_cast<std::size_t>(guard.min_removals);
  limits.max_optout_percent = guard.max_optout_percent;
  limits.min_source_percent = guard.min_source_percent;
  limits.max_update_percent = guard.max_update_percent;
  limits.max_daily_percent = guard.max_daily_percent;
  return limits;
}

ledger::Policy make_policy(const settings::Mirror& mirror, const delivery::Dialect& dialect) {
  ledger::Policy policy;
  policy.on_leave = mirror.on_leave;
  if (mirror.delete_after) policy.delete_after = *mirror.delete_after;
  policy.on_remote_purge = mirror.on_remote_purge;
  policy.confirm_email = mirror.confirm_email;
  policy.can_resubscribe = dialect.can_resubscribe();
  policy.groups_with_subscribe = dialect.groups_with_subscribe();
  policy.consent_alone = dialect.consent_alone();
  return policy;
}

std::string describe_placing(const ledger::Policy& policy) {
  std::string text;
  // Of a row another version may say something else.
  describe(text, STIBEE_VERSION);
  describe(text, std::to_string(static_cast<int>(policy.on_leave)));
  describe(text, policy.delete_after ? std::to_string(policy.delete_after->count()) : "");
  describe(text, std::to_string(static_cast<int>(policy.on_remote_purge)));
  for (const bool is :
       {policy.can_resubscribe, policy.groups_with_subscribe, policy.consent_alone, policy.confirm_email})
    describe(text, is ? "yes" : "no");
  return text;
}

}  // namespace

MirrorPlan make_mirror_plan(const settings::Mirror& mirror, const delivery::Dialect& dialect) {
  MirrorPlan plan;
  plan.name = mirror.name;
  plan.list_id = mirror.list_id;
  plan.poll_interval = mirror.poll_interval;
  plan.changefeed = mirror.detect == settings::Detect::Changefeed;
  plan.full_scan_interval = mirror.full_scan_interval;
  plan.condition_moves = moves_by_itself(mirror.source.where.value_or(""));
  plan.create_missing_groups = mirror.create_missing_groups;
  plan.groups_known = !mirror.create_missing_groups;
  plan.writeback = mirror.writeback;
  plan.reconcile = mirror.reconcile;
  plan_read(mirror, plan.read, plan.mapping);
  plan.mapping.max_address_length = dialect.max_address_length();
  plan.mapping_text = describe_mapping(mirror, plan.read, plan.mapping.max_address_length);
  plan.guard = make_limits(mirror.guard);
  plan.policy = make_policy(mirror, dialect);
  plan.placing = describe_placing(plan.policy);
  return plan;
}

MirrorState state_of(const store::Store& store, store::MirrorId mirror) {
  MirrorState state;
  state.paused = store.paused(mirror);
  state.adopted = store.adopted(mirror);
  state.reconciled = store.reconciled(mirror);
  state.table_read = store.source_facts(mirror).last_success.has_value();
  state.has_past = state.table_read || store.people(mirror) > 0;
  return state;
}

}  // namespace stibee_sync::pipeline
