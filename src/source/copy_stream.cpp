#include "copy_stream.hpp"

#include <cstdlib>

namespace stibee_sync::source {
namespace {

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, FreeResult>;

[[noreturn]] void fail(const Result& result) {
  const char* sqlstate = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  throw CopyFailed{sqlstate != nullptr ? sqlstate : ""};
}

}  // namespace

CopyStream::CopyStream(PGconn* connection, const std::string& copy) : connection_(connection) {
  if (PQsendQuery(connection_, copy.c_str()) == 0) throw CopyFailed{};
  const Result result(PQgetResult(connection_));
  if (PQresultStatus(result.get()) != PGRES_COPY_OUT) fail(result);
}

bool CopyStream::next(std::string_view& line) {
  row_.reset();
  char* row = nullptr;
  const int length = PQgetCopyData(connection_, &row, 0);
  if (length > 0) {
    row_.reset(row);
    ++rows_;
    line = {row, static_cast<std::size_t>(length)};
    if (line.back() == '\n') line.remove_suffix(1);
    return true;
  }
  if (length < -1) throw CopyFailed{};
  finish();
  return false;
}

void CopyStream::finish() {
  const Result result(PQgetResult(connection_));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail(result);
  if (std::strtoull(PQcmdTuples(result.get()), nullptr, 10) != rows_) throw CopyFailed{};
  while (const Result rest{PQgetResult(connection_)}) {
    if (PQresultStatus(rest.get()) != PGRES_COMMAND_OK) fail(rest);
  }
}

}  // namespace stibee_sync::source
