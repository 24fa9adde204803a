#include "stibee_sync/delivery/v2_reading.hpp"
#include "stibee_sync/text/ascii.hpp"

#include <charconv>

namespace stibee_sync::delivery::v2 {

namespace {

constexpr std::chrono::hours korea{9};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<int> number(std::size_t digits) {
    if (text_.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!text::is_digit(text_[i])) return std::nullopt;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return value;
  }
  bool one_of(std::string_view characters) {
    if (text_.empty() || characters.find(text_.front()) == std::string_view::npos) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool next_is(std::string_view characters) const {
    return !text_.empty() && characters.find(text_.front()) != std::string_view::npos;
  }
  bool done() const { return text_.empty(); }
  std::string_view rest() const { return text_; }

  // ".123456789" as milliseconds; nothing there is 0.
  std::optional<std::chrono::milliseconds> fraction() {
    if (!one_of(".")) return std::chrono::milliseconds(0);
    int value = 0;
    int digits = 0;
    while (next_is("0123456789")) {
      const int digit = text_.front() - '0';
      if (digits < 3) value = value * 10 + digit;
      ++digits;
      text_.remove_prefix(1);
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 3; ++digits)
      value *= 10;
    return std::chrono::milliseconds(value);
  }

 private:
  std::string_view text_;
};

// "+0900", "+09:00", "Z", or nothing.
std::optional<std::chrono::minutes> offset(Scanner& scanner) {
  if (scanner.done()) return korea;
  if (scanner.one_of("Zz")) return std::chrono::minutes(0);
  const bool west = scanner.next_is("-");
  if (!scanner.one_of("+-")) return std::nullopt;
  const auto hours = scanner.number(2);
  scanner.one_of(":");
  const auto minutes = scanner.number(2);
  if (!hours || !minutes || *hours > 14 || *minutes > 59) return std::nullopt;
  const std::chrono::minutes ahead = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return west ? -ahead : ahead;
}

bool is_zone_name(std::string_view text) {
  if (text.size() > 6) return false;
  for (const char c : text) {
    if (!text::is_upper(c) && !text::is_digit(c) && c != '+' && c != '-') return false;
  }
  return true;
}

}  // namespace

std::optional<domain::UtcTime> parse_time(std::string_view text) {
  Scanner scanner(text);
  const auto year = scanner.number(4);
  if (!year || !scanner.one_of("-")) return std::nullopt;
  const auto month = scanner.number(2);
  if (!month || !scanner.one_of("-")) return std::nullopt;
  const auto day = scanner.number(2);
  if (!day || !scanner.one_of(" T")) return std::nullopt;
  const auto hour = scanner.number(2);
  if (!hour || !scanner.one_of(":")) return std::nullopt;
  const auto minute = scanner.number(2);
  if (!minute || !scanner.one_of(":")) return std::nullopt;
  const auto second = scanner.number(2);
  const auto fraction = second ? scanner.fraction() : std::nullopt;
  if (!fraction || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  scanner.one_of(" ");
  const auto ahead = offset(scanner);
  if (!ahead) return std::nullopt;
  if (!scanner.done() && (!scanner.one_of(" ") || !is_zone_name(scanner.rest()))) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + *fraction - *ahead;
}

}  // namespace stibee_sync::delivery::v2
