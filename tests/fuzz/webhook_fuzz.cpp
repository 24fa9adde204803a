// Whatever is posted to the webhook listener, reading it ends in an event whose people are usable, or in a
// refusal; and no header makes a caller a friend. An input is a line that stands for path and
// X-Forwarded-For, and the body after it.
#include "stibee_sync/webhook/gate.hpp"
#include "stibee_sync/webhook/list_event.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>
#include <string_view>
#include <variant>

namespace {

using namespace stibee_sync;

void require(bool condition, std::string_view what) {
  if (condition) return;
  std::cerr << "violated: " << what << '\n';
  std::abort();
}

bool is_plain(const std::string& text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_normalised(const domain::EmailAddress& email) {
  const auto again = domain::EmailAddress::parse(email.text());
  const auto* address = std::get_if<domain::EmailAddress>(&again);
  return address != nullptr && *address == email;
}

void check_event(std::string_view body) {
  const auto parsed = webhook::parse_event(body);
  if (const auto* problem = std::get_if<webhook::Malformed>(&parsed)) {
    require(!webhook::name(*problem).empty(), "a refusal has a name");
    return;
  }
  const auto& event = std::get<webhook::ListEvent>(parsed);
  require(event.list_id > 0, "a list has a number");
  std::set<std::string> seen;
  for (const webhook::EventPerson& person : event.people) {
    require(is_normalised(person.email), "an address is normalised");
    require(seen.insert(person.email.text()).second, "nobody comes twice");
    require(!person.old_email || (is_normalised(*person.old_email) && *person.old_email != person.email),
            "an old address is another one");
    require(person.reason.size() <= webhook::longest_reason && is_plain(person.reason),
            "a reason is short text");
    for (const auto& field : person.fields)
      require(field.value.find('\0') == std::string::npos && field.tag.find('\0') == std::string::npos,
              "a value is text");
  }
}

void check_gate(const std::string& line) {
  static const webhook::Gate gate("s3cret-of-the-fuzzer",
                                  {text::IpNetwork::parse("52.78.132.66", 32).value()},
                                  {text::IpNetwork::parse("10.0.0.0", 8).value()});
  webhook::RequestOrigin caller;
  caller.path = line;
  caller.peer = "203.0.113.9";
  caller.forwarded_for = {line, line};
  require(gate.source_of(caller) == caller.peer, "a stranger's header counts for nothing");
  require(gate.judge(caller) != webhook::Verdict::Admitted, "a stranger stays one");
  caller.peer = "10.1.2.3";
  require(gate.judge(caller) != webhook::Verdict::Admitted, "nobody guesses the secret");
  caller.peer = line;
  gate.source_of(caller);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line_end = std::min(input.find('\n'), input.size());
  check_gate(std::string(input.substr(0, line_end)));
  check_event(input.substr(std::min(line_end + 1, input.size())));
  return 0;
}
