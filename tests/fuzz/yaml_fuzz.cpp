// Whatever the bytes, the loader answers with settings that are within their ranges, or with problems that
// can be read.
#include "stibee_sync/settings/loader.hpp"

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace {

using namespace stibee_sync::settings;

void require(bool condition, std::string_view what) {
  if (condition) return;
  std::cerr << "violated: " << what << '\n';
  std::abort();
}

bool one_line(const std::string& text) {
  return !text.empty() && text.find_first_of("\r\n") == std::string::npos;
}

void check(const Settings& settings) {
  require(!settings.mirrors.empty(), "there is a mirror");
  require(settings.stibee.max_in_flight >= 1 && settings.stibee.max_in_flight <= 200,
          "max_in_flight in range");
  require(settings.stibee.rate_limit.calls >= 1, "rate_limit in range");
  require(settings.state.directory.is_absolute(), "state.directory is absolute");
  for (const Mirror& mirror : settings.mirrors) {
    require(!mirror.name.empty() && mirror.name.size() <= 40, "name in range");
    require(mirror.list_id > 0, "list_id in range");
    require(mirror.source.table.has_value() != mirror.source.query.has_value(), "table or query");
    require(!mirror.source.key.empty() && !mirror.source.email.empty(), "key and email are given");
    require(mirror.poll_interval >= milliseconds(100) && mirror.poll_interval <= hours(24),
            "poll_interval in range");
    require(mirror.guard.min_removals <= mirror.guard.max_removals, "guard in order");
    for (const auto& [tag, column] : mirror.source.fields) {
      require(!tag.empty() && tag.front() != '$' && !column.empty(), "fields are sound");
    }
    for (const auto& [value, id] : mirror.groups)
      require(!value.empty() && id > 0, "groups are sound");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto environment = [](std::string_view) { return std::optional<std::string>("/nonexistent"); };
  // Skip: a fuzzer must not open whatever file the text names.
  const auto result = load_text(text, "/etc/stibee-syncd/config.yaml", environment, SecretFiles::Skip);
  if (result.ok()) {
    check(result.settings());
    return 0;
  }
  require(!result.problems().empty(), "a refusal has a reason");
  for (const Problem& problem : result.problems()) {
    require(one_line(problem.what) && one_line(problem.cure), "a message is one line");
    require(problem.line >= 0 && problem.column >= 0, "a place is a place");
  }
  return 0;
}
