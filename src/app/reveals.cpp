#include "app/reveals.hpp"

#include <iostream>
#include <pwd.h>
#include <unistd.h>
#include <vector>

namespace stibee_sync::app {

std::string user_in_words(uid_t user) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  const auto number = "uid " + std::to_string(user);
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return number;
  return std::string(found->pw_name) + " (" + number + ")";
}

void tell_of(telemetry::Log& log, const Reveal& reveal, const std::string& user) {
  if (reveal.people == 0) return;
  // The names of events are a closed list: of those about privacy there is this one.
  log.event(telemetry::Level::Info, telemetry::Event::PrivacyErased,
            "nobody is erased: people were shown with their addresses in full (--reveal)",
            {{"revealed", reveal.people}, {"command", reveal.command}, {"user", user}});
}

void tell_of(const Reveal& reveal) {
  if (reveal.people == 0) return;
  std::cerr << "shown in full to " << user_in_words(::getuid()) << " by `" << reveal.command
            << " --reveal`: " << reveal.people << (reveal.people == 1 ? " person" : " people")
            << "; no daemon runs that would log it\n";
}

}  // namespace stibee_sync::app
