#pragma once

#include <boost/beast/http/error.hpp>

namespace stibee_sync::http {

/// Of a read by Beast: the peer sent something that is no HTTP or exceeds a limit, as opposed to a connection
/// that ended early.
inline bool is_parse_error(const boost::system::error_code& code) {
  using boost::beast::http::error;
  return code.category() == make_error_code(error::end_of_stream).category() &&
         code != error::end_of_stream && code != error::partial_message;
}

}  // namespace stibee_sync::http
