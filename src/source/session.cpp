#include "session.hpp"

#include <poll.h>
#include <utility>

namespace stibee_sync::source {

Session::Session(const Connection& connection, Interrupt& interrupt)
    : interrupt_(interrupt),
      wait_{&interrupt, connection.longest_silence},
      raw_(libpq::connect(connection, interrupt)) {
  interrupt_.watch(libpq::socket_of(raw_.get()));
  if (version() < 140'000) return;
  // A server that sorts for a reader who is gone finds out by itself. Servers on some systems cannot, and say
  // so.
  auto answer = execute("SET client_connection_check_interval = '2s'");
  if (!answer.succeeded && answer.sqlstate.empty()) throw StatementFailed{std::move(answer)};
}

Session::~Session() {
  interrupt_.unwatch();
}

libpq::Answer Session::execute(const std::string& commands) const {
  return libpq::execute(raw_.get(), wait_, commands);
}

libpq::Answer Session::execute(const std::string& statement, const libpq::Row& parameters) const {
  return libpq::execute(raw_.get(), wait_, statement, parameters);
}

libpq::Answer Session::prepare(const std::string& statement) const {
  return libpq::prepare(raw_.get(), wait_, statement);
}

std::vector<libpq::Row> Session::rows(const std::string& statement, const libpq::Row& parameters) const {
  auto answer = execute(statement, parameters);
  if (!answer.succeeded) throw StatementFailed{std::move(answer)};
  return std::move(answer.table);
}

void Session::run(const std::string& commands) const {
  auto answer = execute(commands);
  if (!answer.succeeded) throw StatementFailed{std::move(answer)};
}

libpq::CopyStream Session::copy(const std::string& statement) const {
  return {raw_.get(), wait_, statement};
}

bool Session::usable() const {
  return libpq::usable(raw_.get());
}

bool Session::quiet() const {
  pollfd fd{libpq::socket_of(raw_.get()), POLLIN, 0};
  return usable() && ::poll(&fd, 1, 0) == 0;
}

bool Session::in_transaction() const {
  return usable() && libpq::in_transaction(raw_.get());
}

int Session::version() const {
  return libpq::version(raw_.get());
}

std::string Session::parameter(const char* name) const {
  return libpq::parameter(raw_.get(), name);
}

}  // namespace stibee_sync::source
