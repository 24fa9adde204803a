#include "openapi/speaker.hpp"

#include "stibee_sync/delivery/v2_reading.hpp"

#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace stibee_sync::openapi {
namespace {

namespace v2 = delivery::v2;
using domain::ConsentRide;
using domain::Operation;
using domain::OperationKind;

constexpr std::int64_t list = 1234;

stibee_sim::Setup setup() {
  stibee_sim::Setup made;
  stibee_sim::ListSetup one;
  one.id = std::to_string(list);
  one.groups = {{11, "gold"}, {12, "silver"}};
  made.lists.push_back(one);
  made.fields.push_back({"birthday", stibee_sim::FieldKind::Date});
  return made;
}

class Speaker {
 public:
  Speaker() : model_(setup()), dialect_(delivery::make_v2()) {
    model_.on_v2_exchange([this](const stibee_sim::Exchange& exchange) {
      said_ += stibee_sim::exchange_line(exchange);
      said_ += '\n';
    });
  }

  stibee_sim::HttpAnswer exchange(const delivery::ApiRequest& request, const std::string& key = "sim-key") {
    // A minute for each call: no limit is in the way.
    now_ += std::chrono::minutes(1);
    stibee_sim::HttpCall call;
    call.method = request.method;
    call.target = request.target;
    call.headers = {{"AccessToken", key}, {"Accept", "application/json"}};
    if (!request.body.empty()) call.headers.push_back({"Content-Type", "application/json"});
    call.body = request.body;
    return model_.handle(std::move(call), now_);
  }

  void send(const std::vector<delivery::Recipient>& people) {
    const auto packed = dialect_->pack(list, people);
    ASSERT_EQ(packed.taken, people.size());
    exchange(packed.request);
  }

  void set_switch(const std::string& name, const std::string& value) { model_.set_switch(name, value); }
  std::string said() const { return said_; }

 private:
  stibee_sim::StibeeModel model_;
  std::unique_ptr<delivery::Dialect> dialect_;
  stibee_sim::SimTime now_{std::chrono::hours(24 * 365 * 56)};
  std::string said_;
};

domain::EmailAddress address(const std::string& text) {
  return domain::EmailAddress::from_normalised(text);
}

delivery::Recipient person(const std::string& email, Operation operation) {
  delivery::Recipient made;
  made.email = address(email);
  made.operation = std::move(operation);
  made.fields = {{"name", "고길동 \"둘리\""}, {"phone", ""}, {"birthday", "1983-04-22"}};
  return made;
}

Operation operation(OperationKind kind, domain::GroupSet groups = {}) {
  Operation made;
  made.kind = kind;
  made.groups = std::move(groups);
  made.consent = ConsentRide::NotSent;
  return made;
}

std::vector<delivery::Recipient> crowd(int from, int to, const Operation& what) {
  std::vector<delivery::Recipient> people;
  for (int i = from; i <= to; ++i)
    people.push_back(person("p" + std::to_string(i) + "@example.com", what));
  return people;
}

void add_people(Speaker& stibee) {
  auto lone = person("lone+tag@example.com", operation(OperationKind::Subscribe));
  stibee.send({lone});
  stibee.send({lone});  // there already: updated
  for (const bool agreed : {true, false}) {
    auto consenting =
        person(agreed ? "yes@example.com" : "no@example.com", operation(OperationKind::Subscribe));
    consenting.operation.consent = ConsentRide::Alone;
    consenting.ad_agreed = agreed;
    stibee.send({consenting});
    consenting.operation.kind = OperationKind::Update;
    consenting.ad_agreed = !agreed;
    stibee.send({consenting});
  }
  auto confirming = person("confirming@example.com", operation(OperationKind::Subscribe));
  confirming.operation.confirm = true;
  stibee.send({confirming});
  stibee.send(crowd(1, 1000, operation(OperationKind::Subscribe)));
  stibee.send(crowd(990, 1020, operation(OperationKind::Subscribe)));  // some of them known
}

void change_people(Speaker& stibee) {
  stibee.send({person("lone+tag@example.com", operation(OperationKind::Update))});
  stibee.send(crowd(1, 20, operation(OperationKind::Update)));
  stibee.send({person("p1@example.com", operation(OperationKind::AssignGroup, {11}))});
  stibee.send({person("p1@example.com", operation(OperationKind::ReleaseGroup, {11}))});
  stibee.send({person("p2@example.com", operation(OperationKind::Unsubscribe))});
  stibee.send({person("p2@example.com", operation(OperationKind::Unsubscribe))});
  stibee.send({person("p3@example.com", operation(OperationKind::Delete))});
  stibee.send(crowd(101, 200, operation(OperationKind::Delete)));
}

void read_everything(Speaker& stibee) {
  stibee.exchange(v2::auth_check_request());
  stibee.exchange(v2::count_request(list));
  stibee.exchange(v2::list_request(list, 0, v2::largest_page));
  stibee.exchange(v2::list_request(list, 1'000'000, 10));
  stibee.exchange(v2::groups_request(list));
  stibee.exchange(v2::create_group_request(list, "등급 \"새싹\""));
  stibee.exchange(v2::groups_request(list));
}

void be_refused(Speaker& stibee) {
  stibee.send({person("nobody@example.com", operation(OperationKind::Update))});
  stibee.send({person("nobody@example.com", operation(OperationKind::Unsubscribe))});
  stibee.send({person("nobody@example.com", operation(OperationKind::AssignGroup, {11}))});
  stibee.send({person("p5@example.com", operation(OperationKind::AssignGroup, {77}))});
  stibee.send({person("nobody@example.com", operation(OperationKind::Delete))});
  auto strange = person("strange@example.com", operation(OperationKind::Subscribe));
  strange.fields.push_back({"unknown_field", "x"});
  stibee.send({strange});
  auto bad_date = person("date@example.com", operation(OperationKind::Subscribe));
  bad_date.fields.back().value = "yesterday";
  stibee.send({bad_date});
  stibee.send({bad_date, strange});
  stibee.exchange(v2::create_group_request(list, "gold"));
  stibee.exchange(v2::count_request(list), "another-key");
  stibee.exchange(v2::list_request(list, 0, 10), "another-key");
  stibee.exchange(v2::count_request(list + 1));
}

}  // namespace

std::string speak_all_of_v2() {
  Speaker stibee;
  add_people(stibee);
  change_people(stibee);
  read_everything(stibee);
  be_refused(stibee);
  return stibee.said();
}

}  // namespace stibee_sync::openapi
