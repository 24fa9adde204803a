#include "workspace.hpp"

#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::settings {
namespace {

using testing::ElementsAre;

struct Bad {
  const char* name;
  std::string yaml;
  std::string problem;
  friend void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }
};

class BadMirror : public testing::TestWithParam<Bad> {};

TEST_P(BadMirror, IsRefusedWithPlaceReasonAndCure) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems(GetParam().yaml), ElementsAre(GetParam().problem));
}

/// A good file whose mirror has one more line (line 12), or whose source has (line 12 too).
std::string mirror(const std::string& line) {
  return minimal() + "    " + line + "\n";
}
std::string source(const std::string& line) {
  return minimal() + "      " + line + "\n";
}
/// A file with these lines for the mirrors; the first is line 5.
std::string mirrors(const std::string& lines) {
  return std::string(minimal_service) + lines + "\n";
}
const std::string good_source = ", source: {table: t, key: id, email: e}}";

const Bad sources[] = {
    {"QueryBesideTable", source("query: SELECT 1"),
     "12:14: `mirrors[0].source.query` stands beside `table`; keep one of the two"},
    {"NeitherQueryNorTable",
     mirrors("mirrors:\n  - name: a\n    list_id: 1\n    source: {key: id, email: e}"),
     "8:5: `mirrors[0].source.table` is missing; add `table: public.members`, or a `query: SELECT …`"},
    {"WhereBesideQuery",
     mirrors("mirrors:\n  - name: a\n    list_id: 1\n    source: {query: q, where: w, key: id, email: e}"),
     "8:31: `mirrors[0].source.where` stands beside `query`, but belongs to `table`; move the condition into "
     "the query"},
    {"QueryOfNothing",
     mirrors("mirrors:\n  - name: a\n    list_id: 1\n    source: {query: ' ; ', key: id, email: e}"),
     "8:21: `mirrors[0].source.query` has no statement in it; write a SELECT"},
    {"MissingKeyColumn", mirrors("mirrors:\n  - name: a\n    list_id: 1\n    source: {table: t, email: e}"),
     "8:5: `mirrors[0].source.key` is missing; add `key: id`"},
    {"MissingEmailColumn", mirrors("mirrors:\n  - name: a\n    list_id: 1\n    source: {table: t, key: id}"),
     "8:5: `mirrors[0].source.email` is missing; add `email: email`"},
    {"UnknownKeyInSource", source("subscribe: opt_in"),
     "12:7: unknown key `mirrors[0].source.subscribe`; did you mean `subscribed`?"},
    {"GroupsThatAreNoList", source("groups: grade"),
     "12:15: `mirrors[0].source.groups` must be a list, not a single value; write `groups: [grade]`"},
    {"GroupColumnTwice", source("groups: [grade, grade]"),
     "12:23: `mirrors[0].source.groups[1]` is the column \"grade\" again; remove it"},
    {"GroupColumnThatIsNone", source("groups: [{a: b}]"),
     "12:16: `mirrors[0].source.groups[0]` is no column; write `groups: [grade]`"},
    {"FieldForTheAddress", source("fields: {Email: email}"),
     "12:16: the tag \"Email\" in `mirrors[0].source.fields` is the address itself; use `source.email` for "
     "it"},
    {"FieldWithReservedTag", source("fields: {$ad_agreed: ok}"),
     "12:16: the tag \"$ad_agreed\" in `mirrors[0].source.fields` is reserved by Stibee, like everything "
     "that begins "
     "with $; use `source.ad_agreed` for the consent to advertising; remove any other"},
    {"FieldWithoutTag", source("fields: {'': ok}"),
     "12:16: `mirrors[0].source.fields` has an empty tag; write Stibee's tag of the field, then the column"},
    {"FieldWithoutColumn", source("fields: {name: }"),
     "12:16: `mirrors[0].source.fields.name` has no value; write `name: COLUMN`"},
    {"FieldTwice", source("fields: {name: a, name: b}"),
     "12:25: `mirrors[0].source.fields.name` is given twice, first in line 12; remove one of the two"},
    {"FieldTwiceInOtherCase", source("fields: {name: a, NAME: b}"),
     "12:25: the tag \"NAME\" in `mirrors[0].source.fields` differs from another only in case; remove one: "
     "Stibee may "
     "take them for the same field"},
    {"FieldsThatAreAList", source("fields: [name]"),
     "12:15: `mirrors[0].source.fields` must be a block of keys, not a list; write `key: value` lines, "
     "indented below "
     "it"},
    {"StrangeTimeZone", source("time_zone: Asia/Seoul'; DROP"),
     "12:18: `mirrors[0].source.time_zone` is \"Asia/Seoul'; DROP\", which is no time zone; write a name "
     "such as "
     "Asia/Seoul or UTC"},
    {"ColumnWithNul", source("subscribed: \"a\\0b\""),
     "12:19: `mirrors[0].source.subscribed` contains a NUL character; remove it"},
};

