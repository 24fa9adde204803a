// Events on their way to the owner of a list: shape, retries, loss and duplication.
#pragma once

#include "random.hpp"
#include "stibee_model.hpp"
#include "switches.hpp"

namespace stibee_sim {

struct EventPerson {
  std::string email;
  std::vector<std::pair<std::string, std::string>> extras;  // fields, old_email, $unsubscribe_reason
};

struct WebhookCounts {
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t attempts = 0;
  std::uint64_t delivered = 0;
  std::uint64_t given_up = 0;
};

class Webhooks {
 public:
  explicit Webhooks(std::uint64_t seed) : random_(seed ^ 0x77656268ULL) {}

  void emit(const Switches& switches, const std::string& list, const std::string& url,
            std::string_view action, std::string_view actor, std::vector<EventPerson> people, SimTime now);
  std::vector<WebhookDelivery> take(const Switches& switches, SimTime now);
  void answered(const Switches& switches, std::uint64_t id, bool accepted, SimTime now);
  std::optional<SimTime> next() const;
  /// Of people who are no more: nothing waits, and what is under way is not tried again.
  void forget();
  std::size_t pending() const { return waiting_.size() + under_way_.size(); }
  const WebhookCounts& counts() const { return counts_; }

 private:
  struct Waiting {
    SimTime due;
    WebhookDelivery delivery;
  };
  void queue(WebhookDelivery delivery, SimTime due);

  Random random_;
  std::uint64_t next_id_ = 1;
  std::vector<Waiting> waiting_;
  std::map<std::uint64_t, WebhookDelivery> under_way_;
  WebhookCounts counts_;
};

}  // namespace stibee_sim
