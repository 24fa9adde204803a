#include "session.hpp"

#include "failure.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <poll.h>
#include <utility>
#include <vector>

namespace stibee_sync::source {
namespace {

using Kind = SourceError::Kind;
using std::chrono::steady_clock;

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using RawConnection = std::unique_ptr<PGconn, Finish>;

using Parameters = std::map<std::string, std::string>;

/// libpq parses the URL and takes parameters as a list, so that nothing has to be escaped on the way.
Parameters parameters_of(const Connection& connection) {
  char* text = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(connection.url.c_str(), &text));
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
  if (!connection.password.empty()) parameters["password"] = connection.password;
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
    if (interrupt.requested())
      throw Failure(Kind::Cancelled, "the read was cancelled while connecting to PostgreSQL");
    if (ready > 0) return true;
  }
}

RawConnection connect(const Connection& connection, const Interrupt& interrupt) {
  const auto parameters = parameters_of(connection);
  const auto allowed = time_allowed(parameters, connection.connect_timeout);
  const auto deadline = steady_clock::now() + allowed;
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);

  RawConnection raw(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (!raw) throw std::bad_alloc();
  PQsetErrorVerbosity(raw.get(), PQERRORS_SQLSTATE);
  // Notices can quote rows; libpq would print them.
  PQsetNoticeReceiver(raw.get(), [](void*, const PGresult*) {}, nullptr);
  auto progress = PGRES_POLLING_WRITING;
  while (progress != PGRES_POLLING_OK) {
    if (PQstatus(raw.get()) == CONNECTION_BAD || progress == PGRES_POLLING_FAILED) {
      throw Failure(connect_error(PQerrorMessage(raw.get()), place(raw.get())));
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

/// Gives libpqxx a connection that is already open, once. (libpqxx 7 has seize_raw_connection for this.)
class HandOver : public pqxx::connectionpolicy {
 public:
  explicit HandOver(RawConnection raw) : connectionpolicy(""), raw_(std::move(raw)) {}
  handle do_startconnect(handle original) override {
    if (original != nullptr) return original;
    if (!raw_) throw pqxx::broken_connection("the connection was lost");
    return raw_.release();
  }
  handle do_completeconnect(handle original) override { return original; }
  bool is_ready(handle) const noexcept override { return true; }

 private:
  RawConnection raw_;
};

}  // namespace

class Session::AdoptedConnection final : public pqxx::connection_base {
 public:
  explicit AdoptedConnection(RawConnection raw) : connection_base(policy_), policy_(std::move(raw)) {
    init();
  }
  ~AdoptedConnection() { close(); }

 private:
  HandOver policy_;
};

std::string sqlstate_of(const pqxx::failure& failure) {
  if (const auto* error = dynamic_cast<const pqxx::sql_error*>(&failure);
      error != nullptr && !error->sqlstate().empty()) {
    return error->sqlstate();
  }
  const auto is = [&](auto* type) { return dynamic_cast<decltype(type)>(&failure) != nullptr; };
  if (is(static_cast<const pqxx::insufficient_privilege*>(nullptr))) return "42501";
  if (is(static_cast<const pqxx::too_many_connections*>(nullptr))) return "53300";
  if (is(static_cast<const pqxx::deadlock_detected*>(nullptr))) return "40P01";
  if (is(static_cast<const pqxx::serialization_failure*>(nullptr))) return "40001";
  if (is(static_cast<const pqxx::transaction_rollback*>(nullptr))) return "40000";
  return "";
}

Session::Session(const Connection& connection, Interrupt& interrupt) : interrupt_(interrupt) {
  auto raw = connect(connection, interrupt);
  raw_ = raw.get();
  connection_ = std::make_unique<AdoptedConnection>(std::move(raw));
  interrupt_.watch(PQsocket(raw_));
  if (version() < 140'000) return;
  // A server that sorts for a reader who is gone finds out by itself. Servers on some systems cannot, and say
  // so.
  pqxx::nontransaction transaction(*connection_);
  try {
    transaction.exec("SET client_connection_check_interval = '2s'");
  } catch (const pqxx::sql_error&) {
  }
}

Session::~Session() {
  interrupt_.unwatch();
}

pqxx::connection_base& Session::connection() {
  return *connection_;
}

bool Session::usable() const {
  return connection_->is_open();
}

bool Session::quiet() const {
  pollfd fd{PQsocket(raw_), POLLIN, 0};
  return usable() && ::poll(&fd, 1, 0) == 0;
}

bool Session::in_transaction() const {
  return connection_->is_open() && PQtransactionStatus(raw_) == PQTRANS_INTRANS;
}

int Session::version() const {
  return PQserverVersion(raw_);
}

std::string Session::parameter(const char* name) const {
  const char* value = PQparameterStatus(raw_, name);
  return value != nullptr ? value : "";
}

}  // namespace stibee_sync::source
