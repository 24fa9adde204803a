// Whatever is sent to a listener, its session answers with whole answers and ends, and what it hands to a
// handler has passed the listener's checks. The session is the one that ships, on a pair of sockets. An input
// is a byte that says which listener it is, one that says in which pieces the rest arrives, and what the peer
// sends.
#include "fuzz/fuzzing.hpp"
#include "http/message_text.hpp"
#include "http/server_guard.hpp"
#include "http/server_session.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace {

using namespace stibee_sync;
using fuzzing::require;
namespace asio = boost::asio;

constexpr std::size_t longest_input = 4096;
constexpr std::size_t most_body = 256;
constexpr std::size_t most_header = 1024;

struct Seen {
  std::size_t sent = 0;
  std::size_t handled = 0;
  std::size_t refused = 0;
  std::size_t screened = 0;
  std::size_t failed = 0;
};

std::size_t count_of(const http::ServerRequest& request, std::string_view name) {
  return static_cast<std::size_t>(std::count_if(request.headers.begin(), request.headers.end(),
                                                [&](const http::Header& each) { return each.name == name; }));
}

void check_head(const http::ServerRequest& request) {
  for (const auto& header : request.headers) {
    require(http::is_token(header.name) && http::lower_case(header.name) == header.name, "a name is a token");
    require(header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
            "a value is one line");
  }
  // What a proxy before us could understand in another way than we do.
  const auto encodings = count_of(request, "transfer-encoding");
  require(encodings == 0 || count_of(request, "content-length") == 0, "one way to say where a body ends");
  require(encodings == 0 ||
              (encodings == 1 && http::equal_ignoring_case(*request.header("transfer-encoding"), "chunked")),
          "one encoding");
  const auto first = request.header("content-length");
  for (const auto& header : request.headers)
    require(header.name != "content-length" || header.value == first, "one length");
}

/// The least that a head of which this was read may have been long.
std::size_t least_head(const http::ServerRequest& request) {
  // A HEAD arrives as GET.
  std::size_t bytes =
      std::string_view("GET  HTTP/1.1\r\n\r\n").size() + request.path.size() + request.query.size();
  for (const auto& header : request.headers)
    bytes += header.name.size() + header.value.size() + std::string_view(":\r\n").size();
  return bytes;
}

void check_request(const http::ServerOptions& options, const http::ServerRequest& request) {
  check_head(request);
  require(least_head(request) <= options.max_header_bytes, "a head no longer than allowed");
  const auto& allowed = options.allowed_methods;
  require(std::find(allowed.begin(), allowed.end(), request.method) != allowed.end(),
          "a method that is allowed");
  require(request.path.starts_with('/'), "a path");
  require(request.path.find_first_of(std::string_view(" ?#\r\n\0", 6)) == std::string::npos, "a plain path");
  require(request.body.size() <= options.max_body_bytes, "a body no larger than allowed");
  require(count_of(request, "host") <= 1, "one host");
}

/// The session sees what comes as from a Unix socket; a listener on TCP looks at the name it is called by as
/// well.
void check_host(const http::ServerRequest& request) {
  const http::ServerOptions tcp(http::ListenAddress{"127.0.0.1", 80});
  const auto host = request.header("host");
  if (!host) return;
  const auto refusal = refuse_request(tcp, "GET", "/", {*host}, false, "127.0.0.1");
  if (refusal) return;
  const auto name = http::host_of(*host);
  require(name == "localhost" || name == "127.0.0.1" || name == "::1", "another name is not served");
}

/// All of what was answered, answer by answer.
std::size_t whole_answers(std::string_view text) {
  std::size_t answers = 0;
  while (!text.empty()) {
    require(text.starts_with("HTTP/1.1 "), "an answer begins where the one before it ends");
    const auto status = text.substr(9, 3);
    if (status == "100") {
      text.remove_prefix(std::min(text.find("\r\n\r\n") + 4, text.size()));
      continue;
    }
    const auto end = text.find("\r\n\r\n");
    require(end != std::string_view::npos, "an answer's head ends");
    const auto head = text.substr(0, end);
    constexpr std::string_view length_name = "\r\nContent-Length: ";
    const auto at = head.find(length_name);
    require(at != std::string_view::npos, "an answer has a length");
    std::size_t length = 0;
    const auto digits = head.substr(at + length_name.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), length);
    text.remove_prefix(end + 4);
    ++answers;
    // The body of an answer to HEAD is left out: then the next answer, or the end, follows at once.
    if (text.empty() || (text.starts_with("HTTP/1.1 ") && length > 0)) continue;
    require(text.size() >= length, "an answer is whole");
    text.remove_prefix(length);
  }
  return answers;
}

