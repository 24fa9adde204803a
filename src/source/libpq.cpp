#include "libpq.hpp"

#include "failure.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <libpq-events.h>
#include <libpq-fe.h>
#include <map>
#include <poll.h>
#include <utility>
#include <vector>

namespace stibee_sync::source::libpq {
namespace {

using Kind = SourceError::Kind;
using std::chrono::steady_clock;

struct Free {
  void operator()(PGnotify* notification) const { PQfreemem(notification); }
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Free>;

using Parameters = std::map<std::string, std::string>;

/// libpq parses the URL and takes parameters as a list, so that nothing has to be escaped on the way.
Parameters parameters_of(const Connection& connection) {
  char* text = nullptr;
  const std::unique_ptr<PQconninfoOption, Free> options(PQconninfoParse(connection.url.c_str(), &text));
  PQfreemem(text);  // it quotes the URL, so it is not shown
  if (!options) {
    throw Failure(Kind::NotAsMapped,
                  "`database.url` cannot be read as a connection string; write "
                  "postgresql://USER@HOST:PORT/DATABASE?sslmode=… "
                  "or host=… dbname=… user=…, with special characters percent-encoded in the URL form");
  }
  Parameters parameters;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr && *option->val != '\0') parameters.emplace(option->keyword, option->val);
  }
  // emplace keeps what the URL says.
  const auto timeout = std::max<std::chrono::seconds::rep>(connection.connect_timeout.count(), 1);
  parameters.emplace("connect_timeout", std::to_string(timeout));
  parameters.emplace("application_name", "stibee-syncd");
  parameters.emplace("keepalives", "1");
  parameters.emplace("keepalives_idle", "20");
  parameters.emplace("keepalives_interval", "5");
  parameters.emplace("keepalives_count", "4");
  // Also ends a connection attempt that nobody answers, so that the next of several hosts is tried.
  parameters.emplace("tcp_user_timeout", std::to_string(timeout * 1000));
  return parameters;
}

std::string value_or(const Parameters& parameters, const char* keyword, std::string fallback) {
  const auto found = parameters.find(keyword);
  return found == parameters.end() ? std::move(fallback) : found->second;
}

/// libpq's own time-out works only where it blocks, so the time for all hosts together is counted here.
std::chrono::seconds time_allowed(const Parameters& parameters, std::chrono::seconds fallback) {
  const auto hosts = value_or(parameters, "host", value_or(parameters, "hostaddr", ""));
  const auto count = 1 + std::count(hosts.begin(), hosts.end(), ',');
  const auto seconds = std::strtol(value_or(parameters, "connect_timeout", "0").c_str(), nullptr, 10);
  return (seconds > 0 ? std::chrono::seconds(seconds) : fallback) * count;
}

/// Where the connection went, or was to go: never the user, never the password.
std::string place(const PGconn* raw) {
  const char* host = PQhost(raw);
  const char* port = PQport(raw);
  std::string out = host != nullptr && *host != '\0' ? host : "the local socket";
  if (out.find('@') != std::string::npos) out = "the host of `database.url`";
  if (port != nullptr && *port != '\0' && out.front() != '/') out += ":" + std::string(port);
  return out;
}

/// Waits for the socket, the interrupt or the deadline; false on the deadline.
bool wait_for(const PGconn* raw, PostgresPollingStatusType direction, const Interrupt& interrupt,
              steady_clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0) return false;
    const short events = direction == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    pollfd fds[] = {{PQsocket(raw), events, 0}, {interrupt.wake_fd(), POLLIN, 0}};
    const int ready = ::poll(fds, 2, static_cast<int>(std::min<long>(left, 60'000)));
    if (interrupt.requested()) throw Failure(Kind::Cancelled, "cancelled while waiting for PostgreSQL");
    if (ready > 0) return true;
  }
}

/// Waits until something has come in, which may be the end of the connection.
void await_byte(const PGconn* raw, const Wait& wait) {
  const auto deadline = steady_clock::now() + wait.longest_silence;
  if (!wait_for(raw, PGRES_POLLING_READING, *wait.interrupt, deadline))
    throw Failure(silence(wait.longest_silence));
}

Result next_result(PGconn* raw, const Wait& wait) {
  while (PQisBusy(raw) != 0) {
    await_byte(raw, wait);
    if (PQconsumeInput(raw) == 0) break;  // lost: the result says so
  }
  return Result(PQgetResult(raw));
}

Answer answer_of(PGresult* result) {
  if (result == nullptr) return {};  // nothing was sent: the connection is lost
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return std::string(text != nullptr ? text : "");
  };
  Answer answer;
  const auto status = PQresultStatus(result);
  answer.succeeded = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  if (!answer.succeeded) {
    answer.sqlstate = field(PG_DIAG_SQLSTATE);
    answer.text = field(PG_DIAG_MESSAGE_PRIMARY);
    answer.position = std::strtoul(field(PG_DIAG_STATEMENT_POSITION).c_str(), nullptr, 10);
    answer.fatal = field(PG_DIAG_SEVERITY_NONLOCALIZED) != "ERROR";
    return answer;
  }
  answer.command = PQcmdStatus(result);
  const std::string rows = PQcmdTuples(result);
  if (!rows.empty()) answer.rows = std::strtoul(rows.c_str(), nullptr, 10);
  return answer;
}

[[noreturn]] void fail(const Result& result) {
  throw CopyFailed{answer_of(result.get()).sqlstate};
}

int on_event(PGEventId id, void* info, void* listener) {
  if (id == PGEVT_RESULTCREATE)
    static_cast<Listener*>(listener)->hear(static_cast<const PGEventResultCreate*>(info)->result);
  return 1;
}

}  // namespace

