// A model of Stibee's address book: what its API v1 and v2 keep, refuse and answer, without sockets, clock or
// threads. Feed it calls and the time; it gives back answers together with the faults it was told to inject.
//
// Time: every function takes `now`; it must never go back. Errors: bad control input throws
// std::invalid_argument with the reason; a call never throws, it is answered. Thread: one at a time.
// Lifetime: returned values are copies.
#pragma once

#include "exchange.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stibee_sim {

using SimTime = std::chrono::sys_time<std::chrono::microseconds>;

struct Header {
  std::string name;
  std::string value;
};

struct HttpCall {
  std::string method;
  std::string target;  // path with query, percent-encoded as it came over the wire
  std::vector<Header> headers;
  std::string body;
};

enum class Delivery {
  Whole,
  Cut,      // announce the whole body, send half of it, close
  Dropped,  // close without sending a byte
};

struct HttpAnswer {
  int status = 200;
  std::string content_type;  // empty: no such header
  std::vector<Header> headers;
  std::string body;
  Delivery delivery = Delivery::Whole;
  std::chrono::milliseconds stall{0};  // wait this long before sending
};

// A call that has been received completely, and counted, but not applied yet.
struct Reception {
  std::uint64_t call = 0;
  std::chrono::milliseconds stall{0};  // wait this long before apply()
};

struct Rate {
  unsigned calls = 10;
  std::chrono::milliseconds window{1000};
};

enum class FieldKind { Text, Date, DateTime };

struct Field {
  std::string tag;
  FieldKind kind = FieldKind::Text;
};

struct GroupSetup {
  std::uint64_t id = 0;
  std::string name;
};

struct ListSetup {
  std::string id;
  std::vector<GroupSetup> groups;
  std::string webhook_url;  // empty: none
};

struct Setup {
  std::vector<std::string> keys{"sim-key"};
  std::vector<ListSetup> lists;
  std::vector<Field> fields{{"name", FieldKind::Text}, {"phone", FieldKind::Text}};
  bool any_field = false;  // every tag counts as a field of the list
  Rate v1{10, std::chrono::seconds{1}};
  Rate v2_bulk{10, std::chrono::minutes{1}};
  Rate v2_list{100, std::chrono::minutes{1}};
  Rate v2_other{1000, std::chrono::minutes{1}};
  std::string v1_prefix = "/v1";
  std::string v2_prefix = "/v2";
  std::uint64_t seed = 1;
};

enum class Status { Subscribed, Unsubscribed, Archived, Ready };

struct Person {
  std::string address;
  Status status = Status::Subscribed;
  std::map<std::string, std::string> fields;
  bool ad_agreed = false;
  std::vector<std::uint64_t> groups;  // ascending
  SimTime created;
  SimTime modified;
  unsigned confirmation_mails = 0;
};

// An edit made in Stibee's web pages, or by the reader of a mail.
struct WebEdit {
  std::string list;
  // add, edit, unsubscribe, resubscribe, auto_delete, purge, change_email, confirm, assign_group,
  // release_group, add_group, remove_group, remove_list, restore_list
  std::string action;
  std::vector<std::string> emails;
  std::string actor;  // MANUAL or SUBSCRIBER; empty: what is usual for the action
  std::string reason;
  std::map<std::string, std::string> fields;
  std::optional<bool> ad_agreed;
  std::string new_email;
  std::uint64_t group = 0;  // add_group: 0 takes the next free id
  std::string group_name;
};

struct WebhookDelivery {
  std::uint64_t id = 0;
  std::string list;
  std::string url;
  std::string body;
  unsigned attempt = 1;
};

struct ClassCount {
  std::string name;  // v1, v2_bulk, v2_list, v2_other
  std::uint64_t calls = 0;
  std::uint64_t violations = 0;
  std::uint64_t peak = 0;  // most calls seen in one window
};

struct JournalCall {
  std::uint64_t number = 0;
  SimTime time;
  std::string method;
  std::string target;
  std::string endpoint;  // v1.subscribe, v2.bulk, …
  std::string list;
  std::size_t people = 0;
  std::size_t bytes = 0;
  int status = 0;      // 0: not applied yet, or no answer sent
  std::string result;  // ok, limit, bad_key, a Stibee code, fault:KIND
  std::map<std::string, std::size_t> counts;
  std::vector<std::string> addresses;
};

struct Totals {
  std::uint64_t calls = 0;
  std::uint64_t people = 0;
  std::uint64_t repeated_people = 0;  // named again with values that had been applied, and nothing changed
  std::uint64_t unauthorised = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t peak_in_flight = 0;
  std::uint64_t same_address_in_flight = 0;  // calls that named somebody another unfinished call was naming
  std::uint64_t confirmation_mails = 0;
  std::uint64_t repeated_confirmation_mails = 0;
};

struct World;

class StibeeModel {
 public:
  explicit StibeeModel(Setup setup);
  ~StibeeModel();
  StibeeModel(StibeeModel&&) noexcept;
  StibeeModel& operator=(StibeeModel&&) noexcept;

  // One call at one instant: receive, apply and finish together.
  HttpAnswer handle(HttpCall call, SimTime now);

  // The same in three steps, for callers with latency. receive() counts against the limits; every reception
  // must be applied once and finished once. A call whose client has gone still applies, as with any server.
  Reception receive(HttpCall call, SimTime now);
  HttpAnswer apply(std::uint64_t call, SimTime now);
  void abandoned(std::uint64_t call);
  void finish(std::uint64_t call);

  // The control API (targets under /_sim/). Unknown target: 404. Never counted as a call.
  HttpAnswer control(const HttpCall& call, SimTime now);

  // Sees every v2 call with its answer, as it is applied.
  void on_v2_exchange(std::function<void(const Exchange&)> see);

  void set_switch(std::string_view name, std::string_view value);
  void set_faults(std::string_view json);
  // Returns how many people (or groups) the edit changed.
  std::size_t edit(const WebEdit& edit, SimTime now);
  void set_webhook(const std::string& list, std::string url);

  // Webhook deliveries that are due. Each must be reported back; one that was not accepted comes again, three
  // times.
  std::vector<WebhookDelivery> take_webhooks(SimTime now);
  void webhook_answered(std::uint64_t id, bool accepted, SimTime now);
  std::optional<SimTime> next_webhook() const;

  std::optional<Person> find(const std::string& list, const std::string& address) const;
  std::size_t people(const std::string& list) const;
  void each_person(const std::string& list, const std::function<void(const Person&)>& visit) const;
  const std::vector<JournalCall>& journal() const;
  std::vector<ClassCount> limits() const;
  const Totals& totals() const;
  std::string dump()
      const;  // people sorted by address, one a line, without times: equal lists give equal text

 private:
  std::unique_ptr<World> world_;
};

// Every switch with its values (the first is the default) and meaning, for --help and the manual page.
std::string describe_switches();
std::string_view status_name(Status status);

}  // namespace stibee_sim
