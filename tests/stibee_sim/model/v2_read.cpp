// Reading a list back over API v2: pages of people, and their number.

#include "world.hpp"

#include <algorithm>
#include <charconv>

namespace stibee_sim {

namespace {

// Bits for the statuses named; an unknown name selects nobody.
unsigned statuses_of(const Work& work) {
  std::string_view names = work.call.route.parameter("statuses");
  if (names.empty()) {
    const unsigned all = status_bit(Status::Subscribed) | status_bit(Status::Unsubscribed) |
                         status_bit(Status::Archived) | status_bit(Status::Ready);
    return work.switches().is(Switch::V2DefaultStatuses, "all") ? all : status_bit(Status::Subscribed);
  }
  unsigned bits = 0;
  while (true) {
    const auto comma = names.find(',');
    const auto name = names.substr(0, comma);
    for (const Status status : {Status::Subscribed, Status::Unsubscribed, Status::Archived, Status::Ready}) {
      if (name == status_name(status)) bits |= status_bit(status);
    }
    if (name == "deleted") bits |= purged_bit;
    if (comma == std::string_view::npos) break;
    names.remove_prefix(comma + 1);
  }
  return work.switches().is(Switch::V2PurgedListed, "yes") ? bits : bits & ~purged_bit;
}

std::optional<Problem> read_number(const Work& work, std::string_view name, std::int64_t least,
                                   std::int64_t& number) {
  const auto text = work.call.route.parameter(name);
  if (text.empty()) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return Problem{problem::invalid_request, std::string{name} + "이 숫자가 아닙니다."};
  }
  if (number < least) {
    return Problem{problem::invalid_request,
                   std::string{name} + "이 " + std::to_string(least) + " 이상이어야 합니다."};
  }
  return std::nullopt;
}

void append_entry(std::string& out, const Work& work, const Record& record) {
  const auto& style = work.switches().text(Switch::V2Time);
  out += R"({"email":)";
  append_json_string(out, record.address);
  out += R"(,"status":)";
  append_json_string(out, record.present ? status_name(record.status) : std::string_view{"deleted"});
  out += R"(,"fields":{"$ad_agreed":)";
  out += record.ad_agreed ? R"("Y")" : R"("")";
  for (const auto& [number, value] : record.fields) {
    out += ',';
    append_json_string(out, work.list->field_at(number).tag);
    out += ':';
    append_json_string(out, value);
  }
  out += '}';
  const bool strings = work.switches().is(Switch::V2GroupIds, "strings");
  if (!work.switches().is(Switch::V2GroupIds, "absent")) {
    out += R"(,"groupIds":[)";
    for (std::size_t i = 0; i < record.groups.size(); ++i) {
      if (i > 0) out += ',';
      if (strings) out += '"';
      out += std::to_string(record.groups[i]);
      if (strings) out += '"';
    }
    out += ']';
  }
  out += R"(,"createdTime":)";
  append_json_string(out, stibee_time(record.created, style));
  out += R"(,"modifiedTime":)";
  append_json_string(out, stibee_time(record.modified, style));
  out += '}';
}

Order order_of(const Work& work) {
  if (work.switches().is(Switch::V2Order, "email")) return Order::Email;
  return work.switches().is(Switch::V2Order, "unstable") ? Order::Unstable : Order::Created;
}

}  // namespace

HttpAnswer answer_v2_read(Work& work) {
  std::int64_t offset = 0;
  std::int64_t limit = 20;
  if (const auto problem = read_number(work, "offset", 0, offset)) return work.fail(*problem);
  if (const auto problem = read_number(work, "limit", 1, limit)) return work.fail(*problem);
  if (limit > 1000) {
    return work.fail(
        Problem{"Errors.Data.LimitExceeded", "구독자 목록 조회는 한 번에 최대 1000건까지입니다."});
  }
  const auto& people = work.list->select(statuses_of(work), order_of(work), work.call.id);
  const auto first = std::min(people.size(), static_cast<std::size_t>(offset));
  const auto last = std::min(people.size(), first + static_cast<std::size_t>(limit));
  std::string page = "[";
  for (std::size_t i = first; i < last; ++i) {
    if (i > first) page += ',';
    append_entry(page, work, *people[i]);
  }
  page += ']';
  if (first == last && work.switches().is(Switch::V2EmptyPage, "null")) page = "null";
  work.count("read", last - first);

  const auto& wrapper = work.switches().text(Switch::V2Wrapper);
  if (wrapper == "array") return v2_json(std::move(page));
  if (wrapper == "Value") return v2_json(R"({"Ok":true,"Error":null,"Value":)" + page + "}");
  if (wrapper == "unknown") return v2_json(R"({"result":{"rows":)" + page + "}}");
  return v2_json(R"({"total":)" + std::to_string(people.size()) + R"(,"offset":)" + std::to_string(offset) +
                 R"(,"limit":)" + std::to_string(limit) + ",\"" + wrapper + "\":" + page + "}");
}

HttpAnswer answer_v2_count(Work& work) {
  const auto& people = work.list->select(statuses_of(work), Order::Created, 0);
  return v2_json(R"({"total":)" + std::to_string(people.size()) + "}");
}

}  // namespace stibee_sim
