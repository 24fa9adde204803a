#include "session.hpp"

#include "failure.hpp"

#include <poll.h>
#include <utility>

#ifdef __SANITIZE_ADDRESS__
/// libpqxx 6 leaks the result that tells it of a lost connection (2 KiB): its make_result asks for the
/// encoding of the connection, which throws, before anybody owns the result.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libpqxx";
}
#endif

namespace stibee_sync::source {
namespace {

constexpr int oldest_version = 100'000;

/// Gives libpqxx a connection that is already open, once. (libpqxx 7 has seize_raw_connection for this.)
class HandOver : public pqxx::connectionpolicy {
 public:
  explicit HandOver(libpq::Handle raw) : connectionpolicy(""), raw_(std::move(raw)) {}
  handle do_startconnect(handle original) override {
    if (original != nullptr) return original;
    if (!raw_) throw pqxx::broken_connection("the connection was lost");
    return raw_.release();
  }
  handle do_completeconnect(handle original) override { return original; }
  bool is_ready(handle) const noexcept override { return true; }

 private:
  libpq::Handle raw_;
};

libpq::Handle new_enough(libpq::Handle raw) {
  // libpqxx has an opinion of its own about the oldest, which it puts into other words.
  if (libpq::version(raw.get()) >= oldest_version) return raw;
  throw Failure(SourceError::Kind::NotAsMapped, "the server is PostgreSQL " +
                                                    libpq::parameter(raw.get(), "server_version") +
                                                    "; 10 or newer is needed");
}

}  // namespace

SourceError meaning_of(const Answer& refusal) {
  if (auto error = of_pooler(refusal.sqlstate, refusal.text)) return std::move(*error);
  if (!refusal.sqlstate.empty()) return classify(refusal.sqlstate, "");
  return Failure(SourceError::Kind::Unreachable, "the connection to PostgreSQL was lost; it is made anew")
      .error();
}

/// Its base class has no virtual destructor.
class Session::AdoptedConnection final : public pqxx::connection_base {
 public:
  explicit AdoptedConnection(libpq::Handle raw) : connection_base(policy_), policy_(std::move(raw)) {
    init();
  }
  ~AdoptedConnection() { close(); }

 private:
  HandOver policy_;
};

Session::Session(const Connection& connection, Interrupt& interrupt)
    : Session(new_enough(libpq::connect(connection, interrupt)), connection, interrupt) {}

Session::Session(libpq::Handle raw, const Connection& connection, Interrupt& interrupt)
    : interrupt_(interrupt),
      wait_{&interrupt, connection.longest_silence},
      raw_(raw.get()),
      listener_(raw_),
      patience_(interrupt, connection.longest_silence) {
  try {
    connection_ = std::make_unique<AdoptedConnection>(std::move(raw));
    interrupt_.watch(connection_->sock());
    transaction_ = std::make_unique<pqxx::nontransaction>(*connection_);
  } catch (const pqxx::failure&) {
    interrupt_.unwatch();
    throw StatementFailed{};  // it was lost at once
  }
  if (connection_->server_version() < 140'000) return;
  // A server that sorts for a reader who is gone finds out by itself. Servers on some systems cannot, and say
  // so.
  auto answer = execute("SET client_connection_check_interval = '2s'");
  if (!answer.succeeded && answer.sqlstate.empty()) throw StatementFailed{std::move(answer)};
}

Session::~Session() {
  interrupt_.unwatch();
}

/// Runs what calls libpqxx once.
template <class Command>
Answer Session::ask(const Command& command) {
  listener_.forget();
  Answer answer;
  try {
    const Patience::Call call(patience_);
    answer.table = command();
    static_cast<libpq::Answer&>(answer) = listener_.heard();
  } catch (const pqxx::failure&) {
    // Of a refusal the listener has heard more than the exception knows. If it has heard of none, the
    // connection was lost, whatever was answered before.
    if (!listener_.heard().succeeded) static_cast<libpq::Answer&>(answer) = listener_.heard();
  }
  const bool lost = !answer.succeeded && answer.sqlstate.empty();
  if (lost && patience_.ran_out()) throw Failure(silence(wait_.longest_silence));
  return answer;
}

Answer Session::execute(const std::string& commands) {
  return ask([&] { return transaction_->exec(commands); });
}

Answer Session::execute(const std::string& statement, const Parameters& parameters) {
  return ask(
      [&] { return transaction_->exec_params(statement, pqxx::prepare::make_dynamic_params(parameters)); });
}

Answer Session::prepare(const std::string& statement) {
  return ask([&] {
    // Without a name, so that it is gone with the next one.
    connection_->prepare(statement);
    connection_->prepare_now("");
    return pqxx::result();
  });
}

pqxx::result Session::rows(const std::string& statement, const Parameters& parameters) {
  auto answer = execute(statement, parameters);
  if (!answer.succeeded) throw StatementFailed{std::move(answer)};
  return std::move(answer.table);
}

Answer Session::planned(const std::string& name, const std::string& statement, const Parameters& parameters) {
  if (pooled()) return execute(statement, parameters);
  return ask([&] {
    if (planned_.insert(name).second) connection_->prepare(name, statement);
    return transaction_->exec_prepared(name, pqxx::prepare::make_dynamic_params(parameters));
  });
}

pqxx::result Session::planned_rows(const std::string& name, const std::string& statement,
                                   const Parameters& parameters) {
  auto answer = planned(name, statement, parameters);
  if (!answer.succeeded) throw StatementFailed{std::move(answer)};
  return std::move(answer.table);
}

void Session::run(const std::string& commands) {
  auto answer = execute(commands);
  if (!answer.succeeded) throw StatementFailed{std::move(answer)};
}

libpq::CopyStream Session::copy(const std::string& statement) {
  return {raw_, wait_, statement};
}

std::vector<std::string> Session::notified() {
  // libpqxx leaves notifications alone while there is a transaction, and there always is.
  std::vector<std::string> channels;
  if (!usable() || !libpq::take_notifications(raw_, channels)) throw StatementFailed{};
  return channels;
}

int Session::socket() const {
  return libpq::socket(raw_);
}

bool Session::pooled() {
  if (!pooled_) {
    pooled_ = rows("SELECT pg_catalog.pg_backend_pid()").at(0)[0].as<int>() != libpq::server_process(raw_);
  }
  return *pooled_;
}

bool Session::usable() const {
  return connection_->is_open();
}

bool Session::quiet() const {
  pollfd fd{connection_->sock(), POLLIN, 0};
  return usable() && ::poll(&fd, 1, 0) == 0;
}

bool Session::in_transaction() const {
  return usable() && libpq::in_transaction(raw_);
}

std::string Session::parameter(const char* name) const {
  return libpq::parameter(raw_, name);
}

}  // namespace stibee_sync::source
