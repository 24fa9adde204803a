// Whatever somebody sends to the control socket or asks of a page, what is read from it is usable or refused,
// and a command of ours that says it again is understood alike. An input is a line, the query or a header,
// and the body after it.
#include "app/asked.hpp"
#include "app/language.hpp"
#include "app/mirror_choice.hpp"
#include "app/render.hpp"
#include "fuzz/fuzzing.hpp"
#include "stibee_sync/http/query.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace {

using namespace stibee_sync;
using fuzzing::require;

const std::vector<std::string> mirrors{"members", "staff", "가입자"};

void check_mirror(const std::string& name) {
  const auto meant = app::mirrors_meant(mirrors, name);
  for (const auto i : meant)
    require(i < mirrors.size() && (name.empty() || mirrors[i] == name), "a mirror that there is");
  if (!meant.empty()) return;
  const auto said = app::no_such_mirror(mirrors, name);
  for (const auto& each : mirrors)
    require(said.find(each) != std::string::npos, "those that there are, are said");
}

void check_explain(const json::Value& body) {
  app::ExplainAsked asked;
  const auto problem = app::read_body(body, asked);
  if (problem) {
    const auto email = app::text_of(body, "email");
    // Without an at sign it may be a part of the words that anybody is told.
    const bool is_like_one = email.size() >= 8 && email.find('@') != std::string::npos;
    require(!problem->empty() && (!is_like_one || problem->find(email) == std::string::npos),
            "a refusal does not repeat the address");
    return;
  }
  require(asked.person.email || !asked.person.key.empty(), "somebody is asked for");
  if (asked.person.email) {
    const auto again = domain::EmailAddress::parse(asked.person.email->text());
    const auto* address = std::get_if<domain::EmailAddress>(&again);
    require(address != nullptr && *address == *asked.person.email, "an address is normalised");
  }
  check_mirror(asked.mirror);
  app::ExplainAsked same;
  require(!app::read_body(app::body_of(asked), same), "what we say is understood");
  require(same.person.email == asked.person.email && same.person.key == asked.person.key &&
              same.reveal == asked.reveal && same.mirror == asked.mirror,
          "as it was meant");
}

void check_pause(const json::Value& body) {
  const domain::UtcTime now{std::chrono::milliseconds(1'700'000'000'000)};
  const auto until = app::pause_asked(body, now);
  require(!until || (*until > now && *until <= now + app::longest_pause), "a pause ends in time");
}

void check_query(std::string_view query) {
  const auto failures = app::failures_asked(query);
  const auto same = app::failures_asked(app::query_of(failures));
  require(same.reason == failures.reason && same.limit == failures.limit && same.reveal == failures.reveal,
          "who failed is asked for alike");
  const auto held = app::held_set_asked(query);
  const auto held_again = app::held_set_asked(app::query_of(held));
  require(held_again.digest == held.digest && held_again.reveal == held.reveal, "a held set, too");
  const auto name = http::query_value(query, "mirror").value_or("");
  check_mirror(name);
  std::string fresh;
  http::add_to_query(fresh, "mirror", name);
  require(http::query_value(fresh, "mirror").value_or("") == name, "a value comes back");
  const auto language = app::language_asked(query, query);
  require(!app::code(language).empty(), "a language that there is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzzing::text_of(data, size);
  const auto end = std::min(input.find('\n'), input.size());
  check_query(input.substr(0, end));
  const auto body = json::parse(input.substr(std::min(end + 1, input.size())));
  if (!body || !body->is_object()) return 0;
  check_explain(*body);
  check_pause(*body);
  const auto written = json::parse(json::to_string(*body));
  // A double may come back as its neighbour, and then ours as another text.
  require(written && written->is_object(), "JSON is read as it is written");
  return 0;
}
