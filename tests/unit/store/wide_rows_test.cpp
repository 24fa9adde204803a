#include "small_state.hpp"
#include "store/ledger_table.hpp"
#include "store/schema.hpp"

#include <deque>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>

// States of version 3 had one wide row for everybody, each column of which stood for one thing.
namespace stibee_sync::store {
namespace {

using namespace testing_support;
using domain::Reason;
using ledger::LedgerRow;

class WideRow {
 public:
  explicit WideRow(Connection& connection)
      : insert_(
            connection,
            "INSERT INTO subscriber VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
            "?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, "
            "?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42, ?43)") {}

  void write(const std::string& email, const LedgerRow& row) {
    at_ = 1;
    texts_.clear();
    fingerprints_.clear();
    const auto& wanted = row.wanted;
    const auto& confirmed = row.confirmed;
    text(email);
    number(to_number(wanted.intent));
    fingerprint(wanted.fields);
    flag(wanted.ad_agreed);
    text(list_to_text(wanted.groups));
    time(wanted.consented_at);
    time(wanted.opted_in_at);
    time(wanted.left_at);
    number(to_number(confirmed.status));
    time(confirmed.since);
    fingerprint(confirmed.fields);
    flag(confirmed.ad_agreed);
    text(list_to_text(confirmed.groups));
    text(list_to_text(confirmed.maybe_groups));
    number(confirmed.maybe_subscribed);
    row.values ? values(*row.values) : null();
    row.key ? key(*row.key) : null();
    row.lane ? number(to_number(*row.lane)) : null();
    row.lane ? text(row.shape) : null();
    row.lane ? time(row.due) : null();
    row.lane ? time(row.pending_since) : null();
    number(row.attempts > 0);
    number(row.attempts);
    row.not_before != UtcTime{} ? time(row.not_before) : null();
    number(row.batch_limit);
    number(row.in_doubt);
    text(name(row.error));
    text(row.message);
    text(name(row.parked));
    row.parked ? time(row.parked_since) : null();
    number(row.parked_by_rule);
    number(row.lacks_values);
    number(wanted.silenced);
    time(wanted.renewed);
    number(confirmed.owes_no);
    time(confirmed.repeat_at);
    time(confirmed.consent_then);
    text(confirmed.moved_to);
    time(confirmed.called.optout);
    time(confirmed.called.deletion);
    time(confirmed.called.upsert);
    time(confirmed.called.resubscribe);
    number(row.no_is_ours);
    insert_.run();
  }

 private:
  void null() { insert_.bind_null(at_++); }
  void number(std::int64_t value) { insert_.bind(at_++, value); }
  void flag(const std::optional<bool>& value) { value ? number(*value) : null(); }
  void time(const std::optional<UtcTime>& value) { value ? number(to_number(*value)) : null(); }
  void fingerprint(const std::optional<domain::Fingerprint>& value) {
    if (!value) return null();
    fingerprints_.push_back(*value);  // it is looked at until the statement has run
    insert_.bind(at_++, std::span<const std::uint8_t>(fingerprints_.back().bytes));
  }
  void key(const MemberKey& value) { bind_key(insert_, at_++, value); }
  void values(const domain::FieldValues& value) {
    texts_.push_back(domain::to_text(value));  // may be ""
    insert_.bind(at_++, std::string_view(texts_.back()));
  }
  void text(std::string value) {
    if (value.empty()) return null();
    texts_.push_back(std::move(value));
    insert_.bind(at_++, std::string_view(texts_.back()));
  }

