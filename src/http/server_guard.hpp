#pragma once

#include "stibee_sync/http/server.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::http {

/// An answer the server gives by itself.
class Refusal {
 public:
  Refusal(int refusal_status, std::string text, std::vector<Header> extra_headers = {});

  int status;
  std::string text;
  std::vector<Header> headers;
};

/// The host of a Host header in lower case, without port and brackets; nothing when it is malformed.
std::optional<std::string> host_of(std::string_view host_header);

/// What keeps a request from being taken whose end another program could see elsewhere: whoever forwards
/// requests to us would then take part of one for another. A Transfer-Encoding is "chunked" and nothing else,
/// and of HTTP/1.1.
std::optional<Refusal> refuse_framing(const std::vector<std::string_view>& transfer_encodings,
                                      bool is_http_1_0);

/// Decides from the header alone whether a request may go on to the handler. `hosts` are the values of all
/// its Host headers; `local_address` is the address it was sent to, or empty on a Unix socket.
std::optional<Refusal> refuse_request(const ServerOptions& options, std::string_view method,
                                      std::string_view target, const std::vector<std::string_view>& hosts,
                                      bool is_http_1_0, std::string_view local_address);

/// Status line and header of an answer, with the security headers and, where it has one, the length of its
/// body. Throws std::invalid_argument when the handler's own headers would break the framing.
std::string answer_head(const ServerOptions& options, const ServerResponse& response, bool close,
                        std::string_view reason, std::string_view date);

}  // namespace stibee_sync::http
