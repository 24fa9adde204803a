#include "app/door.hpp"

#include "app/exit_code.hpp"
#include "app/render.hpp"
#include "app/setup.hpp"
#include "stibee_sync/http/unix_client.hpp"

#include <iostream>
#include <unistd.h>
#include <utility>

namespace stibee_sync::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* usual_socket = "/run/stibee-syncd/control.sock";

fs::path usual_state_socket() {
  return settings::StateFolder().directory / "control.sock";
}

}  // namespace

std::vector<Door> doors_of(const settings::Settings& settings) {
  std::vector<Door> doors{{settings.control.socket}, {settings.state.directory / "control.sock"}};
  if (settings.state.directory == settings::StateFolder().directory) doors.push_back({usual_socket});
  return doors;
}

std::vector<Door> doors_of(const Whereabouts& whereabouts) {
  auto doors = doors_of(whereabouts.settings);
  if (whereabouts.usable()) return doors;
  for (const auto& usual : {fs::path(usual_socket), usual_state_socket()}) {
    // Also where the file seems to say so: that may be what is left of it.
    std::erase_if(doors, [&](const Door& door) { return door.socket == usual; });
    doors.push_back({usual, true});
  }
  return doors;
}

std::optional<Answer> ask_through(const fs::path& socket, const std::string& method,
                                  const std::string& target, const json::Value& body,
                                  std::chrono::seconds patience) {
  std::error_code ignored;
  if (!fs::exists(socket, ignored)) return std::nullopt;
  http::Request request(method, target, {}, method == "POST" ? json::to_string(body) : std::string());
  const auto result = http::request_over_unix_socket(socket, std::move(request), patience);
  if (!result.ok()) {
    if (::access(socket.c_str(), W_OK) != 0 && errno == EACCES) {
      std::cerr << "no permission to use " << socket.string()
                << "; run this as root or as a member of its group\n";
      throw Exit{ExitCode::refused};
    }
    if (result.failure().kind == http::FailureKind::Connect)
      return std::nullopt;  // left behind by a daemon that is gone
    std::cerr << "the daemon does not answer on " << socket.string() << ": " << result.failure().detail
              << "\n";
    throw Exit{ExitCode::unavailable};
  }
  Answer answer;
  answer.status = result.response().status();
  answer.body = json::parse(result.response().body()).value_or(json::Value());
  return answer;
}

std::string whole_name(const fs::path& file) {
  std::error_code error;
  const auto absolute = fs::absolute(file, error);
  const auto name = error ? file : absolute;
  const auto canonical = fs::weakly_canonical(name, error);
  return (error ? name.lexically_normal() : canonical).string();
}

json::Value config_report(const fs::path& file) {
  auto report = json::Value::object();
  report.set("file", whole_name(file));
  return report;
}

std::optional<std::string> why_stranger(const Whereabouts& whereabouts, const fs::path& socket) {
  const auto answer = ask_through(socket, "GET", "/config");
  if (!answer) return std::nullopt;
  const auto file = answer->status == 200 ? text_of(answer->body, "file") : std::string();
  if (file == whole_name(whereabouts.file)) return std::string();
  return "the daemon on " + socket.string() +
         (file.empty() ? " does not say that it runs with this file"
                       : " runs with " + file + ", and not with this file");
}

}  // namespace stibee_sync::app
