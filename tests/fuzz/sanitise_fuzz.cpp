// Whatever stands around an address or a number in somebody else's words, it is not shown. An input is a byte
// that says whose words they are and what is hidden in them, one that says where, and the words.
#include "fuzz/fuzzing.hpp"
#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace stibee_sync;
using fuzzing::require;

const std::vector<std::string_view> configuration{"SELECT e_mail, name FROM members WHERE opted_in"};

struct Hidden {
  std::string_view words;
  std::string_view part;  // of them, which nothing may show
};
constexpr Hidden hidden[] = {{" canary.person@example.com ", "canary"},
                             {" canary.person%40example.com ", "canary"},
                             {" canary&#64;example.com ", "canary"},
                             {" canary\\u0040example.com ", "canary"},
                             {" canary＠example.com ", "canary"},
                             {" 010-9753-1864 ", "9753"},
                             {" +82 10 9753 1864 ", "9753"},
                             {" ０１０９７５３１８６４ ", "９７５３"},
                             {" 01097531864 ", "9753"}};

void check_shape(const std::string& shown, const privacy::Wording& wording) {
  require(shown.size() <= wording.most_bytes, "no longer than it may be");
  require(text::is_valid_utf8(shown), "text");
  require(std::none_of(shown.begin(), shown.end(), text::is_control), "one line without control characters");
  require(!privacy::holds_at_sign(shown), "no address in any writing");
  int digits = 0;
  for (const char c : shown) {
    digits = text::is_digit(c) ? digits + 1 : 0;
    require(digits < 7, "no long number");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzzing::Bytes input(fuzzing::text_of(data, size));
  const auto which = input.byte();
  const std::size_t place = input.byte();
  const auto words = input.rest();
  const std::vector<privacy::Wording> wordings{privacy::Wording{}, privacy::words_of_stibee,
                                               privacy::words_about_statement(configuration, 300)};
  const auto& wording = wordings[which % wordings.size()];
  check_shape(privacy::sanitise(words, wording), wording);

  const auto& canary = hidden[(which / wordings.size()) % std::size(hidden)];
  const auto at = std::min(place, words.size());
  // Unless the words hold it themselves.
  if (words.find(canary.part) != std::string_view::npos) return 0;
  const std::string said =
      std::string(words.substr(0, at)) + std::string(canary.words) + std::string(words.substr(at));
  const auto shown = privacy::sanitise(said, wording);
  check_shape(shown, wording);
  require(shown.find(canary.part) == std::string::npos, "what was hidden in the words is not shown");
  if (privacy::holds_at_sign(canary.words))
    require(privacy::redact_addresses(said).find(canary.part) == std::string::npos,
            "nor in a line of our own");
  return 0;
}