void Finish::operator()(PGconn* connection) const {
  PQfinish(connection);
}

Handle connect(const Connection& connection, const Interrupt& interrupt) {
  const auto parameters = parameters_of(connection);
  const auto allowed = time_allowed(parameters, connection.connect_timeout);
  const auto deadline = steady_clock::now() + allowed;
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  auto password = connection.password;
  if (!password.empty()) {
    password.append(std::string_view("\0", 1));
    keywords.push_back("password");
    values.push_back(password.reveal().data());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);

  Handle raw(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (!raw) throw std::bad_alloc();
  PQsetErrorVerbosity(raw.get(), PQERRORS_SQLSTATE);
  // Notices can quote rows; libpq would print them.
  PQsetNoticeReceiver(raw.get(), [](void*, const PGresult*) {}, nullptr);
  auto progress = PGRES_POLLING_WRITING;
  while (progress != PGRES_POLLING_OK) {
    if (PQstatus(raw.get()) == CONNECTION_BAD || progress == PGRES_POLLING_FAILED) {
      throw Failure(connect_error(PQerrorMessage(raw.get()), place(raw.get()), connection.password_cure));
    }
    if (!wait_for(raw.get(), progress, interrupt, deadline)) {
      throw Failure(Kind::Unreachable, "cannot connect to PostgreSQL at " + place(raw.get()) +
                                           ": no answer within " + std::to_string(allowed.count()) +
                                           " s; check host, port and firewalls");
    }
    progress = PQconnectPoll(raw.get());
  }
  PQsetErrorVerbosity(raw.get(), PQERRORS_TERSE);
  return raw;
}

int version(const PGconn* connection) {
  return PQserverVersion(connection);
}

bool in_transaction(const PGconn* connection) {
  return PQtransactionStatus(connection) == PQTRANS_INTRANS;
}

std::string parameter(const PGconn* connection, const char* name) {
  const char* value = PQparameterStatus(connection, name);
  return value != nullptr ? value : "";
}

int socket(const PGconn* connection) {
  return PQsocket(connection);
}

int server_process(const PGconn* connection) {
  return PQbackendPID(connection);
}

bool take_notifications(PGconn* connection, std::vector<std::string>& channels) {
  if (PQconsumeInput(connection) == 0) return false;
  while (const std::unique_ptr<PGnotify, Free> notification{PQnotifies(connection)})
    channels.emplace_back(notification->relname);
  return true;
}

Listener::Listener(PGconn* connection) {
  if (PQregisterEventProc(connection, on_event, "answers", this) == 0) throw std::bad_alloc();
}

void Listener::forget() {
  answer_ = {};
  refused_ = false;
}

void Listener::hear(pg_result* result) {
  // What follows a refusal is only that the connection has ended.
  if (refused_) return;
  answer_ = answer_of(result);
  refused_ = !answer_.succeeded;
}

CopyStream::CopyStream(PGconn* connection, Wait wait, const std::string& copy)
    : connection_(connection), wait_(wait) {
  if (PQsendQuery(connection_, copy.c_str()) == 0) throw CopyFailed{};
  const Result result = next_result(connection_, wait_);
  if (PQresultStatus(result.get()) != PGRES_COPY_OUT) fail(result);
}

void CopyStream::FreeRow::operator()(char* row) const {
  PQfreemem(row);
}

bool CopyStream::next(std::string_view& line) {
  row_.reset();
  char* row = nullptr;
  int length = 0;
  while ((length = PQgetCopyData(connection_, &row, 1)) == 0) {
    await_byte(connection_, wait_);
    if (PQconsumeInput(connection_) == 0) throw CopyFailed{};
  }
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
  const Result result = next_result(connection_, wait_);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail(result);
  if (std::strtoull(PQcmdTuples(result.get()), nullptr, 10) != rows_) throw CopyFailed{};
  while (const Result rest = next_result(connection_, wait_)) {
    if (PQresultStatus(rest.get()) != PGRES_COMMAND_OK) fail(rest);
  }
}

}  // namespace stibee_sync::source::libpq
