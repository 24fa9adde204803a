#pragma once

#include "stibee_sync/pipeline/remote_event.hpp"

#include <initializer_list>
#include <string>

#include <gtest/gtest.h>

// A person as the state has them, and an event of Stibee about them.
namespace stibee_sync::pipeline::testing_support {

using namespace std::chrono_literals;
using domain::Intent;
using domain::Lane;
using domain::RemoteStatus;
using telemetry::WebhookEffect;
using webhook::Action;
using webhook::Actor;

inline const domain::UtcTime now{domain::Duration(std::chrono::hours(500'000))};

class RemoteEvents : public ::testing::Test {
 protected:
  RemoteEvents() {
    person.email = domain::EmailAddress::from_normalised("dooly@example.com");
    for (const std::string tag : {"name", "phone"}) {
      diff::Mapping::MappedField field;
      field.tag = tag;
      plan.mapping.fields.push_back(field);
    }
  }

  /// Somebody in the ledger, whose status was learnt `ago`.
  void known(Intent intent, RemoteStatus status, domain::Duration ago = 24h) {
    ledger::LedgerView ledger;
    ledger.wanted.intent = intent;
    ledger.wanted.fields = print("둘리", "010-1");
    ledger.confirmed.status = status;
    ledger.confirmed.since = now - ago;
    ledger.confirmed.fields = ledger.wanted.fields;
    view.ledger = ledger;
    if (status == RemoteStatus::OptedOut) view.suppression = suppression("earlier");
  }
  ledger::Suppression suppression(const std::string& reason) const {
    ledger::Suppression entry;
    entry.at = now - 24h;
    entry.by = "subscriber";
    entry.reason = reason;
    return entry;
  }
  void statements(std::initializer_list<std::string> events) {
    for (const auto& name : events)
      plan.writeback[name] = name == "updated"
                                 ? "UPDATE m SET name = :field_name, phone = :field_phone WHERE e = :email"
                                 : "UPDATE …";
  }
  void shows(const std::string& name, const std::string& phone) {
    person.fields = {{"other", "x"}, {"NAME", name}, {"phone", phone}};
  }
  domain::Fingerprint print(const std::string& name, const std::string& phone) const {
    return domain::fingerprint_of({{"name", name}, {"phone", phone}}, key);
  }

  RemoteVerdict judge(Action action, Actor actor = Actor::Subscriber) {
    event.action = action;
    event.actor = actor;
    event.person = &person;
    return verdict_of(event, view, plan, key, now);
  }
  RemoteStatus status_after(const RemoteVerdict& verdict) const {
    return verdict.change.confirmed ? verdict.change.confirmed->status : view.ledger->confirmed.status;
  }
  static std::string writeback(const RemoteVerdict& verdict) {
    return verdict.change.writeback ? verdict.change.writeback->event : "";
  }
  static bool changes_nothing(const RemoteVerdict& verdict) {
    const auto& change = verdict.change;
    return !change.confirmed && !change.wanted && !change.suppress && !change.lift && !change.writeback &&
           !change.look_again && !verdict.suppression_added && !verdict.suppression_lifted && !verdict.mends;
  }

  domain::StateKey key{domain::StateKey::Bytes{}};
  webhook::EventPerson person;
  RemoteEvent event;
  ledger::RemoteView view;
  MirrorPlan plan;
};

}  // namespace stibee_sync::pipeline::testing_support
