#include "app/notifier.hpp"

#include "app/notice_view.hpp"
#include "stibee_sync/privacy/redaction.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace stibee_sync::app {

namespace asio = boost::asio;
using telemetry::Event;
using telemetry::Level;
using telemetry::NotifyResult;

namespace {

constexpr std::chrono::seconds patience{10};
constexpr std::size_t longest_answer = 64 * 1024;

bool may_pass(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

/// `unhealthy, held`, each once.
std::string kinds_of(const std::vector<notice::Notice>& news) {
  std::set<notice::Occasion> kinds;
  std::string text;
  for (const auto& each : news) {
    if (kinds.insert(each.occasion).second)
      text.append(text.empty() ? "" : ", ").append(notice::name(each.occasion));
  }
  return text;
}

std::string mirrors_of(const std::vector<notice::Notice>& news) {
  std::set<std::string> mirrors;
  for (const auto& each : news)
    mirrors.insert(each.mirror);
  std::string text;
  for (const auto& mirror : mirrors)
    text += (text.empty() ? "" : ", ") + mirror;
  return text;
}

}  // namespace

struct Notifier::Delivery {
  Delivery() = default;
  std::optional<NotifyResult> result;  // nothing: it was called off
  std::string why;                     // it did not arrive
  bool may_have_arrived = false;       // all the same
  std::optional<std::chrono::seconds> retry_after;
};

Mailbox mailbox_of(const settings::Settings& settings) {
  const std::string_view address = settings.notify->url.reveal();
  const auto host = address.find("://") + 3;
  const auto end = std::min(address.find_first_of("/?", host), address.size());
  const auto url = http::parse_base_url(address.substr(0, end));
  if (!std::holds_alternative<http::BaseUrl>(url))
    throw std::runtime_error("the address of notify.url_file cannot be used");
  Mailbox mailbox{client_options(settings), {}};
  if (!address.substr(end).starts_with('/')) mailbox.target.append("/");
  mailbox.target.append(address.substr(end));
  mailbox.client.base_url = std::get<http::BaseUrl>(url);
  mailbox.client.request_timeout = patience;
  mailbox.client.connect_timeout = patience;
  mailbox.client.max_response_bytes = longest_answer;
  mailbox.client.max_idle = 0;  // letters are minutes apart: the other end would close it meanwhile
  return mailbox;
}

Post real_post(asio::any_io_executor executor) {
  Post post;
  post.find_way = [executor = std::move(executor)](const Mailbox& mailbox) {
    auto client = std::make_shared<http::Client>(executor, mailbox.client);
    Post::Way way{client, {}};
    way.cut_off = [client = client.get()] { client->cancel(); };
    return way;
  };
  post.make_worker = [] { return runtime::make_thread_worker("notice"); };
  return post;
}

Notifier::Notifier(const Ground& ground, std::function<double()> random, std::string host, Post post)
    : ground_(ground),
      random_(std::move(random)),
      host_(std::move(host)),
      post_(std::move(post)),
      woken_(ground.clock.make_timer()),
      since_(ground.clock.utc()) {}

void Notifier::admit(const settings::Settings& settings) {
  if (!told_by_ && settings.notify) since_ = ground_.clock.utc();
  cut_off();
  told_by_ = settings.notify;
  mailbox_ = told_by_ ? std::make_shared<const Mailbox>(mailbox_of(settings)) : nullptr;
  if (told_by_ && !worker_) worker_ = post_.make_worker();
  picture_.reset();  // the next look is of the new settings
  woken_->wake();
}

void Notifier::look(const DaemonView& seen) {
  picture_ = picture_of(seen, told_by_ ? told_by_->language : Language::English);
  woken_->wake();
}

void Notifier::stop() {
  stopping_ = true;
  cut_off();
  woken_->wake();
}

void Notifier::cut_off() {
  if (way_.transport) way_.cut_off();
  way_ = {};
}

asio::awaitable<void> Notifier::run() {
  co_await remember();
  while (!stopping_) {
    const auto next = co_await turn();
    if (!stopping_) co_await woken_->wait_until(next);
  }
}

asio::awaitable<runtime::MonotonicTime> Notifier::turn() {
  if (!told_by_ || !picture_) co_return runtime::forever;
  const auto on = told_by_->on;
  const auto seen = *picture_;
  const auto before = notice::completed(memory_, seen, since_);
  const auto news = notice::news_between(before, seen, on);
  auto after = notice::after_telling(before, seen, on);
  if (news.empty()) {
    co_await keep(std::move(after));
    co_return runtime::forever;
  }
  if (!pace_.may_send(ground_.clock.monotonic())) co_return pace_.next();
  const notice::Sender sender{host_, ground_.clock.utc()};
  auto letter = notice::make_letter(news, sender, told_by_->format, told_by_->language);
  const auto delivery = co_await deliver(std::move(letter));
  // Called off by a stop or other settings: what is true then is told then.
  if (!delivery.result) co_return stopping_ ? runtime::forever : pace_.next();
  ground_.metrics.notify(*delivery.result);
  if (*delivery.result != NotifyResult::Sent) {
    failed(delivery);
    if (delivery.may_have_arrived) {
      auto doubtful = notice::after_doubt(before, news);
      co_await keep(std::move(doubtful));
    }
    co_return pace_.next();
  }
  arrived(news);
  co_await keep(std::move(after));
  co_return pace_.next();
}

asio::awaitable<Notifier::Delivery> Notifier::deliver(notice::Letter letter) {
  Delivery delivery;
  http::Request request("POST", mailbox_->target.reveal(), {}, std::move(letter.body));
  for (auto& [header, value] : letter.headers)
    request.add_header(header, value);
  const auto transport = co_await way();
  if (!transport) {
    delivery.result = NotifyResult::Failed;
    delivery.why = "the trusted certificates cannot be read";
    co_return delivery;
  }
  auto opened = co_await transport->open();
  const auto lost = [&](const http::Failure& failure) {
    if (failure.kind == http::FailureKind::Cancelled) return;
    delivery.result = NotifyResult::Failed;
    delivery.why = failure.detail;
    delivery.may_have_arrived = failure.request_sent;
  };
  if (!opened.ok()) {
    lost(opened.failure());
    co_return delivery;
  }
  const auto channel = std::move(opened).take_channel();
  const auto answer = co_await channel->exchange(std::move(request));
  if (!answer.ok()) {
    lost(answer.failure());
    co_return delivery;
  }
  const int status = answer.response().status();
  if (status >= 200 && status < 300) {
    delivery.result = NotifyResult::Sent;
    co_return delivery;
  }
  delivery.result = may_pass(status) ? NotifyResult::Failed : NotifyResult::Refused;
  delivery.retry_after =
      answer.response().retry_after(std::chrono::system_clock::time_point(ground_.clock.utc()));
  delivery.why = "HTTP " + std::to_string(status);
  const auto words = privacy::sanitise(answer.response().body());
  if (!words.empty()) delivery.why += ": " + words;
  co_return delivery;
}

asio::awaitable<std::shared_ptr<http::Transport>> Notifier::way() {
  if (way_.transport) co_return way_.transport;
  // To read the certificates that are trusted takes long enough to be noticed on the loop.
  const auto mailbox = mailbox_;
  auto find = [find_way = post_.find_way, mailbox]() -> Post::Way {
    try {
      return find_way(*mailbox);
    } catch (const std::runtime_error&) {
      return {};
    }
  };
  auto found = co_await runtime::offload(*worker_, std::move(find));
  if (!stopping_ && mailbox == mailbox_) {
    way_ = found;
  } else if (found.transport) {
    found.cut_off();
  }
  co_return found.transport;
}

void Notifier::arrived(const std::vector<notice::Notice>& news) {
  ground_.log.event(
      Level::Info, Event::NotifySent, "somebody was told",
      {{"kinds", kinds_of(news)}, {"mirrors", mirrors_of(news)}, {"after_failures", pace_.failures()}});
  pace_.arrived(ground_.clock.monotonic());
  trouble_.over(ground_.clock.monotonic());  // the line above says how many there were
}

void Notifier::failed(const Delivery& delivery) {
  const auto now = ground_.clock.monotonic();
  pace_.failed(now, delivery.retry_after, random_());
  const auto left_out = trouble_.happened(now, delivery.why);
  if (!left_out) return;
  ground_.log.event(
      Level::Warn, Event::NotifyFailed,
      "a notice did not arrive: " + delivery.why + "; what is true then is told later",
      {{"failures", pace_.failures()}, {"left_out", *left_out}, {"next_in_seconds", pace_.next() - now}});
}

asio::awaitable<void> Notifier::remember() {
  auto look = [](store::Store& store) { return store.told(); };
  const auto told = co_await ground_.store.run(std::move(look));
  if (!told) co_return;
  kept_ = told.value();
  memory_ = notice::memory_from(kept_);
}

asio::awaitable<void> Notifier::keep(notice::Memory memory) {
  auto text = notice::to_text(memory);
  memory_ = std::move(memory);
  if (text == kept_) co_return;
  kept_ = text;
  auto work = [text = std::move(text)](store::Store& store) { store.set_told(text); };
  const auto kept = co_await ground_.store.run(std::move(work));
  if (!kept) ground_.log.debug("what was told is not kept over a restart", {{"detail", kept.error()}});
}

}  // namespace stibee_sync::app
