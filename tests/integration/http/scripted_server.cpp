#include "integration/http/scripted_server.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace stibee_sync::http::test {
namespace {

constexpr timeval patience{20, 0};

/// A context per connection: nothing is shared between threads.
SSL_CTX* make_context(const ServerTls& tls) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  if (tls.only_version) {
    SSL_CTX_set_cipher_list(context, "DEFAULT@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(context, *tls.only_version);
    SSL_CTX_set_max_proto_version(context, *tls.only_version);
  }
  BIO* const certificate_bio = BIO_new_mem_buf(tls.certificate.certificate_pem.data(), -1);
  X509* const certificate = PEM_read_bio_X509(certificate_bio, nullptr, nullptr, nullptr);
  BIO* const key_bio = BIO_new_mem_buf(tls.certificate.key_pem.data(), -1);
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(key_bio, nullptr, nullptr, nullptr);
  SSL_CTX_use_certificate(context, certificate);
  SSL_CTX_use_PrivateKey(context, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  BIO_free(certificate_bio);
  BIO_free(key_bio);
  return context;
}

}  // namespace

Peer::~Peer() {
  if (tls_ != nullptr) SSL_free(tls_);
}

std::size_t Peer::read_some(char* data, std::size_t size) {
  const auto count = tls_ != nullptr ? SSL_read(tls_, data, static_cast<int>(size))
                                     : static_cast<int>(::recv(socket_, data, size, 0));
  if (count <= 0) return 0;
  received_ += static_cast<std::size_t>(count);
  return static_cast<std::size_t>(count);
}

std::string Peer::read_request() {
  std::array<char, 65536> block{};
  while (true) {
    const auto end = pending_.find("\r\n\r\n");
    if (end != std::string::npos) {
      std::size_t body = 0;
      const auto length = pending_.find("Content-Length: ");
      if (length < end) body = std::stoul(pending_.substr(length + 16));
      if (pending_.size() >= end + 4 + body) {
        std::string request = pending_.substr(0, end + 4 + body);
        pending_.erase(0, request.size());
        return request;
      }
    }
    const auto count = read_some(block.data(), block.size());
    if (count == 0) return {};
    pending_.append(block.data(), count);
  }
}

std::string Peer::read_header() {
  std::string header;
  char next = 0;
  while (!header.ends_with("\r\n\r\n") && read_some(&next, 1) > 0)
    header += next;
  return header;
}

void Peer::send(const std::string& bytes) {
  if (tls_ != nullptr) {
    SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()));
    return;
  }
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

bool Peer::wait_for_close() {
  std::array<char, 65536> block{};
  while (read_some(block.data(), block.size()) > 0) {
  }
  // Under TLS the reading ends with close_notify, an error or the end of the stream: all mean that it is
  // over.
  return tls_ != nullptr || ::recv(socket_, block.data(), block.size(), 0) == 0;
}

void Peer::close(bool rude) {
  if (tls_ != nullptr && !rude) SSL_shutdown(tls_);
  ::shutdown(socket_, SHUT_WR);
}

void Peer::reset() {
  const linger now{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

ScriptedServer::ScriptedServer(Script script, std::optional<ServerTls> tls)
    : script_(std::move(script)),
      tls_(std::move(tls)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

ScriptedServer::~ScriptedServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int socket : sockets_)
      ::shutdown(socket, SHUT_RDWR);
  }
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (auto& thread : threads_)
    thread.join();
  ::close(listener_);
}

void ScriptedServer::accept_loop() {
  while (true) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      ::close(socket);
      return;
    }
    sockets_.push_back(socket);
    ++running_;
    threads_.emplace_back([this, socket, number = connections_++] { serve(socket, number); });
  }
}

void ScriptedServer::serve(int socket, int number) {
  // OpenSSL writes to a socket without MSG_NOSIGNAL. Only here: the code under test must not raise SIGPIPE.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  SSL_CTX* const context = tls_ ? make_context(*tls_) : nullptr;
  bool ready = true;
  {
    SSL* tls = nullptr;
    if (context != nullptr) {
      tls = SSL_new(context);
      SSL_set_fd(tls, socket);
      ready = SSL_accept(tls) == 1;
      if (ready) ++handshakes_;
    }
    Peer peer(socket, tls);
    if (ready) {
      script_(peer, number);
    } else {
      // Whatever the client sends although the handshake failed would be found here.
      peer.wait_for_close();
    }
    application_bytes_ += peer.bytes_received();
  }
  if (context != nullptr) SSL_CTX_free(context);
  const std::lock_guard lock(mutex_);
  std::erase(sockets_, socket);
  ::close(socket);
  --running_;
  changed_.notify_all();
}

void ScriptedServer::await_mark() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return marks_ > 0; });
  --marks_;
}

void ScriptedServer::mark() {
  const std::lock_guard lock(mutex_);
  ++marks_;
  changed_.notify_all();
}

void ScriptedServer::await_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return running_ == 0; });
}

std::string answer(int status, const std::string& body, const std::string& extra_headers) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Scripted\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + extra_headers + "\r\n" +
         body;
}

}  // namespace stibee_sync::http::test
