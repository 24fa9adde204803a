#pragma once

#include "integration/http/certificates.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace stibee_sync::http::test {

/// The server's end of one connection: blocking, byte by byte, obedient to its script.
class Peer {
 public:
  Peer(int socket, ssl_st* tls) : socket_(socket), tls_(tls) {}
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Header and body of the next request; empty when the client closes first.
  std::string read_request();
  /// The header only; its body stays unread.
  std::string read_header();
  void send(const std::string& bytes);
  /// Blocks until the client closes; returns whether it did in reasonable time.
  bool wait_for_close();
  /// FIN, with close_notify under TLS unless `rude`.
  void close(bool rude = false);
  /// RST.
  void reset();
  std::size_t bytes_received() const { return received_; }

 private:
  friend class ScriptedServer;
  std::size_t read_some(char* data, std::size_t size);

  int socket_;
  ssl_st* tls_;
  std::string pending_;
  std::size_t received_ = 0;
};

class ServerTls {
 public:
  explicit ServerTls(Certificate own_certificate) : certificate(std::move(own_certificate)) {}

  Certificate certificate;
  std::optional<int> only_version;  // TLS1_1_VERSION, say
};

/// A real server on loopback: each connection runs the script in a thread of its own.
class ScriptedServer {
 public:
  /// The script gets the connection and its number, from 0.
  using Script = std::function<void(Peer& peer, int connection)>;

  explicit ScriptedServer(Script script, std::optional<ServerTls> tls = std::nullopt);
  /// Cuts every connection and waits for the scripts.
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  int handshakes() const { return handshakes_; }
  /// Decrypted bytes received by all scripts that have ended.
  std::size_t application_bytes() const { return application_bytes_; }
  /// Waits for a script to say mark().
  void await_mark();
  void mark();
  /// Waits until every script has ended.
  void await_idle();

 private:
  void accept_loop();
  void serve(int socket, int number);

  Script script_;
  std::optional<ServerTls> tls_;
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<int> handshakes_ = 0;
  std::atomic<std::size_t> application_bytes_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  int marks_ = 0;
  int running_ = 0;
  bool stopping_ = false;
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

/// `HTTP/1.1 STATUS …` with Content-Length.
std::string answer(int status, const std::string& body, const std::string& extra_headers = {});

}  // namespace stibee_sync::http::test
