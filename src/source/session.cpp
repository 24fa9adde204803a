#include "session.hpp"

#include <poll.h>
#include <utility>

namespace stibee_sync::source {
namespace {

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

}  // namespace

class Session::AdoptedConnection final : public pqxx::connection_base {
 public:
  explicit AdoptedConnection(libpq::Handle raw) : connection_base(policy_), policy_(std::move(raw)) {
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
  auto raw = libpq::connect(connection, interrupt);
  raw_ = raw.get();
  connection_ = std::make_unique<AdoptedConnection>(std::move(raw));
  interrupt_.watch(connection_->sock());
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
  pollfd fd{connection_->sock(), POLLIN, 0};
  return usable() && ::poll(&fd, 1, 0) == 0;
}

bool Session::in_transaction() const {
  return connection_->is_open() && libpq::in_transaction(raw_);
}

int Session::version() const {
  return connection_->server_version();
}

std::string Session::parameter(const char* name) const {
  return libpq::parameter(raw_, name);
}

}  // namespace stibee_sync::source
