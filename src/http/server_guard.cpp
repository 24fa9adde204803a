#include "http/server_guard.hpp"

#include "http/message_text.hpp"

#include <algorithm>
#include <stdexcept>

namespace stibee_sync::http {
namespace {

bool is_method_allowed(const ServerOptions& options, std::string_view method) {
  const auto& allowed = options.allowed_methods;
  const auto has = [&](std::string_view name) {
    return std::find(allowed.begin(), allowed.end(), name) != allowed.end();
  };
  return has(method) || (method == "HEAD" && has("GET"));
}

std::string allow_header(const ServerOptions& options) {
  std::string text;
  for (const auto& method : options.allowed_methods) {
    text += (text.empty() ? "" : ", ") + method;
    if (method == "GET") text += ", HEAD";
  }
  return text;
}

bool is_host_allowed(const ServerOptions& options, const std::string& host, std::string_view local_address) {
  if (host == "localhost" || host == "127.0.0.1" || host == "::1" || host == local_address) return true;
  if (const auto* address = std::get_if<ListenAddress>(&options.listen);
      address != nullptr && host == address->host) {
    return true;
  }
  return std::any_of(options.allowed_hosts.begin(), options.allowed_hosts.end(),
                     [&](const std::string& allowed) { return equal_ignoring_case(allowed, host); });
}

}  // namespace

Refusal::Refusal(int refusal_status, std::string refusal_text, std::vector<Header> extra_headers)
    : status(refusal_status), text(std::move(refusal_text)), headers(std::move(extra_headers)) {}

std::optional<std::string> host_of(std::string_view host_header) {
  std::string_view host = host_header;
  std::string_view port;
  if (host.starts_with('[')) {
    const auto close = host.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    port = host.substr(close + 1);
    host = host.substr(1, close - 1);
    if (!port.empty() && port.front() != ':') return std::nullopt;
    if (!port.empty()) port.remove_prefix(1);
  } else if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  const bool is_number = std::all_of(port.begin(), port.end(), text::is_digit);
  if (host.empty() || !is_number || port.size() > 5) return std::nullopt;
  return lower_case(host);
}

std::optional<Refusal> refuse_framing(const std::vector<std::string_view>& transfer_encodings,
                                      bool is_http_1_0) {
  if (transfer_encodings.empty()) return std::nullopt;
  const bool plain =
      transfer_encodings.size() == 1 && equal_ignoring_case(transfer_encodings.front(), "chunked");
  if (plain && !is_http_1_0) return std::nullopt;
  return Refusal(400, "a request body comes with Content-Length, or as chunked and nothing else\n");
}

std::optional<Refusal> refuse_request(const ServerOptions& options, std::string_view method,
                                      std::string_view target, const std::vector<std::string_view>& hosts,
                                      bool is_http_1_0, std::string_view local_address) {
  const bool over_tcp = std::holds_alternative<ListenAddress>(options.listen);
  if (hosts.size() > 1 || (hosts.empty() && !is_http_1_0))
    return Refusal(400, "a request needs one Host header\n");
  if (over_tcp && options.check_host) {
    const auto host = hosts.empty() ? std::nullopt : host_of(hosts.front());
    if (!host || !is_host_allowed(options, *host, local_address)) {
      const std::string cure = options.host_cure.empty() ? "" : "; " + options.host_cure;
      return Refusal(421, "this host name is not served here" + cure + "\n");
    }
  }
  if (!is_method_allowed(options, method)) {
    std::vector<Header> allow;
    allow.emplace_back("Allow", allow_header(options));
    return Refusal(405, "this method is not allowed here\n", std::move(allow));
  }
  if (!target.starts_with('/') || target.find('#') != std::string_view::npos) {
    return Refusal(400, "the request target must begin with '/'\n");
  }
  return std::nullopt;
}

std::string answer_head(const ServerOptions& options, const ServerResponse& response, bool close,
                        std::string_view reason, std::string_view date) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status);
  head.append(" ").append(reason).append("\r\n");
  const auto overridden = [&](std::string_view name) {
    return std::any_of(response.headers.begin(), response.headers.end(),
                       [&](const Header& header) { return equal_ignoring_case(header.name, name); });
  };
  const auto line = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  const auto preset = [&](std::string_view name, std::string_view value) {
    if (!value.empty() && !overridden(name)) line(name, value);
  };
  if (!is_header_value(response.content_type))
    throw std::invalid_argument("control character in Content-Type");
  preset("Date", date);
  if (!response.body.empty()) preset("Content-Type", response.content_type);
  preset("Cache-Control", "no-store");
  preset("Content-Security-Policy", options.content_security_policy);
  preset("X-Content-Type-Options", "nosniff");
  preset("X-Frame-Options", "DENY");
  preset("Referrer-Policy", "no-referrer");
  preset("Cross-Origin-Resource-Policy", "same-origin");
  for (const auto& header : response.headers) {
    if (!is_token(header.name) || !is_header_value(header.value)) {
      throw std::invalid_argument("a header of the answer holds a character that HTTP does not allow");
    }
    for (const std::string_view own : {"content-length", "transfer-encoding", "connection"}) {
      if (equal_ignoring_case(header.name, own))
        throw std::invalid_argument(header.name + " is set by the server");
    }
    line(header.name, header.value);
  }
  if (response.status != 204 && response.status != 304)
    line("Content-Length", std::to_string(response.body.size()));
  if (close) line("Connection", "close");
  head.append("\r\n");
  return head;
}

}  // namespace stibee_sync::http
