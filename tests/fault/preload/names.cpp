#include "fault/preload/ground.hpp"

#include <netdb.h>
#include <string>
#include <string_view>
#include <unistd.h>

// The name server: names that end with `.test` are what the test says.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
  using namespace stibee_sync::fault;
  static const auto real =
      next<int (*)(const char*, const char*, const addrinfo*, addrinfo**)>("getaddrinfo");
  Control* shared = control();
  if (shared == nullptr || node == nullptr || !std::string_view(node).ends_with(".test"))
    return real(node, service, hints, found);
  ++shared->lookups;
  while (shared->lookup == Lookup::Hangs)
    ::usleep(5'000);
  if (shared->lookup == Lookup::Fails) return EAI_AGAIN;
  const auto address = "127.0.0." + std::to_string(shared->host.load());
  return real(address.c_str(), service, hints, found);
}
