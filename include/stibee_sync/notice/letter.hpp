#pragma once

#include "stibee_sync/notice/news.hpp"

#include <string>
#include <utility>
#include <vector>

namespace stibee_sync::notice {

/// Who tells, and when.
struct Sender {
  std::string host;
  domain::UtcTime at{};
};

/// What is posted to the address.
struct Letter {
  Letter() = default;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// All news in one letter. `news` is not empty. No addresses of people are in it, whatever a problem says.
Letter make_letter(const std::vector<Notice>& news, const Sender& sender, LetterFormat format,
                   Language language);

/// The words of one piece of news.
struct NoticeWords {
  std::string title;                  // one line
  std::string details;                // "" where the title says all
  std::vector<std::string> commands;  // that help
};
NoticeWords words_of(const Notice& news, Language language);

}  // namespace stibee_sync::notice