  Statement insert_;
  int at_ = 1;
  std::deque<std::string> texts_;
  std::deque<domain::Fingerprint> fingerprints_;
};

LedgerRow fresh() {
  LedgerRow row;
  row.wanted.intent = domain::Intent::Subscribed;
  row.wanted.fields.bytes[15] = 255;
  row.values = domain::FieldValues{{"name", "tab\tnew\nline=\\"}};
  row.key = MemberKey(std::int64_t{7});
  row.lane = Lane::Upsert;
  row.shape = "subscribe:";
  row.due = row.pending_since = start;
  return row;
}

LedgerRow settled() {
  auto row = fresh();
  row.values.reset();
  row.lane.reset();
  row.shape.clear();
  row.due = row.pending_since = {};
  row.confirmed.status = RemoteStatus::Subscribed;
  row.confirmed.since = start + second;
  row.confirmed.fields = row.wanted.fields;
  row.confirmed.called.upsert = start + second;
  return row;
}

using Change = std::function<void(LedgerRow&)>;
// One for each thing that a row may say.
std::vector<Change> changes() {
  return {
      [](auto& row) { row.wanted.intent = domain::Intent::Absent; },
      [](auto& row) { row.wanted.fields.bytes[0] = 9; },
      [](auto& row) { row.wanted.ad_agreed = false; },
      [](auto& row) { row.wanted.groups = {-4, 9'000'000'000}; },
      [](auto& row) { row.wanted.consented_at = UtcTime{}; },
      [](auto& row) { row.wanted.opted_in_at = start; },
      [](auto& row) { row.wanted.left_at = start; },
      [](auto& row) { row.wanted.silenced = true; },
      [](auto& row) { row.wanted.renewed = start; },
      [](auto& row) { row.confirmed.status = RemoteStatus::Moved; },
      [](auto& row) { row.confirmed.since.reset(); },
      [](auto& row) { row.confirmed.fields.reset(); },
      [](auto& row) { row.confirmed.fields.emplace().bytes[0] = 1; },
      [](auto& row) { row.confirmed.ad_agreed = true; },
      [](auto& row) { row.confirmed.ad_agreed = row.wanted.ad_agreed = true; },
      [](auto& row) { row.confirmed.groups = {1, 2}; },
      [](auto& row) { row.confirmed.groups = row.wanted.groups = {1, 2}; },
      [](auto& row) { row.confirmed.maybe_groups = {3}; },
      [](auto& row) { row.confirmed.maybe_subscribed = true; },
      [](auto& row) { row.confirmed.owes_no = true; },
      [](auto& row) { row.confirmed.repeat_at = start; },
      [](auto& row) { row.confirmed.consent_then = start; },
      [](auto& row) { row.confirmed.moved_to = "new@x.kr"; },
      [](auto& row) { row.confirmed.called.optout = start; },
      [](auto& row) { row.confirmed.called.deletion = start; },
      [](auto& row) { row.confirmed.called.upsert = start; },
      [](auto& row) { row.confirmed.called.resubscribe = start; },
      [](auto& row) { row.values.emplace(); },
      [](auto& row) { row.key = MemberKey("k'ey"); },
      [](auto& row) { row.key.reset(); },
      [](auto& row) {
        row.lane = Lane::Delete;
        row.shape = "delete";
        row.due = row.pending_since = start + second;
      },
      [](auto& row) { row.attempts = 3; },
      [](auto& row) { row.not_before = start; },
      [](auto& row) { row.batch_limit = 500; },
      [](auto& row) { row.in_doubt = true; },
      [](auto& row) { row.error = Reason::Timeout; },
      [](auto& row) { row.message = "words"; },
      [](auto& row) {
        row.parked = Reason::WrongEmail;
        row.parked_since = start;
      },
      [](auto& row) { row.parked_by_rule = true; },
      [](auto& row) { row.lacks_values = true; },
      [](auto& row) { row.no_is_ours = true; },
      [](auto& row) {
        if (row.lane) row.due = row.pending_since + second;
      },
  };
}

class WideRows : public ::testing::Test {
 protected:
  WideRows() {
    std::ofstream(file_).close();
    connection_.emplace(file_, Connection::Mode::ReadWrite);
    migrate(*connection_, migration_steps().first(3));
    connection_->execute("INSERT INTO mirror (id, name, list_id) VALUES (1, 'members', 1)");
    wide_.emplace(*connection_);
  }
  void write(const LedgerRow& row) {
    rows_.emplace_back("m" + std::to_string(rows_.size()) + "@x.kr", row);
    wide_->write(rows_.back().first, row);
  }
  void bring_up_to_date() {
    wide_.reset();
    migrate(*connection_, migration_steps());
    table_.emplace(*connection_, key_);
  }

  TemporaryDirectory temporary_;
  std::filesystem::path file_ = temporary_.path() / "some.sqlite";
  std::optional<Connection> connection_;
  std::optional<WideRow> wide_;
  domain::StateKey key_{domain::StateKey::Bytes{}};
  std::optional<LedgerTable> table_;
  MirrorId mirror_{1};
  std::vector<std::pair<std::string, LedgerRow>> rows_;
};

TEST_F(WideRows, SayTheSameOnceTheyAreNarrow) {
  std::vector<LedgerRow> bases = {fresh(), settled(), LedgerRow{}};
  const auto all = changes();
  for (const auto& base : bases) {
    write(base);
    auto growing = base;
    for (const auto& change : all) {
      auto row = base;
      change(row);
      write(row);
      change(growing);
      write(growing);
    }
  }
  bring_up_to_date();
  std::int64_t with_more = 0;
  for (const auto& [email, row] : rows_) {
    EXPECT_EQ(table_->find(mirror_, email), row) << email;
    with_more += has_more(row) ? 1 : 0;
  }
  EXPECT_EQ(connection_->query_number("SELECT count(*) FROM subscriber_more"), with_more)
      << "what nobody has any more must not stay behind";
  EXPECT_EQ(connection_->query_number("SELECT count(*) FROM subscriber WHERE more = 1"), with_more);
  EXPECT_EQ(connection_->query_text("PRAGMA integrity_check"), "ok");
}

TEST_F(WideRows, AreWrittenAsTheyWouldBeToday) {
  auto row = fresh();
  write(row);
  write(settled());
  changes().back()(row);
  write(row);
  row.confirmed.groups = {1};
  write(row);
  bring_up_to_date();
  const auto all = [&] {
    std::string text;
    for (const char* table : {"subscriber", "subscriber_more"}) {
      Statement rows(*connection_, std::string("SELECT * FROM ") + table);
      while (rows.step()) {
        for (int i = 0; i < (table == std::string("subscriber") ? row_column_count : more_column_count) + 2;
             ++i)
          text += (rows.is_null(i) ? "-" : rows.is_integer(i) ? "n" : "t") + std::string(rows.text(i)) + "|";
      }
    }
    return text;
  };
  const auto migrated = all();
  connection_->execute("DELETE FROM subscriber; DELETE FROM subscriber_more");
  for (const auto& [email, written] : rows_)
    table_->write(mirror_, email, nullptr, written);
  table_->write_out();
  EXPECT_EQ(all(), migrated);
}

TEST_F(WideRows, KeepTheirPlaceForAHumanAndInTheQueue) {
  write(fresh());
  auto row = fresh();
  row.attempts = 2;
  row.error = Reason::Timeout;
  row.message = "words";
  write(row);
  bring_up_to_date();
  EXPECT_EQ(connection_->query_text("SELECT group_concat(wanted || confirmed || lane || shape || attempts || "
                                    "coalesce(error, '') || coalesce(message, ''), ';') FROM people"),
            "subscribedunknownupsertsubscribe:0;subscribedunknownupsertsubscribe:2timeoutwords");
  EXPECT_EQ(connection_->query_text("SELECT group_concat(email) FROM subscriber INDEXED BY queue WHERE "
                                    "mirror = 1 AND lane = 2 AND shape = 'subscribe:' AND retried = 1"),
            "m1@x.kr");
  EXPECT_EQ(table_->fresh_tally(mirror_).pending[2], 2);
}

}  // namespace
}  // namespace stibee_sync::store
