#pragma once

#include <cstddef>
#include <libpq-fe.h>
#include <memory>
#include <string>
#include <string_view>

namespace stibee_sync::source {

/// PostgreSQL ended a COPY with an error, or the connection did (then there is no SQLSTATE). Its words are
/// not kept: they quote rows.
struct CopyFailed {
  std::string sqlstate;
};

/// The rows of one `COPY … TO STDOUT`, straight from libpq: libpqxx's stream_from copies each row, reads an
/// abandoned stream to its end, and leaks a result when the connection is lost. One thread; the connection
/// outlives it.
class CopyStream {
 public:
  /// Starts the COPY and waits for its first answer. Throws CopyFailed.
  CopyStream(PGconn* connection, const std::string& copy);

  /// The next row without its line feed, valid until the next call; false at the true end, which is that
  /// PostgreSQL confirmed the command and the number of rows it sent. Throws CopyFailed.
  bool next(std::string_view& line);

 private:
  struct FreeRow {
    void operator()(char* row) const { PQfreemem(row); }
  };
  void finish();

  PGconn* connection_;
  std::unique_ptr<char, FreeRow> row_;
  std::size_t rows_ = 0;
};

}  // namespace stibee_sync::source
