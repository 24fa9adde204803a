#include "diff/text_array.hpp"
#include "diff/timestamp.hpp"
#include "stibee_sync/diff/mapping.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace stibee_sync::diff {
namespace {

using domain::Reason;
using Row = std::vector<std::optional<std::string_view>>;

// Why the text cannot be sent, if it cannot.
std::optional<Reason> unsendable(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return Reason::NulByte;
  if (!text::is_valid_utf8(text)) return Reason::InvalidUtf8;
  return std::nullopt;
}

bool is_true(const std::optional<std::string_view>& value) {
  return value == "t";
}

class GroupCollector {
 public:
  GroupCollector(const Mapping& mapping, std::vector<std::string>* unknown)
      : mapping_(mapping), unknown_(unknown) {}

  void add(const std::string& value) {
    if (const auto known = mapping_.group_ids.find(value); known != mapping_.group_ids.end()) {
      groups_.push_back(known->second);
    } else if (!value.empty() && unknown_ != nullptr && unknown_->size() < max_unknown_groups &&
               std::find(unknown_->begin(), unknown_->end(), value) == unknown_->end()) {
      unknown_->push_back(value);
    }
  }

  domain::GroupSet take() {
    std::sort(groups_.begin(), groups_.end());
    groups_.erase(std::unique(groups_.begin(), groups_.end()), groups_.end());
    return std::move(groups_);
  }

 private:
  const Mapping& mapping_;
  std::vector<std::string>* unknown_;
  domain::GroupSet groups_;
};

// Adds the groups of one column, or tells why it cannot be used.
std::optional<Reason> collect_groups(std::string_view text, domain::ColumnType type, GroupCollector& groups) {
  if (const auto reason = unsendable(text)) return reason;
  if (type != domain::ColumnType::TextArray) {
    groups.add(std::string(text));
    return std::nullopt;
  }
  const auto elements = parse_text_array(text);
  if (!elements) return Reason::BadArray;
  for (const auto& element : *elements) {
    if (element) groups.add(*element);
  }
  return std::nullopt;
}

// What Stibee is sent for a value; nullopt: a date that has no such form.
std::optional<std::string_view> sendable(std::string_view text, domain::ColumnType type) {
  switch (type) {
    case domain::ColumnType::Boolean:
      return text == "t" ? "Y" : text == "f" ? "N" : text;
    case domain::ColumnType::Date:
      return stibee_date(text, false);
    case domain::ColumnType::Timestamp:
    case domain::ColumnType::TimestampTz:
      return stibee_date(text, true);
    case domain::ColumnType::Integer:
    case domain::ColumnType::Text:
    case domain::ColumnType::Uuid:
    case domain::ColumnType::TextArray:
    case domain::ColumnType::Other:
      return text;
  }
  std::abort();
}

}  // namespace

std::variant<domain::Member, Rejection> map_row(const Row& row, const Mapping& mapping,
                                                std::vector<std::string>* unknown_groups) {
  constexpr std::size_t email_column = 1;
  domain::Member member;
  // First, since it is told even of a rejected row. NULL is no consent.
  if (mapping.subscribed) member.subscribed = is_true(row.at(*mapping.subscribed));

  bool has_email = false;
  const auto rejected = [&](Reason reason, std::size_t column) {
    Rejection rejection(reason);
    if (column < mapping.column_names.size()) rejection.column = mapping.column_names[column];
    if (has_email) rejection.email = std::move(member.email);
    rejection.subscribed = member.subscribed;
    return rejection;
  };

  const auto& raw_email = row.at(email_column);
  if (!raw_email) return rejected(Reason::NullEmail, email_column);
  auto email = domain::EmailAddress::parse(*raw_email, mapping.max_address_length);
  if (const auto* problem = std::get_if<domain::AddressProblem>(&email))
    return rejected(reason_of(*problem), email_column);
  member.email = std::move(std::get<domain::EmailAddress>(email));
  has_email = true;

  if (mapping.ad_agreed) member.ad_agreed = is_true(row.at(*mapping.ad_agreed));
  if (mapping.consented_at) {
    const auto& text = row.at(*mapping.consented_at);
    member.consented_at = (text ? parse_timestamptz(*text) : std::nullopt).value_or(domain::no_consent);
  }

  GroupCollector groups(mapping, unknown_groups);
  for (const std::size_t column : mapping.groups) {
    const auto& text = row.at(column);
    if (!text) continue;
    if (const auto reason = collect_groups(*text, mapping.types.at(column), groups))
      return rejected(*reason, column);
  }
  member.groups = groups.take();

  member.fields.reserve(mapping.fields.size());
  for (const Mapping::MappedField& field : mapping.fields) {
    // NULL is sent as "", so that a value that was cleared is cleared there too.
    const std::string_view text = row.at(field.column).value_or("");
    if (const auto reason = unsendable(text)) return rejected(*reason, field.column);
    const auto value = row[field.column] ? sendable(text, field.type) : text;
    if (!value) return rejected(Reason::BadDate, field.column);
    member.fields.push_back({field.tag, std::string(*value)});
  }
  return member;
}

}  // namespace stibee_sync::diff
