#include "webhooks.hpp"

#include "answers.hpp"

#include <algorithm>

namespace stibee_sim {

namespace {

std::string event_body(const Switches& switches, const std::string& list, std::string_view action,
                       std::string_view actor, const EventPerson* first, std::size_t count) {
  std::string body = R"({"id":)";
  if (switches.is(Switch::WebhookId, "number")) {
    body += list;
  } else {
    append_json_string(body, list);
  }
  body += R"(,"action":)";
  append_json_string(body, action);
  body += ',';
  append_json_string(body, switches.text(Switch::WebhookActorKey));
  body += ':';
  append_json_string(body, actor);
  body += R"(,"subscribers":[)";
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) body += ',';
    body += R"({"email":)";
    append_json_string(body, first[i].email);
    for (const auto& [key, value] : first[i].extras) {
      body += ',';
      append_json_string(body, key);
      body += ':';
      append_json_string(body, value);
    }
    body += '}';
  }
  body += "]}";
  return body;
}

}  // namespace

void Webhooks::queue(WebhookDelivery delivery, SimTime due) {
  delivery.id = next_id_++;
  waiting_.push_back(Waiting{due, std::move(delivery)});
}

void Webhooks::emit(const Switches& switches, const std::string& list, const std::string& url,
                    std::string_view action, std::string_view actor, std::vector<EventPerson> people,
                    SimTime now) {
  if (url.empty() || people.empty()) return;
  const std::size_t most = switches.number(Switch::WebhookPeople);
  const std::size_t step = most == 0 ? people.size() : most;
  const SimTime due = now + std::chrono::milliseconds{switches.number(Switch::WebhookDelayMs)};
  for (std::size_t first = 0; first < people.size(); first += step) {
    const std::size_t count = std::min(step, people.size() - first);
    ++counts_.events;
    if (random_.unit() * 100.0 < static_cast<double>(switches.number(Switch::WebhookLosePercent))) {
      ++counts_.lost;
      continue;
    }
    WebhookDelivery delivery;
    delivery.list = list;
    delivery.url = url;
    delivery.body = event_body(switches, list, action, actor, &people[first], count);
    if (random_.unit() * 100.0 < static_cast<double>(switches.number(Switch::WebhookDuplicatePercent))) {
      ++counts_.duplicated;
      queue(delivery, due);
    }
    queue(std::move(delivery), due);
  }
}

std::vector<WebhookDelivery> Webhooks::take(const Switches& switches, SimTime now) {
  std::vector<WebhookDelivery> due;
  const auto later = std::stable_partition(waiting_.begin(), waiting_.end(),
                                           [now](const Waiting& waiting) { return waiting.due <= now; });
  std::stable_sort(waiting_.begin(), later, [](const Waiting& a, const Waiting& b) { return a.due < b.due; });
  for (auto place = waiting_.begin(); place != later; ++place)
    due.push_back(std::move(place->delivery));
  waiting_.erase(waiting_.begin(), later);
  if (switches.is(Switch::WebhookOrder, "shuffled")) {
    for (std::size_t i = due.size(); i > 1; --i)
      std::swap(due[i - 1], due[random_.below(i)]);
  }
  for (const WebhookDelivery& delivery : due) {
    ++counts_.attempts;
    under_way_.emplace(delivery.id, delivery);
  }
  return due;
}

void Webhooks::answered(const Switches& switches, std::uint64_t id, bool accepted, SimTime now) {
  const auto found = under_way_.find(id);
  if (found == under_way_.end()) return;
  WebhookDelivery delivery = std::move(found->second);
  under_way_.erase(found);
  if (accepted) {
    ++counts_.delivered;
    return;
  }
  if (delivery.attempt > switches.number(Switch::WebhookRetries)) {
    ++counts_.given_up;
    return;
  }
  ++delivery.attempt;
  queue(std::move(delivery), now + std::chrono::milliseconds{switches.number(Switch::WebhookRetryMs)});
}

void Webhooks::forget() {
  waiting_.clear();
  under_way_.clear();
}

std::optional<SimTime> Webhooks::next() const {
  if (waiting_.empty()) return std::nullopt;
  return std::min_element(waiting_.begin(), waiting_.end(),
                          [](const Waiting& a, const Waiting& b) { return a.due < b.due; })
      ->due;
}

}  // namespace stibee_sim
