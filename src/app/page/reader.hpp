#pragma once

#include "app/page/markup.hpp"
#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/json/value.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace stibee_sync::app {

/// Whom the page is for: values of a report in words and figures of their language. Times are of this host's
/// zone, and ages as of the report. Pure, but for the zone.
class Reader {
 public:
  Reader(Language language, std::string now) : language_(language), now_(std::move(now)) {}

  Language language() const { return language_; }
  Markup text(const Text& words) const { return escaped(words.in(language_)); }
  Markup say(const Text& words, std::initializer_list<Markup> values) const {
    return app::say(words, language_, values);
  }
  /// Why something is so: in their language where the words are ours, else the English that came from
  /// elsewhere.
  Markup why(std::string_view english) const;
  /// "2026-11-28 19:00:12 KST".
  Markup time(std::string_view iso) const;
  /// "12 s ago", and the time; `words::never` for "".
  Markup ago(std::string_view iso) const;
  /// "3 min": since then; 0 for "".
  std::string age(std::string_view iso) const;
  Markup duration(double seconds) const;

 private:
  Language language_;
  std::string now_;
};

/// To the second, of a time as reports write it; 1970 for anything else.
domain::UtcTime time_of(std::string_view iso);
/// "1,234".
Markup figure(std::int64_t number);
/// A command of ours, to be copied; of the mirror, where one is named.
Markup command_line(std::string_view command, std::string_view mirror = {});

}  // namespace stibee_sync::app
