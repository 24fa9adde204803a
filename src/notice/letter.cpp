#include "stibee_sync/notice/letter.hpp"

#include "stibee_sync/json/value.hpp"
#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/text/time_format.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace stibee_sync::notice {
namespace {

using json::Value;

/// A chat shows no more of them at once; JSON has all.
constexpr std::size_t most_shown = 10;
constexpr std::size_t longest_problem = 500;  // bytes

/// These go to somebody else's servers: a last look for what must not.
std::vector<Notice> fit_to_be_sent(std::vector<Notice> news) {
  for (auto& each : news)
    each.problem = text::cut_with_ellipsis(privacy::redact_addresses(each.problem), longest_problem);
  return news;
}

std::string more_in_words(std::size_t more, Language language) {
  const auto count = std::to_string(more);
  return language == Language::Korean ? "그 밖에 " + count + "건이 더 있습니다." : "and " + count + " more";
}

/// Details and commands, a line each; `mark` stands around a command.
std::string below_title(const NoticeWords& wording, std::string_view mark) {
  std::string lines = wording.details;
  for (const auto& command : wording.commands)
    lines.append(lines.empty() ? "" : "\n").append(mark).append(command).append(mark);
  return lines;
}

std::string plain_text(const std::vector<Notice>& news, const Sender& sender, Language language) {
  std::string text = "[" + sender.host + "] ";
  for (std::size_t i = 0; i < std::min(news.size(), most_shown); ++i) {
    const auto wording = words_of(news[i], language);
    text += (i == 0 ? "" : "\n\n") + wording.title + "\n" + below_title(wording, "`");
  }
  if (news.size() > most_shown)
    text += "\n\n" + more_in_words(news.size() - most_shown, language) + "\n`stibee-syncd status`";
  return text;
}

/// Slack reads these three as its own.
std::string escaped_for_slack(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out += c;
    }
  }
  return out;
}

/// A class, a number and a digest only where there is one.
void add_news(Value& value, const Notice& news, Language language) {
  value.set("kind", name(news.occasion));
  value.set("mirror", news.mirror);
  value.set("state", news.state);
  value.set("problem", news.problem);
  if (!news.held_class.empty()) value.set("class", news.held_class);
  if (news.people > 0) value.set("people", static_cast<std::uint64_t>(news.people));
  if (!news.digest.empty()) value.set("digest", news.digest);
  Value commands = Value::array();
  for (const auto& command : words_of(news, language).commands)
    commands.push_back(command);
  value.set("commands", std::move(commands));
}

Value json_body(const std::vector<Notice>& news, const Sender& sender, Language language) {
  Value notices = Value::array();
  for (const auto& each : news) {
    Value one;
    add_news(one, each, language);
    notices.push_back(std::move(one));
  }
  Value body;
  body.set("version", 1);
  body.set("at", text::iso_utc(sender.at));
  body.set("host", sender.host);
  add_news(body, news.front(), language);  // whoever takes only one takes the most urgent
  body.set("text", plain_text(news, sender, language));
  body.set("notices", std::move(notices));
  return body;
}

Value slack_body(const std::vector<Notice>& news, const Sender& sender, Language language) {
  Value body;
  body.set("text", escaped_for_slack(plain_text(news, sender, language)));
  return body;
}

std::string_view colour_of(Occasion occasion) {
  switch (occasion) {
    case Occasion::Unhealthy:
      return "#D93025";
    case Occasion::Held:
    case Occasion::Drift:
      return "#F9AB00";
    case Occasion::Recovered:
    case Occasion::Released:
    case Occasion::Imported:
      return "#188038";
  }
  std::abort();
}

Value jandi_body(const std::vector<Notice>& news, const Sender& sender, Language language) {
  Value info = Value::array();
  for (std::size_t i = 0; i < std::min(news.size(), most_shown); ++i) {
    const auto wording = words_of(news[i], language);
    Value one;
    one.set("title", wording.title);
    one.set("description", below_title(wording, ""));
    info.push_back(std::move(one));
  }
  if (news.size() > most_shown) {
    Value one;
    one.set("title", more_in_words(news.size() - most_shown, language));
    one.set("description", "stibee-syncd status");
    info.push_back(std::move(one));
  }
  // The first line is what a telephone shows.
  Value body;
  body.set("body", "[" + sender.host + "] " + words_of(news.front(), language).title);
  body.set("connectColor", colour_of(news.front().occasion));
  body.set("connectInfo", std::move(info));
  return body;
}

}  // namespace

Letter make_letter(const std::vector<Notice>& news, const Sender& sender, LetterFormat format,
                   Language language) {
  const auto told = fit_to_be_sent(news);
  Letter letter;
  letter.headers.emplace_back("Content-Type", "application/json");
  switch (format) {
    case LetterFormat::Json:
      letter.body = json::to_string(json_body(told, sender, language));
      return letter;
    case LetterFormat::Slack:
      letter.body = json::to_string(slack_body(told, sender, language));
      return letter;
    case LetterFormat::Jandi:
      letter.headers.emplace_back("Accept", "application/vnd.tosslab.jandi-v2+json");
      letter.body = json::to_string(jandi_body(told, sender, language));
      return letter;
  }
  std::abort();
}

}  // namespace stibee_sync::notice
