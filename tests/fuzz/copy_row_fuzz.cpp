// COPY rows: the bytes of the source's columns are anybody's. Whatever arrives is split, mapped or rejected
// with a reason; what is mapped can be sent and survives the state file.

#include "stibee_sync/diff/mapping.hpp"
#include "stibee_sync/domain/member.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace stibee_sync;

constexpr std::size_t columns = 10;

diff::Mapping mapping() {
  using domain::ColumnType;
  diff::Mapping result;
  result.subscribed = 2;
  result.consented_at = 3;
  result.groups = {4, 5};
  result.fields = {{"name", 6, domain::ColumnType::Text},
                   {"vip", 7, domain::ColumnType::Boolean},
                   {"birthday", 8, domain::ColumnType::Date},
                   {"joined", 9, domain::ColumnType::TimestampTz}};
  result.group_ids = {{"gold", 2}, {"silver", 1}};
  result.types.assign(columns, domain::ColumnType::Text);
  result.types[5] = domain::ColumnType::TextArray;
  result.column_names.assign(columns, "column");
  return result;
}

void require(bool holds) {
  if (!holds) std::abort();
}

bool sendable(std::string_view text) {
  return text.find('\0') == std::string_view::npos && text::is_valid_utf8(text);
}

void check(const domain::Member& member, const diff::Mapping& rules) {
  const std::string& address = member.email.text();
  require(sendable(address) && address.size() <= rules.max_address_length);
  const auto again = domain::EmailAddress::parse(address);
  require(std::holds_alternative<domain::EmailAddress>(again));
  require(std::get<domain::EmailAddress>(again) == member.email);
  require(std::is_sorted(member.groups.begin(), member.groups.end()));
  require(std::adjacent_find(member.groups.begin(), member.groups.end()) == member.groups.end());
  require(member.consented_at.has_value());
  require(member.fields.size() == rules.fields.size());
  for (const domain::FieldValue& field : member.fields)
    require(sendable(field.value));
  require(domain::fields_from_text(domain::to_text(member.fields)) == member.fields);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const diff::Mapping rules = mapping();
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  diff::NullWatch watch(columns);
  watch.see(line);
  for (const bool integer_key : {true, false})
    diff::key_of(line, integer_key);

  diff::RowFields fields;
  if (!fields.split(line, columns)) return 0;
  std::vector<std::string> unknown;
  const auto result = diff::map_row(fields.values(), rules, &unknown);
  if (const auto* member = std::get_if<domain::Member>(&result)) {
    check(*member, rules);
  } else {
    require(parks(std::get<diff::Rejection>(result).reason));
  }
  for (const std::string& value : unknown)
    require(sendable(value));
  return 0;
}