const Bad policies[] = {
    {"GroupIdThatIsNoNumber", mirror("groups: {gold: many}"),
     "12:20: `mirrors[0].groups.gold` is \"many\", which is no whole number; write a whole number from 1 to "
     "9223372036854775807"},
    {"GroupIdOfZero", mirror("groups: {gold: 0}"),
     "12:20: `mirrors[0].groups.gold` is \"0\", which is out of range; write a whole number from 1 to "
     "9223372036854775807"},
    {"GroupTwice", mirror("groups: {gold: 1, gold: 2}"),
     "12:23: `mirrors[0].groups.gold` is given twice, first in line 12; remove one of the two"},
    {"GroupWithoutValue", mirror("groups: {'': 1}"),
     "12:14: `mirrors[0].groups` has an empty value; write the value in the column, then the Stibee group "
     "id"},
    {"GroupsAsAnotherWord", mirror("groups: create"),
     "12:13: `mirrors[0].groups` is \"create\", which is neither a block nor create_missing; write `groups: "
     "{gold: "
     "1234}`, a value and its Stibee group id, or `groups: create_missing`"},
    {"UnknownOnLeave", mirror("on_leave: unsubscibe"),
     "12:15: `mirrors[0].on_leave` is \"unsubscibe\", which is not one of its values; did you mean "
     "unsubscribe?"},
    {"DeleteAfterBesideKeep", mirror("on_leave: keep\n    delete_after: 30d"),
     "13:19: `mirrors[0].delete_after` stands beside `on_leave: keep`; remove one of the two"},
    {"ChangeFeedOfAQuery",
     mirrors("mirrors:\n  - name: a\n    list_id: 1\n    source: {query: q, key: id, email: e}\n    detect: "
             "changefeed"),
     "9:13: `mirrors[0].detect` is changefeed beside `source.query`, of whose tables no trigger can tell; "
     "name a `source.table`, or write `detect: scan`"},
    {"DeleteAfterWithoutUnit", mirror("delete_after: 30"),
     "12:19: `mirrors[0].delete_after` is \"30\", a number without a unit; write the unit too: 30s for "
     "seconds, or ms, "
     "m, h, d"},
    {"PollingTooOften", mirror("poll_interval: 99ms"),
     "12:20: `mirrors[0].poll_interval` is \"99ms\", which is out of range; write a duration from 100ms to "
     "1d"},
    {"PollingTooSeldom", mirror("poll_interval: 25h"),
     "12:20: `mirrors[0].poll_interval` is \"25h\", which is out of range; write a duration from 100ms to "
     "1d"},
    {"NoBoolean", mirror("confirm_email: yes"),
     "12:20: `mirrors[0].confirm_email` is \"yes\", which is neither true nor false; write true or false"},
    {"UnknownGuardKey", mirror("guard: {max_removal: 5}"),
     "12:13: unknown key `mirrors[0].guard.max_removal`; did you mean `max_removals`?"},
    {"GuardThatHoldsNothing", mirror("guard: {max_removals: 0}"),
     "12:27: `mirrors[0].guard.max_removals` is \"0\", which is out of range; write a whole number from 1 to "
     "10000000"},
    {"GuardThatIsOff", mirror("guard: off"),
     "12:12: `mirrors[0].guard` must be a block of keys, not a single value; write `key: value` lines, "
     "indented below "
     "it"},
    {"PercentageAboveAll", mirror("guard: {max_removal_percent: 101}"),
     "12:34: `mirrors[0].guard.max_removal_percent` is \"101\", which is no percentage in range; write a "
     "number from 0 "
     "to 100, without a % sign"},
    {"PercentageWithSign", mirror("guard: {max_removal_percent: 2%}"),
     "12:34: `mirrors[0].guard.max_removal_percent` is \"2%\", which is no percentage in range; write a "
     "number from 0 to "
     "100, without a % sign"},
    {"PercentageThatIsNoNumber", mirror("guard: {min_source_percent: nan}"),
     "12:33: `mirrors[0].guard.min_source_percent` is \"nan\", which is no percentage in range; write a "
     "number from 1 to "
     "100, without a % sign"},
    {"FreeRemovalsAboveAllRemovals", mirror("guard: {max_removals: 5, min_removals: 6}"),
     "12:44: `mirrors[0].guard.min_removals` is larger than `max_removals`; write at most 5"},
    {"UnknownReconcileMode", mirror("reconcile: {mode: repairs}"),
     "12:23: `mirrors[0].reconcile.mode` is \"repairs\", which is not one of its values; did you mean "
     "repair?"},
    {"ReconcilingTooOften", mirror("reconcile: {interval: 500ms}"),
     "12:27: `mirrors[0].reconcile.interval` is \"500ms\", which is out of range; write a duration from 1s "
     "to 90d"},
    {"UnknownWritebackEvent", mirror("writeback: {unsubscribe: 'UPDATE m SET a = 1 WHERE e = :email'}"),
     "12:17: unknown key `mirrors[0].writeback.unsubscribe`; did you mean `unsubscribed`?"},
    {"WritebackForEverybody", mirror("writeback: {purged: 'UPDATE m SET t = now()::email, u = a: b, :=c'}"),
     "12:25: `mirrors[0].writeback.purged` names none of its parameters, so that it would change the same "
     "rows for "
     "everybody; use :email or :key in its WHERE (there are also :occurred_by, :reason and :occurred_at)"},
};

