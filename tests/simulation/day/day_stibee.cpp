// Stibee on a day: what nobody knows of it, how it fails, and who else edits the list.
#include "simulation/day/day.hpp"
#include "stibee_sync/text/time_format.hpp"
#include "stibee_sync/webhook/list_event.hpp"

#include <algorithm>

namespace stibee_sync::day {

namespace {

constexpr const char* list = "1234";

}  // namespace

void Day::choose_unknowns() {
  auto& model = far_end_.model;
  const auto choose = [&](const char* name, std::initializer_list<const char*> values) {
    model.set_switch(name, *(values.begin() + static_cast<std::ptrdiff_t>(pick(values.size()))));
  };
  choose("v1_groups_on_update", {"yes", "no"});
  choose("v1_person_detail", {"echo", "full", "email_only"});
  choose("v1_already_subscribed", {"error", "fail_exist_email", "update"});
  choose("v1_resubscribed_in", {"success", "update"});
  choose("v1_group_value", {"null", "missing", "empty_object", "success_list", "success_fail", "text"});
  choose("v1_plain_lists", {"strings", "objects"});
  choose("empty_lists", {"empty", "null", "missing"});
  choose("v1_error_keys", {"upper", "lower"});
  choose("v1_envelope_keys", {"upper", "lower"});
  choose("v2_code_prefix", {"yes", "no"});
  choose("v2_error_keys", {"lower", "upper"});
  choose("v2_error_message", {"yes", "no"});
  choose("v2_limit_namespace", {"documented", "list", "data"});
  choose("v2_ok", {"text", "json_string", "envelope"});
  choose("limit_answer", {"429_native", "429_empty", "200_v1", "503_html"});
  choose("webhook_echo", {"yes", "no"});
  choose("webhook_order", {"kept", "shuffled"});
  choose("webhook_delay_ms", {"0", "800", "20000"});
  if (profile_.events_lost) {
    choose("webhook_lose_percent", {"0", "20", "60"});
    choose("webhook_duplicate_percent", {"0", "30"});
  }
}

// Who is in the list before the first start: some of the table, some of nobody's, some who said no there.
void Day::fill_list() {
  const auto add = [&](const std::string& address) {
    stibee_sim::WebEdit wish;
    wish.list = list;
    wish.action = "add";
    wish.emails = {address};
    wish.fields["name"] = "there";
    far_end_.model.edit(wish, FarEnd::instant(now_));
  };
  std::vector<std::string> addresses;
  for (const auto& [key, member] : table_.rows()) {
    if (chance(0.5)) addresses.push_back(member.email);
  }
  for (std::size_t i = pick(4); i > 0; --i)
    addresses.push_back("stranger" + std::to_string(i) + "@example.com");
  for (const auto& address : addresses) {
    add(address);
    if (chance(0.2)) edit("unsubscribe", address);
  }
  // Of what happened before, no event is on its way.
  for (const auto& delivery : far_end_.model.take_webhooks(FarEnd::instant(now_ + std::chrono::hours(1))))
    far_end_.model.webhook_answered(delivery.id, true, FarEnd::instant(now_));
}

void Day::trouble_stibee() {
  static const char* const kinds[] = {"503",          "429",          "status_after", "ok_false",
                                      "refuse_batch", "html",         "drop_before",  "drop_after",
                                      "cut_body",     "garbage_body", "partial"};
  std::string plan = "{\"seed\":" + std::to_string(random_() % 1'000'000) + ",\"rules\":[";
  const auto rules = chance(0.4) ? 0 : pick(4);
  for (std::size_t i = 0; i < rules; ++i) {
    if (i > 0) plan += ",";
    plan += std::string("{\"kind\":\"") + kinds[pick(std::size(kinds))] + "\",\"probability\":0." +
            std::to_string(1 + pick(5)) + "}";
  }
  if (chance(0.2)) {
    if (rules > 0) plan += ",";
    plan += "{\"kind\":\"omit_person\",\"probability\":0.2,\"apply\":true}";
  }
  plan += "]}";
  far_end_.model.set_faults(plan);
}

void Day::edit(const std::string& action, const std::string& address, const std::string& actor) {
  stibee_sim::WebEdit wish;
  wish.list = list;
  wish.action = action;
  wish.emails = {address};
  wish.actor = actor;
  if (action == "change_email") wish.new_email = "moved" + std::to_string(next_address_++) + "@example.com";
  if (action == "edit") wish.fields["name"] = "edited";
  if (action == "assign_group") wish.group = chance(0.5) ? 99 : 11;
  const auto at = FarEnd::instant(now());
  if (far_end_.model.edit(wish, at) == 0) return;
  trace_.add("edit", action + " " + address);
  if (action == "unsubscribe" && actor.empty()) consents_.opted_out(address, utc());
  if (action == "resubscribe" && actor.empty()) consents_.came_back(address, table_.rows(), utc());
  if (action != "unsubscribe" || !actor.empty()) touched_there_.insert(address);
  if (!wish.new_email.empty()) touched_there_.insert(wish.new_email);
  if (life_) life_->webhooks_changed();
}

void Day::edit_list() {
  std::vector<stibee_sim::Person> people;
  far_end_.model.each_person(list, [&](const stibee_sim::Person& person) { people.push_back(person); });
  if (people.empty()) return;
  const auto& person = people[pick(people.size())];
  const bool subscribed = person.status == stibee_sim::Status::Subscribed;
  switch (pick(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      if (subscribed) edit("unsubscribe", person.address);
      break;
    case 5:
      if (person.status == stibee_sim::Status::Unsubscribed) edit("resubscribe", person.address);
      break;
    case 6:
      if (subscribed && chance(0.5)) edit("auto_delete", person.address);
      break;
    case 7:
      if (chance(0.5)) edit("purge", person.address);
      break;
    case 8:
      if (subscribed) edit("change_email", person.address);
      break;
    case 9:
      if (subscribed) edit("edit", person.address);
      break;
    case 10:
      if (subscribed) edit("assign_group", person.address);
      break;
    default:
      if (subscribed && chance(0.5)) edit("unsubscribe", person.address, "MANUAL");
      break;
  }
}

void Day::event_answered(const stibee_sim::WebhookDelivery& delivery, bool accepted) {
  ++(accepted ? counts_.events : counts_.events_refused);
  if (!accepted) return;
  const auto parsed = webhook::parse_event(delivery.body);
  const auto* event = std::get_if<webhook::ListEvent>(&parsed);
  if (event == nullptr || event->actor != webhook::Actor::Subscriber) return;
  settle_pictures();
  for (const auto& person : event->people) {
    if (event->action == webhook::Action::Unsubscribed)
      consents_.known(person.email.text(), pictures_, utc());
    if (event->action == webhook::Action::Resubscribed) consents_.told_of_return(person.email.text());
  }
}

void Day::call_sent(const http::Request& request) {
  settle_pictures();
  const auto call = understood(request);
  std::string of_whom;
  for (const auto& address : call.addresses)
    of_whom += " " + address;
  trace_.add("call", request.method() + " " + std::string(request.target()) + " " +
                         std::to_string(Trace::digest(request.body())) + " " +
                         std::to_string(disk_->syncs()) + " " + text::iso_utc(utc()) + of_whom);
  const auto complain = [this](const std::string& text) { this->complain(text); };
  if (life_->stands_by()) complain(call.endpoint + ", though another daemon works");
  consents_.called(call, pictures_, utc(), complain);
  removals_.called(call, pictures_, complain);
}

void Day::call_applied(std::uint64_t call, int status, const std::string& body) {
  trace_.add("answer",
             std::to_string(call) + " " + std::to_string(status) + " " + std::to_string(Trace::digest(body)));
  if (status == 200 && life_ && life_->engine() != nullptr && !life_->engine()->reconciler().adopted(0)) {
    for (const auto& address : consents_.unknown_in(body))
      shown_there_.insert(address);
  }
  for (const auto& limit : far_end_.model.limits()) {
    if (limit.violations > 0) complain("a call over the limit of " + limit.name);
  }
  if (life_) life_->webhooks_changed();
}

}  // namespace stibee_sync::day
