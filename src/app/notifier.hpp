#pragma once

#include "app/engine.hpp"
#include "app/report.hpp"
#include "stibee_sync/notice/letter.hpp"
#include "stibee_sync/notice/pace.hpp"
#include "stibee_sync/privacy/secret.hpp"
#include "stibee_sync/telemetry/trouble.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::app {

/// Where letters go.
struct Mailbox {
  http::ClientOptions client;
  privacy::Secret target;  // the rest of the address
};
/// The way to the address of these settings, which name one: through the proxy, and with the certificates
/// that Stibee is asked with.
Mailbox mailbox_of(const settings::Settings& settings);

/// What a notifier has of the world beyond this process.
struct Post {
  /// To the receiver.
  struct Way {
    std::shared_ptr<http::Transport> transport;
    std::function<void()> cut_off;  // ends every exchange, those to come as well; not after the transport
  };
  /// Blocking: the certificates that are trusted are read. Throws std::runtime_error if they cannot be.
  std::function<Way(const Mailbox& mailbox)> find_way;
  std::function<std::unique_ptr<runtime::Worker>()> make_worker;  // on whose thread that is done
};
/// The world itself.
Post real_post(boost::asio::any_io_executor executor);

/// Tells somebody when a mirror's state changes (`notify`). What it is told in `look` becomes a letter when
/// it differs from what was told last, which the state remembers; a letter that does not arrive is written
/// anew, so that it says what is true then. It waits for nobody but the receiver. On the loop thread.
class Notifier {
 public:
  /// `random` is uniform in [0, 1); `host` is the name that letters bear.
  Notifier(const Ground& ground, std::function<double()> random, std::string host, Post post);

  /// From now on by these settings.
  void admit(const settings::Settings& settings);
  /// Whether there is anybody to tell.
  bool wanted() const { return told_by_.has_value(); }
  void look(const DaemonView& seen);
  /// Until stop(). Whatever the store or the receiver do, it does not end before.
  boost::asio::awaitable<void> run();
  void stop();

 private:
  /// How one letter ended.
  struct Delivery;

  boost::asio::awaitable<void> remember();
  boost::asio::awaitable<void> keep(notice::Memory memory);
  /// One turn; returns until when there is nothing to do.
  boost::asio::awaitable<runtime::MonotonicTime> turn();
  boost::asio::awaitable<Delivery> deliver(notice::Letter letter);
  /// To the present address; null: the certificates cannot be read.
  boost::asio::awaitable<std::shared_ptr<http::Transport>> way();
  void cut_off();
  void arrived(const std::vector<notice::Notice>& news);
  void failed(const Delivery& delivery);

  Ground ground_;
  std::function<double()> random_;
  std::string host_;
  std::optional<settings::Notify> told_by_;
  std::shared_ptr<const Mailbox> mailbox_;
  Post post_;
  std::unique_ptr<runtime::Worker> worker_;
  Post::Way way_;
  std::unique_ptr<runtime::Timer> woken_;
  domain::UtcTime since_{};  // what came before is no news to somebody who was never told anything
  std::optional<notice::Picture> picture_;
  notice::Memory memory_;
  std::string kept_;  // of it, in the state
  notice::Pace pace_;
  telemetry::LastingTrouble trouble_;
  bool stopping_ = false;
};

}  // namespace stibee_sync::app
