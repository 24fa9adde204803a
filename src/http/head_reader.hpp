#pragma once

#include <cstddef>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>

namespace stibee_sync::http {

/// Reads a message up to the end of its head, which may be so many bytes long; `parser` is fresh.
/// Beast's own limit (header_limit) begins anew with the first line and with each call that begins with whole
/// lines: a head could be three times as long.
template <typename Stream, typename Buffer, typename Parser>
boost::asio::awaitable<boost::system::error_code> read_head(Stream* stream, Buffer* buffer, Parser* parser,
                                                            std::size_t limit, std::size_t read_size) {
  namespace asio = boost::asio;
  using Trouble = boost::beast::http::error;
  parser->eager(false);
  std::size_t taken = 0;
  for (;;) {
    if (buffer->size() > 0) {
      boost::system::error_code error;
      const auto used = parser->put(buffer->data(), error);
      buffer->consume(used);
      taken += used;
      if (error && error != Trouble::need_more) co_return error;
      // What is left in the buffer is of the head, too, as long as that has no end.
      if (parser->is_header_done() ? taken > limit : taken + buffer->size() >= limit)
        co_return Trouble::header_limit;
      if (!error) co_return error;
    }
    const auto [error, count] =
        co_await stream->async_read_some(buffer->prepare(read_size), asio::as_tuple(asio::use_awaitable));
    buffer->commit(count);
    if (error == asio::error::eof)
      co_return parser->got_some() ? Trouble::partial_message : Trouble::end_of_stream;
    if (error) co_return error;
  }
}

}  // namespace stibee_sync::http
