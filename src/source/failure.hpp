#pragma once

#include "stibee_sync/source/source.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stibee_sync::source {

/// Carries a SourceError to the edge of the room, where it becomes a value.
class Failure : public std::exception {
 public:
  explicit Failure(SourceError error) : error_(std::move(error)) {}
  Failure(SourceError::Kind kind, std::string_view message, std::string sqlstate = {});
  const SourceError& error() const { return error_; }
  const char* what() const noexcept override { return error_.message.c_str(); }

 private:
  SourceError error_;
};

/// Longest message that leaves the room, in bytes.
inline constexpr std::size_t max_message = 300;

/// One line of valid UTF-8, at most `max_message` bytes.
std::string fit(std::string_view message);

/// PostgreSQL's or libpq's primary message without its severity, its position and whatever it quotes; quoted
/// names that stand in one of `known` (text that came from the configuration) stay. Nothing with an `@` is
/// kept.
std::string sanitise(std::string_view text, const std::vector<std::string_view>& known);

/// What an SQLSTATE means for the caller, and what to do about it. `primary` is sanitised text or "".
SourceError classify(std::string_view sqlstate, std::string_view primary);

/// PostgreSQL did not say anything for so long.
SourceError silence(std::chrono::milliseconds longest);

/// What a connection pooler says by itself, in words that are always the same; nullopt if it is none of them.
std::optional<SourceError> of_pooler(std::string_view sqlstate, std::string_view text);

/// Why libpq could not connect to `place`; `text` was made with PQERRORS_SQLSTATE, so that the server's
/// words, which may be in any language and quote anything, are not in it.
SourceError connect_error(std::string_view text, const std::string& place,
                          const std::string& password_cure = {});

}  // namespace stibee_sync::source
