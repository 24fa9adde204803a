#include "small_state.hpp"
#include "store/ledger_table.hpp"
#include "store/schema.hpp"

#include <fstream>

#include <gtest/gtest.h>

namespace stibee_sync::store {
namespace {

using namespace testing_support;
using domain::Reason;
using ledger::LedgerRow;

class RowCodec : public ::testing::Test {
 protected:
  RowCodec() {
    std::ofstream(file_).close();
    connection_.emplace(file_, Connection::Mode::ReadWrite);
    migrate(*connection_, migration_steps());
    table_.emplace(*connection_, key_);
  }
  void write(const std::string& email, const LedgerRow* before, const LedgerRow& row) {
    table_->write(mirror_, email, before, row);
    table_->write_out();
  }

  TemporaryDirectory temporary_;
  std::filesystem::path file_ = temporary_.path() / "some.sqlite";
  std::optional<Connection> connection_;
  domain::StateKey key_{domain::StateKey::Bytes{}};
  std::optional<LedgerTable> table_;
  MirrorId mirror_{1};
};

LedgerRow full_row() {
  LedgerRow row;
  row.wanted.intent = domain::Intent::Absent;
  row.wanted.fields.bytes[15] = 255;
  row.wanted.ad_agreed = false;
  row.wanted.groups = {-4, 12, 9'000'000'000};
  row.wanted.consented_at = UtcTime{};  // "no consent" is a time, not NULL
  row.wanted.opted_in_at = start;
  row.wanted.left_at = start + second;
  row.wanted.silenced = true;
  row.wanted.renewed = start - 3 * second;
  row.confirmed.status = RemoteStatus::Ready;
  row.confirmed.since = start - second;
  row.confirmed.fields.emplace().bytes[0] = 1;
  row.confirmed.ad_agreed = true;
  row.confirmed.groups = {1};
  row.confirmed.maybe_subscribed = true;
  row.confirmed.owes_no = true;
  row.confirmed.repeat_at = start + 60 * second;
  row.confirmed.consent_then = start - 5 * second;
  row.confirmed.moved_to = "new@x.kr";
  row.confirmed.called = {start, start + second, start + 2 * second, start + 3 * second};
  row.no_is_ours = true;
  row.values = domain::FieldValues{{"name", "tab\tnew\nline=\\"}};
  row.key = MemberKey("k'ey");
  row.lane = Lane::Delete;
  row.shape = "delete";
  row.due = start + 2 * second;
  row.pending_since = start + second;
  row.attempts = 3;
  row.not_before = start + 2 * second;
  row.batch_limit = 500;
  row.in_doubt = true;
  row.error = Reason::Timeout;
  row.message = "words";
  return row;
}

TEST_F(RowCodec, AFullRowComesBackAsItWas) {
  const auto row = full_row();
  write("a@x.kr", nullptr, row);
  EXPECT_EQ(table_->find(mirror_, "a@x.kr"), row);
}

TEST_F(RowCodec, AnEmptyRowComesBackAsItWas) {
  const LedgerRow row;
  write("a@x.kr", nullptr, row);
  EXPECT_EQ(table_->find(mirror_, "a@x.kr"), row);
}

TEST_F(RowCodec, NoValuesAreNotTheSameAsEmptyValues) {
  LedgerRow row;
  row.values.emplace();
  write("a@x.kr", nullptr, row);
  EXPECT_EQ(table_->find(mirror_, "a@x.kr"), row);
}

TEST_F(RowCodec, AParkedRowComesBackAsItWasAfterAnUpdate) {
  const auto before = full_row();
  write("a@x.kr", nullptr, before);
  LedgerRow row;
  row.key = MemberKey(std::int64_t{-7});
  row.parked = Reason::WrongEmail;
  row.parked_since = start;
  row.parked_by_rule = true;
  row.lacks_values = true;
  write("a@x.kr", &before, row);
  EXPECT_EQ(table_->find(mirror_, "a@x.kr"), row);
}

TEST_F(RowCodec, EveryReasonComesBackAsItWas) {
  std::optional<LedgerRow> before;
  for (const auto reason : domain::all_reasons()) {
    LedgerRow row;
    row.error = Reason::http(503);
    row.parked = reason;
    row.parked_since = start;
    write("a@x.kr", before ? &*before : nullptr, row);
    EXPECT_EQ(table_->find(mirror_, "a@x.kr"), row) << domain::name(reason);
    before = row;
  }
}

TEST_F(RowCodec, WordsOfAnOlderStateThatAreNoReasonAreARefusal) {
  write("a@x.kr", nullptr, full_row());
  connection_->execute("UPDATE subscriber_more SET parked = 'rejected', error = 'Errors.Of.Old'");
  const auto row = table_->find(mirror_, "a@x.kr");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->parked, Reason::Refused);
  EXPECT_EQ(row->error, Reason::Refused);
}

TEST_F(RowCodec, DamagedValuesAreAnErrorThatNamesNobody) {
  write("a@x.kr", nullptr, full_row());
  for (const char* damage : {"field_values = 'no separator'", "wanted_fields = x'00'", "status = 99",
                             "lane = 7", "wanted_groups = '1,x'"}) {
    connection_->execute("SAVEPOINT s");
    connection_->execute((std::string("UPDATE subscriber SET ") + damage).c_str());
    try {
      table_->find(mirror_, "a@x.kr");
      ADD_FAILURE() << "no error: " << damage;
    } catch (const StoreFailure& failure) {
      EXPECT_EQ(failure.kind(), Failure::Damaged);
      EXPECT_EQ(std::string(failure.what()).find("a@x.kr"), std::string::npos);
    }
    connection_->execute("ROLLBACK TO s; RELEASE s");
  }
}

TEST_F(RowCodec, ARowThatLacksItsOtherHalfIsDamaged) {
  write("a@x.kr", nullptr, full_row());
  for (const char* damage : {"DELETE FROM subscriber_more", "UPDATE subscriber SET more = 0, arrived = 0"}) {
    connection_->execute("SAVEPOINT s");
    connection_->execute(damage);
    EXPECT_THROW(table_->find(mirror_, "a@x.kr"), StoreFailure) << damage;
    connection_->execute("ROLLBACK TO s; RELEASE s");
  }
}

TEST_F(RowCodec, WhatThereIsMoreGoesWhenItIsOver) {
  const auto more = [&] { return connection_->query_number("SELECT count(*) FROM subscriber_more"); };
  const auto before = full_row();
  write("a@x.kr", nullptr, before);
  EXPECT_EQ(more(), 1);
  write("a@x.kr", &before, LedgerRow{});
  EXPECT_EQ(more(), 0);
  write("b@x.kr", nullptr, before);
  table_->erase(mirror_, "b@x.kr", before);
  EXPECT_EQ(more(), 0);
}

TEST_F(RowCodec, WhoIsAsWantedHasOneFingerprintAndNothingMore) {
  LedgerRow row;
  row.wanted.intent = domain::Intent::Subscribed;
  row.wanted.fields.bytes[3] = 7;
  row.wanted.ad_agreed = true;
  row.wanted.groups = {1, 2};
  row.confirmed.status = RemoteStatus::Subscribed;
  row.confirmed.since = start;
  row.confirmed.fields = row.wanted.fields;
  row.confirmed.ad_agreed = true;
  row.confirmed.groups = {1, 2};
  row.confirmed.called.upsert = start;
  write("a@x.kr", nullptr, row);
  EXPECT_EQ(table_->find(mirror_, "a@x.kr"), row);
  EXPECT_EQ(connection_->query_number("SELECT arrived FROM subscriber WHERE more = 0"), 1);
  auto changed = row;
  changed.wanted.fields.bytes[3] = 8;
  write("a@x.kr", &row, changed);
  EXPECT_EQ(table_->find(mirror_, "a@x.kr"), changed);
  EXPECT_EQ(connection_->query_number("SELECT count(*) FROM subscriber_more"), 0);
}

// ---- rows that are written many at once
// ----------------------------------------------------------------------

TEST_F(RowCodec, ARowThatIsNotWrittenOutIsFoundAllTheSame) {
  auto row = full_row();
  table_->write(mirror_, "b@x.kr", nullptr, row);
  table_->write(mirror_, "a@x.kr", nullptr, LedgerRow{});
  EXPECT_EQ(table_->find(mirror_, "b@x.kr"), row);
  const auto before = row;
  row.message = "others";
  row.shape = "another";
  table_->write(mirror_, "b@x.kr", &before, row);
  EXPECT_EQ(table_->rows_after(mirror_, "a@x.kr", 9).at(0).second, row);
  EXPECT_EQ(table_->last_address(mirror_), "b@x.kr");
}

TEST_F(RowCodec, OfTwoWritesOfARowTheLaterOneCounts) {
  const LedgerRow before;
  const auto row = full_row();
  table_->write(mirror_, "a@x.kr", nullptr, before);
  table_->write(mirror_, "a@x.kr", &before, row);
  EXPECT_EQ(table_->fresh_tally(mirror_).pending[1], 1);
  EXPECT_EQ(table_->find(mirror_, "a@x.kr"), row);
  EXPECT_EQ(connection_->query_number("SELECT count(*) FROM subscriber"), 1);
}

TEST_F(RowCodec, ARowThatIsErasedIsNotWrittenOutAfterwards) {
  const auto row = full_row();
  table_->write(mirror_, "a@x.kr", nullptr, row);
  table_->erase(mirror_, "a@x.kr", row);
  table_->write_out();
  EXPECT_FALSE(table_->find(mirror_, "a@x.kr"));
}

TEST_F(RowCodec, WhatIsRolledBackIsNotWrittenOutLater) {
  table_->write(mirror_, "a@x.kr", nullptr, LedgerRow{});
  table_->rolled_back();
  table_->write_out();
  EXPECT_FALSE(table_->find(mirror_, "a@x.kr"));
}

TEST_F(RowCodec, ARowThatTakesThePlaceOfAnotherLeavesNothingInTheQueue) {
  const auto before = full_row();
  write("a@x.kr", nullptr, before);
  auto row = before;
  row.lane.reset();
  row.shape.clear();
  row.due = row.pending_since = {};
  write("a@x.kr", &before, row);
  EXPECT_EQ(
      connection_->query_number("SELECT count(*) FROM subscriber INDEXED BY queue WHERE lane IS NOT NULL"),
      0);
  EXPECT_EQ(connection_->query_text("PRAGMA integrity_check"), "ok");
}

TEST_F(RowCodec, ManyRowsAndManyFindsKeepThemApart) {
  std::vector<std::pair<domain::EmailAddress, LedgerRow>> people;
  auto row = full_row();
  for (int i = 0; i < 200; ++i) {
    const auto address = "m" + std::to_string(i * 7919 % 200) + "@x.kr";
    row.message = i % 3 == 0 ? "" : address;
    row.values = domain::FieldValues{{"name", address}};
    table_->write(mirror_, address, nullptr, row);
    people.emplace_back(email(address), row);
  }
  auto found = people;
  for (auto& [address, there] : found)
    there = LedgerRow{};
  table_->find_all(mirror_, found);
  EXPECT_EQ(found, people);
  found.emplace_back(email("nobody@x.kr"), LedgerRow{});
  EXPECT_THROW(table_->find_all(mirror_, found), StoreFailure);
}

TEST_F(RowCodec, TheQueueIsReadFromItsIndexAlone) {
  Statement plan(*connection_,
                 "EXPLAIN QUERY PLAN SELECT due, email, batch_limit FROM subscriber INDEXED BY queue WHERE "
                 "mirror = 1 AND "
                 "lane = 2 AND shape = 's' AND retried = 0 AND (due, email) > (1, 'a') AND due <= 9 ORDER BY "
                 "due, email");
  std::string text;
  while (plan.step())
    text += std::string(plan.text(3)) + "\n";
  EXPECT_NE(text.find("COVERING INDEX queue (mirror=? AND lane=? AND shape=? AND retried=? AND "
                      "(due,email)>(?,?) AND due<?"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("TEMP B-TREE"), std::string::npos) << text;
}

}  // namespace
}  // namespace stibee_sync::store