http::ServerOptions listener(std::uint8_t which, Seen& seen) {
  http::ServerOptions options(http::UnixSocketAddress{});
  options.max_header_bytes = most_header;
  if ((which & 1) != 0) {
    options.allowed_methods = {"GET", "POST"};
    options.max_body_bytes = most_body;
  }
  options.on_refusal = [&seen](int status) {
    require(status >= 400 && status < 600, "a refusal is one");
    require(status != 431 || seen.sent >= most_header, "a head as long as allowed is taken");
    ++seen.refused;
  };
  options.on_error = [&seen](std::exception_ptr) { ++seen.failed; };
  options.on_body_lost = [](const http::ServerRequest& request) {
    check_head(request);
    require(request.body.empty(), "what was lost is not told");
  };
  if ((which & 2) != 0) {
    options.screen = [&seen](const http::ServerRequest& request) -> std::optional<http::ServerResponse> {
      check_head(request);
      require(request.body.empty(), "nobody's body is read before they are let in");
      if (request.path != "/stranger") return std::nullopt;
      ++seen.screened;
      return http::ServerResponse(404, "text/plain", "nothing here\n");
    };
  }
  return options;
}

asio::awaitable<http::ServerResponse> answered(http::ServerResponse response) {
  co_return response;
}

std::string drained(int socket) {
  std::string all;
  char buffer[8192];
  for (;;) {
    const auto count = ::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count <= 0) return all;
    all.append(buffer, static_cast<std::size_t>(count));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzzing::Bytes input(fuzzing::text_of(data, size));
  const auto which = input.byte();
  const std::size_t piece = std::size_t{input.byte()} + 1;
  auto sent = input.take(longest_input);

  asio::io_context loop(1);
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "a pair of sockets");
  Seen seen;
  seen.sent = sent.size();
  std::string answers;
  {
    auto options = listener(which, seen);
    const auto settings = options;
    http::Handler handler = [&seen, &settings](http::ServerRequest request) {
      check_request(settings, request);
      check_host(request);
      ++seen.handled;
      return answered(http::ServerResponse(200, "text/plain", request.path == "/empty" ? "" : "answered\n"));
    };
    auto context = std::make_shared<const http::SessionContext>(std::move(options), std::move(handler));
    asio::generic::stream_protocol::socket socket(loop, asio::generic::stream_protocol(AF_UNIX, 0), ends[1]);
    auto session = std::make_shared<http::ServerSession>(std::move(socket), std::move(context));
    bool ended = false;
    asio::co_spawn(loop, http::ServerSession::serve(session), [&ended](std::exception_ptr thrown) {
      require(thrown == nullptr, "nothing that a peer does is thrown");
      ended = true;
    });
    // In at most 64 pieces: each is a turn of the loop.
    const auto step = std::max(piece, sent.size() / 64 + 1);
    while (!sent.empty() && !ended) {
      const auto part = sent.substr(0, step);
      if (::send(ends[0], part.data(), part.size(), MSG_NOSIGNAL) < 0) break;
      sent.remove_prefix(part.size());
      loop.poll();
      answers += drained(ends[0]);
    }
    ::shutdown(ends[0], SHUT_WR);
    // Without a peer that keeps it waiting, it waits for nothing.
    for (int turn = 0; turn < 10'000 && !ended; ++turn) {
      loop.poll();
      answers += drained(ends[0]);
    }
    require(ended, "a session ends with its peer");
    session->close();
    loop.restart();
    loop.poll();
  }
  answers += drained(ends[0]);
  ::close(ends[0]);
  require(whole_answers(answers) == seen.handled + seen.refused + seen.screened,
          "each request has one answer");
  require(seen.failed == 0, "no handler fails");
  return 0;
}
