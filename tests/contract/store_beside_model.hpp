#pragma once

#include "contract/naive_store.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace stibee_sync::store_tests {

/// The store and its naive model, and whether they look the same.
class StoreBesideModel {
 protected:
  void compare() {
    compare_people();
    compare_queue();
    compare_reports();
    compare_parked();
    auto& store = *world_.store;
    const auto everything = std::numeric_limits<std::size_t>::max();
    const auto later = now_ + 1000 * day;
    for (const auto latest : {now_ + std::chrono::minutes(1), later}) {
      compare_writebacks(store.writebacks(world_.mirror, now_, latest, 3),
                         model_.due_writebacks(now_, latest, 3));
      compare_writebacks(store.writebacks(world_.mirror, latest, latest, everything),
                         model_.due_writebacks(latest, latest, everything));
    }
    EXPECT_EQ(store.next_writeback({world_.mirror}), model_.next_writeback());
    for (const auto* digest : {"digest0", "digest1", "digest2"}) {
      const auto found = model_.state.approvals.find(digest);
      const bool approved = found != model_.state.approvals.end() && found->second > now_;
      EXPECT_EQ(store.approved(world_.mirror, digest, now_), approved);
    }
    compare_snapshot();
  }

  void compare_people() {
    for (char c = 'a'; c < 'a' + 6; ++c) {
      const auto address = std::string(1, c) + "@x.kr";
      EXPECT_EQ(world_.find(address), model_.find(address)) << address;
    }
    EXPECT_EQ(world_.store->suppressed(world_.mirror), model_.suppressed());
    compare_people_of_a_transaction();
  }

  void compare_people_of_a_transaction() {
    store::Transaction look(*world_.store);
    std::vector<std::pair<domain::EmailAddress, ledger::LedgerRow>> rows;
    for (char c = 'a'; c < 'a' + 6; ++c) {
      const auto address = std::string(1, c) + "@x.kr";
      const auto wanted = model_.find(address);
      EXPECT_EQ(look.find(world_.mirror, email(address)), wanted) << address;
      if (wanted.row) rows.emplace_back(email(address), *wanted.row);
    }
    EXPECT_EQ(look.rows_after(world_.mirror, "", 100), rows);
  }

  void compare_queue() {
    EXPECT_EQ(world_.store->next_due({world_.mirror}), model_.next_due());
    EXPECT_EQ(world_.store->logged_attempts().size(), model_.state.attempts);
    store::Transaction look(*world_.store);
    for (const auto lane : domain::all_lanes) {
      for (const bool retries : {true, false}) {
        const store::Due due{now_, retries};
        std::map<std::string, UtcTime> heads;
        for (const auto& head : look.heads(world_.mirror, lane, due))
          heads[head.shape] = head.due;
        EXPECT_EQ(heads, model_.heads(lane, due));
        for (const auto& [shape, first] : heads)
          compare_waiting(look, {world_.mirror, lane, shape}, due);
      }
    }
  }

  void compare_waiting(store::Transaction& look, const store::QueueLine& line, const store::Due& due) {
    for (const std::size_t most : {2, 100}) {
      const auto real = look.waiting(line, due, most);
      const auto model = model_.waiting(line, due, most);
      EXPECT_EQ(real.people, model.people);
      EXPECT_EQ(real.first_is_retry, model.first_is_retry);
      EXPECT_EQ(real.batch_limit, model.batch_limit);
    }
  }

  static void compare_backlogs(const store::Backlog& real, const store::Backlog& model) {
    EXPECT_EQ(real.parked, model.parked);
    for (const auto lane : domain::all_lanes) {
      EXPECT_EQ(real.pending.at(lane).people, model.pending.at(lane).people) << domain::name(lane);
      EXPECT_EQ(real.pending.at(lane).oldest, model.pending.at(lane).oldest) << domain::name(lane);
    }
  }

  void compare_reports() {
    const auto real = world_.store->summary(world_.mirror, now_);
    const auto model = model_.summary(now_);
    compare_backlogs(real, model);
    compare_backlogs(world_.store->backlog(world_.mirror, now_), model);
    EXPECT_EQ(real.people, model.people);
    EXPECT_EQ(real.wanted_subscribed, model.wanted_subscribed);
    EXPECT_EQ(world_.store->wanted_subscribed(world_.mirror), model.wanted_subscribed);
    EXPECT_EQ(real.consents_due, model.consents_due);
    EXPECT_EQ(real.writebacks, model.writebacks);
    EXPECT_EQ(real.facts.last_success, model.facts.last_success);
    EXPECT_EQ(world_.store->pending(world_.mirror, now_), model_.pending(now_));
    ASSERT_EQ(real.holds.size(), model.holds.size());
    for (std::size_t i = 0; i < real.holds.size(); ++i) {
      EXPECT_EQ(real.holds[i].change_class, model.holds[i].change_class);
      EXPECT_EQ(real.holds[i].digest, model.holds[i].digest);
      EXPECT_EQ(real.holds[i].count, model.holds[i].count);
      EXPECT_EQ(real.holds[i].since, model.holds[i].since);
    }
  }

  void compare_parked() {
    const auto model = model_.parked();
    for (const std::size_t most : {2, 100}) {
      const auto real = world_.store->parked(world_.mirror, most);
      ASSERT_EQ(real.size(), std::min(most, model.size()));
      for (std::size_t i = 0; i < real.size(); ++i) {
        EXPECT_EQ(real[i].key, model[i].key);
        EXPECT_EQ(real[i].email, model[i].email);
        EXPECT_EQ(real[i].reason, model[i].reason);
        EXPECT_EQ(real[i].message, model[i].message);
        EXPECT_EQ(real[i].attempts, model[i].attempts);
        EXPECT_EQ(real[i].since, model[i].since);
        EXPECT_EQ(real[i].sent_instead, model[i].sent_instead);
      }
    }
  }

  void compare_snapshot() {
    auto scan = world_.store->begin_scan(world_.mirror);
    store::SnapshotRow row;
    for (const auto& [key, member] : model_.state.members) {
      ASSERT_TRUE(scan.next(row));
      ASSERT_EQ(row.key, key);
      EXPECT_EQ(row.fingerprint, member.fingerprint);
      EXPECT_EQ(row.shadowed, member.shadowed) << key.to_string();
    }
    EXPECT_FALSE(scan.next(row));
  }

  static void compare_writebacks(const std::vector<store::PendingWriteback>& real,
                                 const std::vector<store::PendingWriteback>& model) {
    ASSERT_EQ(real.size(), model.size());
    for (std::size_t i = 0; i < real.size(); ++i) {
      EXPECT_EQ(real[i].email, model[i].email);
      EXPECT_EQ(real[i].key, model[i].key);
      EXPECT_EQ(real[i].attempts, model[i].attempts);
      EXPECT_EQ(real[i].request.event, model[i].request.event);
      EXPECT_EQ(real[i].request.occurred_at, model[i].request.occurred_at);
      EXPECT_EQ(real[i].request.fields, model[i].request.fields);
    }
  }

  World world_;
  NaiveStore model_{world_.mirror};
  UtcTime now_ = start;
};

}  // namespace stibee_sync::store_tests
