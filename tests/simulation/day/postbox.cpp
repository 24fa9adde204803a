#include "simulation/day/postbox.hpp"

#include <utility>

namespace stibee_sync::day {

namespace asio = boost::asio;
using http::Failure;
using http::FailureKind;

namespace {

struct Box {
  runtime::Clock& clock;
  PostHands hands;
  bool is_cut_off = false;
};

class LetterChannel final : public http::Channel {
 public:
  explicit LetterChannel(std::shared_ptr<Box> box) : box_(std::move(box)), timer_(box_->clock.make_timer()) {}

  asio::awaitable<http::ExchangeResult> exchange(http::Request request) override {
    const auto receipt = box_->hands.receive(request.body());
    co_await timer_->wait_until(box_->clock.monotonic() + receipt.takes);
    if (box_->is_cut_off) co_return Failure(FailureKind::Cancelled, true, false, "cut off");
    if (receipt.status == 0) co_return Failure(FailureKind::ConnectionClosed, true, false, "closed");
    co_return http::Response(receipt.status, {}, "");
  }
  bool fresh() const override { return true; }

 private:
  std::shared_ptr<Box> box_;
  std::unique_ptr<runtime::Timer> timer_;
};

class LetterTransport final : public http::Transport {
 public:
  explicit LetterTransport(std::shared_ptr<Box> box) : box_(std::move(box)) {}

  asio::awaitable<http::OpenResult> open() override {
    if (box_->is_cut_off) co_return Failure(FailureKind::Cancelled, false, false, "cut off");
    if (!box_->hands.reach()) co_return Failure(FailureKind::Connect, false, false, "nobody answers");
    co_return std::make_unique<LetterChannel>(box_);
  }

 private:
  std::shared_ptr<Box> box_;
};

}  // namespace

app::Post simulated_post(runtime::Clock& clock, PostHands hands) {
  app::Post post;
  post.find_way = [&clock, hands = std::move(hands)](const app::Mailbox&) {
    auto box = std::make_shared<Box>(Box{clock, hands});
    app::Post::Way way{std::make_shared<LetterTransport>(box), {}};
    way.cut_off = [box] { box->is_cut_off = true; };
    return way;
  };
  post.make_worker = [] { return runtime::make_inline_worker(); };
  return post;
}

}  // namespace stibee_sync::day