const Bad lists[] = {
    {"NoMirrors", std::string(minimal_service),
     "1:1: `mirrors` is missing; add a mirror: `- name: members`, with `list_id` and `source` below it"},
    {"MirrorsWithoutValue", mirrors("mirrors:"),
     "5:1: `mirrors` has no value; add a mirror: `- name: members`, with `list_id` and `source` below it"},
    {"EmptyMirrors", mirrors("mirrors: []"),
     "5:10: `mirrors` is an empty list; add a mirror: `- name: members`, with `list_id` and `source` below "
     "it"},
    {"MirrorsThatAreABlock", mirrors("mirrors: {name: a}"),
     "5:10: `mirrors` must be a list, not a block of keys; add a mirror: `- name: members`, with `list_id` "
     "and `source` "
     "below it"},
    {"MirrorThatIsAWord", mirrors("mirrors: [members]"),
     "5:11: `mirrors[0]` must be a block of keys, not a single value; write `key: value` lines, indented "
     "below it"},
    {"MirrorWithoutSource", mirrors("mirrors:\n  - name: a\n    list_id: 1"),
     "6:5: `mirrors[0].source` is missing; add a `source:` block with `table`, `key` and `email`"},
    {"MirrorWithoutName", mirrors("mirrors:\n  - {list_id: 1" + good_source),
     "6:5: `mirrors[0].name` is missing; add `name: members`"},
    {"MirrorWithoutListId", mirrors("mirrors:\n  - {name: a" + good_source),
     "6:5: `mirrors[0].list_id` is missing; add `list_id: 1`"},
    {"NameInCapitals", mirrors("mirrors:\n  - {name: Members, list_id: 1" + good_source),
     "6:12: `mirrors[0].name` is \"Members\", which is no valid name; write 1 to 40 lower-case letters, "
     "digits, `_` or "
     "`-`"},
    {"LongName", mirrors("mirrors:\n  - {name: " + std::string(41, 'a') + ", list_id: 1" + good_source),
     "6:12: `mirrors[0].name` is \"" + std::string(40, 'a') +
         "…\", which is no valid name; write 1 to 40 lower-case letters, digits, `_` or `-`"},
    {"NegativeListId", mirrors("mirrors:\n  - {name: a, list_id: -1" + good_source),
     "6:24: `mirrors[0].list_id` is \"-1\", which is out of range; write a whole number from 1 to "
     "9223372036854775807"},
    {"NameTwice",
     mirrors("mirrors:\n  - {name: a, list_id: 1" + good_source + "\n  - {name: a, list_id: 2" + good_source),
     "7:12: `mirrors[1].name` is the same as that of the mirror in line 6; give each mirror its own"},
    {"ListIdTwice",
     mirrors("mirrors:\n  - {name: a, list_id: 1" + good_source + "\n  - {name: b, list_id: 01" +
             good_source),
     "7:24: `mirrors[1].list_id` is the same as that of the mirror in line 6; give each mirror its own"},
};

std::string name_of(const testing::TestParamInfo<Bad>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Sources, BadMirror, testing::ValuesIn(sources), name_of);
INSTANTIATE_TEST_SUITE_P(Policies, BadMirror, testing::ValuesIn(policies), name_of);
INSTANTIATE_TEST_SUITE_P(Lists, BadMirror, testing::ValuesIn(lists), name_of);

}  // namespace
}  // namespace stibee_sync::settings
