#include "store/ledger_table.hpp"

#include <algorithm>
#include <ranges>
#include <utility>
#include <vector>

#include <sqlite3.h>

namespace stibee_sync::store {
namespace {

// So many are looked through for a person before the table is.
constexpr std::size_t written_at_once = 64;

std::string placeholders(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += i == 0 ? "?" : ", ?";
  return text;
}

// "c1, c2, …"
std::string given_columns(int count) {
  std::string text;
  for (int i = 1; i <= count; ++i)
    text += (i == 1 ? "c" : ", c") + std::to_string(i);
  return text;
}

const std::string& columns() {
  static const std::string text(row_columns);
  return text;
}

}  // namespace

void Tally::add(const ledger::LedgerRow& row, std::int64_t people) {
  status[static_cast<std::size_t>(to_number(row.confirmed.status))] += people;
  if (row.wanted.intent == domain::Intent::Subscribed) wanted_subscribed += people;
  if (row.lane) pending[static_cast<std::size_t>(to_number(*row.lane))] += people;
  if (row.parked) parked[name(row.parked)] += people;
  if (const auto day = ledger::consent_day(row.wanted)) consents[*day] += people;
}

std::int64_t Tally::consents_until(std::int64_t last_day) const {
  std::int64_t people = 0;
  for (auto day = consents.begin(); day != consents.end() && day->first <= last_day; ++day)
    people += day->second;
  return people;
}

void Tally::add(const Tally& other) {
  for (std::size_t i = 0; i < status.size(); ++i)
    status[i] += other.status[i];
  for (std::size_t i = 0; i < pending.size(); ++i)
    pending[i] += other.pending[i];
  wanted_subscribed += other.wanted_subscribed;
  for (const auto& [reason, count] : other.parked)
    parked[reason] += count;
  for (const auto& [day, count] : other.consents)
    consents[day] += count;
}

LedgerTable::LedgerTable(Connection& connection, const domain::StateKey& key)
    : connection_(connection),
      key_(key),
      asked_(connection, "asked_rows", 1),
      written_(connection, "written_rows", row_column_count + 2),
      reader_(connection),
      find_(connection, "SELECT " + columns() + " FROM subscriber WHERE mirror = ? AND email = ?"),
      find_all_(connection,
                "SELECT a.rowid, " + columns() +
                    " FROM asked_rows a CROSS JOIN subscriber s ON s.mirror = ? AND s.email = a.c1"),
      last_row_(connection, "SELECT email FROM subscriber WHERE mirror = ? ORDER BY email DESC LIMIT 1"),
      // Whoever has a row gets another one in its place.
      put_(connection, "INSERT INTO subscriber (mirror, email, " + columns() + ") SELECT " +
                           given_columns(row_column_count + 2) + " FROM written_rows"),
      delete_(connection, "DELETE FROM subscriber WHERE mirror = ? AND email = ?"),
      put_more_(connection, "INSERT OR REPLACE INTO subscriber_more (mirror, email, " +
                                std::string(more_columns) + ") VALUES (" +
                                placeholders(more_column_count + 2) + ")"),
      delete_more_(connection, "DELETE FROM subscriber_more WHERE mirror = ? AND email = ?"),
      page_(connection, "SELECT email, " + columns() +
                            " FROM subscriber WHERE mirror = ? AND email > ? ORDER BY email LIMIT ?"),
      moved_from_(connection,
                  "SELECT email FROM subscriber_more INDEXED BY moved WHERE mirror = ? AND moved_to = ?"),
      any_trace_(connection, "SELECT 1 FROM trace WHERE mirror = ? LIMIT 1"),
      find_trace_(connection, "SELECT " + std::string(trace_columns) +
                                  " FROM trace WHERE mirror = ? AND person_hash = ?"),
      insert_trace_(connection, "INSERT OR REPLACE INTO trace (mirror, person_hash, " +
                                    std::string(trace_columns) +
                                    ", member_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, (SELECT "
                                    "member_key FROM trace WHERE mirror = ?1 AND person_hash = ?2))"),
      delete_trace_(connection, "DELETE FROM trace WHERE mirror = ? AND person_hash = ?"),
      set_trace_member_(connection, "UPDATE trace SET member_key = ? WHERE mirror = ? AND person_hash = ?"),
      trace_member_(connection,
                    "SELECT member_key FROM trace WHERE mirror = ? AND person_hash = ? AND member_key IS NOT "
                    "NULL"),
      need_values_(connection, "UPDATE member SET shadowed = 1 WHERE mirror = ? AND key = ?") {}

std::optional<ledger::LedgerRow> LedgerTable::find(MirrorId mirror, std::string_view email) {
  if (is_ahead(mirror, email)) return std::move(ahead_[taken_++].row);
  write_out(mirror, email);
  find_.bind(1, mirror.number).bind(2, email);
  const StatementUse use(find_);
  if (!find_.step()) return std::nullopt;
  return reader_.read(find_, 0, mirror, email);
}

// Makes `find_all_` ready to be stepped.
template <typename Emails>
void LedgerTable::ask(MirrorId mirror, const Emails& emails) {
  write_out();
  asked_.clear();
  for (const std::string_view email : emails) {
    asked_.add();
    asked_.bind(1, email);
  }
  find_all_.bind(1, mirror.number);
}

void LedgerTable::read_ahead(MirrorId mirror, const std::vector<std::string_view>& emails) {
  ahead_.clear();
  taken_ = 0;
  ahead_of_ = mirror;
  for (const auto email : emails)
    ahead_.push_back({std::string(email), std::nullopt});
  ask(mirror, emails);
  const StatementUse use(find_all_);
  while (find_all_.step()) {
    auto& [email, row] = ahead_.at(static_cast<std::size_t>(find_all_.integer(0)));
    row = reader_.read(find_all_, 1, mirror, email);
  }
}

bool LedgerTable::is_ahead(MirrorId mirror, std::string_view email) const {
  return taken_ < ahead_.size() && ahead_of_ == mirror && ahead_[taken_].email == email;
}

void LedgerTable::forget_ahead_unless_taken(MirrorId mirror, std::string_view email) {
  const bool was_taken = taken_ > 0 && ahead_of_ == mirror && ahead_[taken_ - 1].email == email;
  if (!was_taken) forget_ahead();
}

void LedgerTable::forget_ahead() {
  ahead_.clear();
  taken_ = 0;
}

void LedgerTable::find_all(MirrorId mirror,
                           std::vector<std::pair<domain::EmailAddress, ledger::LedgerRow>>& people) {
  ask(mirror, people | std::views::transform(
                           [](const auto& person) { return std::string_view(person.first.text()); }));
  const StatementUse use(find_all_);
  std::size_t found = 0;
  for (; find_all_.step(); ++found) {
    auto& [email, row] = people.at(static_cast<std::size_t>(find_all_.integer(0)));
    row = reader_.read(find_all_, 1, mirror, email.text());
  }
  if (found != people.size()) connection_.fail(SQLITE_CORRUPT);
}

std::string LedgerTable::last_address(MirrorId mirror) {
  write_out();
  last_row_.bind(1, mirror.number);
  const StatementUse use(last_row_);
  return last_row_.step() ? std::string(last_row_.text(0)) : std::string();
}

void LedgerTable::write(MirrorId mirror, const std::string& email, const ledger::LedgerRow* before,
                        const ledger::LedgerRow& row) {
  if (before != nullptr && *before == row) return;
  forget_ahead_unless_taken(mirror, email);
  written_.add();
  written_.bind(1, mirror.number).bind(2, std::string_view(email));
  highest_written_ = std::max(highest_written_, email);
  bind_row(written_, 3, row);
  if (written_.size() >= written_at_once) write_out();
  write_more(mirror, email, before, row);
  auto& difference = differences_[mirror];
  if (before != nullptr) difference.add(*before, -1);
  difference.add(row, 1);
  if (row.lacks_values && row.key) {
    // The next read is to stage the row whose values are wanted, though it has not changed.
    need_values_.bind(1, mirror.number);
    bind_key(need_values_, 2, *row.key);
    need_values_.run();
  }
}

void LedgerTable::write_out() {
  if (written_.size() == 0) return;
  put_.run();
  forget_written();
}

void LedgerTable::write_out(MirrorId mirror, std::string_view email) {
  if (written_.size() == 0 || email > highest_written_) return;
  for (std::size_t i = written_.size(); i > 0; --i) {
    if (written_.text(i - 1, 2) == email && written_.integer(i - 1, 1) == mirror.number) return write_out();
  }
}

void LedgerTable::forget_written() {
  written_.clear();
  highest_written_.clear();
}

void LedgerTable::rolled_back() {
  differences_.clear();
  forget_written();
  forget_ahead();
}

void LedgerTable::write_more(MirrorId mirror, const std::string& email, const ledger::LedgerRow* before,
                             const ledger::LedgerRow& row) {
  if (has_more(row)) {
    put_more_.bind(1, mirror.number).bind(2, email);
    binder_.bind(put_more_, 3, row);
    put_more_.run();
  } else if (before != nullptr && has_more(*before)) {
    delete_more_.bind(1, mirror.number).bind(2, email).run();
  }
}

void LedgerTable::erase(MirrorId mirror, const std::string& email, const ledger::LedgerRow& before) {
  forget_ahead_unless_taken(mirror, email);
  write_out(mirror, email);
  delete_.bind(1, mirror.number).bind(2, email).run();
  if (has_more(before)) delete_more_.bind(1, mirror.number).bind(2, email).run();
  differences_[mirror].add(before, -1);
}

void LedgerTable::write_trace(MirrorId mirror, std::string_view email, const domain::Confirmed& trace) {
  const auto hash = key_.person_hash(email);
  const auto groups = list_to_text(trace.maybe_groups);
  insert_trace_.bind(1, mirror.number).bind(2, std::span<const std::uint8_t>(hash));
  insert_trace_.bind(3, std::int64_t{to_number(trace.status)});
  bind_time(insert_trace_, 4, trace.since);
  insert_trace_.bind(5, groups).bind(6, std::int64_t{trace.maybe_subscribed});
  int column = 7;
  bind_calls(insert_trace_, column, trace.called);
  insert_trace_.run();
}

void LedgerTable::set_trace_member(MirrorId mirror, std::string_view email, const domain::MemberKey& key) {
  const auto hash = key_.person_hash(email);
  bind_key(set_trace_member_, 1, key);
  set_trace_member_.bind(2, mirror.number).bind(3, std::span<const std::uint8_t>(hash)).run();
}

std::optional<domain::MemberKey> LedgerTable::trace_member(MirrorId mirror, std::string_view email) {
  const auto hash = key_.person_hash(email);
  trace_member_.bind(1, mirror.number).bind(2, std::span<const std::uint8_t>(hash));
  const StatementUse use(trace_member_);
  if (!trace_member_.step()) return std::nullopt;
  return key_at(trace_member_, 0);
}

void LedgerTable::erase_echo_traces(MirrorId mirror, domain::UtcTime then) {
  Statement erase(
      connection_,
      "DELETE FROM trace INDEXED BY echo_trace WHERE mirror = ? AND status = 0 AND delete_called < ?");
  erase.bind(1, mirror.number).bind(2, to_number(then)).run();
}

std::optional<std::string> LedgerTable::moved_from(MirrorId mirror, std::string_view email) {
  moved_from_.bind(1, mirror.number).bind(2, email);
  const StatementUse use(moved_from_);
  if (!moved_from_.step()) return std::nullopt;
  return std::string(moved_from_.text(0));
}

bool LedgerTable::has_traces(MirrorId mirror) {
  any_trace_.bind(1, mirror.number);
  const StatementUse use(any_trace_);
  return any_trace_.step();
}

std::optional<domain::Confirmed> LedgerTable::find_trace(MirrorId mirror, std::string_view email) {
  const auto hash = key_.person_hash(email);
  find_trace_.bind(1, mirror.number).bind(2, std::span<const std::uint8_t>(hash));
  const StatementUse use(find_trace_);
  if (!find_trace_.step()) return std::nullopt;
  return trace_at(find_trace_, 0);
}

void LedgerTable::erase_trace(MirrorId mirror, std::string_view email) {
  const auto hash = key_.person_hash(email);
  delete_trace_.bind(1, mirror.number).bind(2, std::span<const std::uint8_t>(hash)).run();
}

std::vector<std::pair<domain::EmailAddress, ledger::LedgerRow>> LedgerTable::rows_after(
    MirrorId mirror, std::string_view email, std::size_t most) {
  std::vector<std::pair<domain::EmailAddress, ledger::LedgerRow>> page;
  write_out();
  page_.bind(1, mirror.number).bind(2, email).bind(3, static_cast<std::int64_t>(most));
  const StatementUse use(page_);
  while (page_.step()) {
    const auto address = page_.text(0);
    page.emplace_back(domain::EmailAddress::from_normalised(std::string(address)),
                      reader_.read(page_, 1, mirror, address));
  }
  return page;
}

std::vector<LedgerTable::OptedOut> LedgerTable::opted_out(MirrorId mirror) {
  write_out();
  std::vector<OptedOut> found;
  const auto status = std::int64_t{to_number(domain::RemoteStatus::OptedOut)};
  Statement rows(connection_, "SELECT email, since FROM subscriber WHERE mirror = ? AND status = ?");
  rows.bind(1, mirror.number).bind(2, status);
  while (rows.step())
    found.push_back({key_.person_hash(rows.text(0)), time_at(rows, 1)});
  Statement traces(connection_, "SELECT person_hash, since FROM trace WHERE mirror = ? AND status = ?");
  traces.bind(1, mirror.number).bind(2, status);
  while (traces.step())
    found.push_back({person_at(traces, 0), time_at(traces, 1)});
  return found;
}

const Tally& LedgerTable::tally(MirrorId mirror) {
  const auto found = tallies_.find(mirror);
  if (found != tallies_.end()) return found->second;
  return tallies_[mirror] = fresh_tally(mirror);
}

Tally LedgerTable::fresh_tally(MirrorId mirror) {
  write_out();
  Tally tally;
  Statement all(connection_, "SELECT status, intent, lane, consented_at FROM subscriber WHERE mirror = ?");
  all.bind(1, mirror.number);
  while (all.step()) {
    ++tally.status[static_cast<std::size_t>(to_number(status_at(all, 0)))];
    domain::Wanted wanted;
    wanted.intent = intent_at(all, 1);
    wanted.consented_at = time_at(all, 3);
    if (wanted.intent == domain::Intent::Subscribed) ++tally.wanted_subscribed;
    if (const auto day = ledger::consent_day(wanted)) ++tally.consents[*day];
    if (!all.is_null(2)) ++tally.pending[static_cast<std::size_t>(to_number(lane_at(all, 2)))];
  }
  count_parked(mirror, tally);
  return tally;
}

Tally LedgerTable::backlog_tally(MirrorId mirror) {
  write_out();
  Tally tally;
  Statement pending(connection_,
                    "SELECT lane, count(*) FROM subscriber INDEXED BY queue WHERE mirror = ? AND lane IS NOT "
                    "NULL GROUP BY lane");
  pending.bind(1, mirror.number);
  while (pending.step())
    tally.pending[static_cast<std::size_t>(to_number(lane_at(pending, 0)))] = pending.integer(1);
  count_parked(mirror, tally);
  return tally;
}

void LedgerTable::count_parked(MirrorId mirror, Tally& tally) {
  Statement parked(
      connection_,
      "SELECT parked, count(*) FROM subscriber_more INDEXED BY parked WHERE mirror = ? AND parked IS "
      "NOT NULL GROUP BY parked");
  parked.bind(1, mirror.number);
  while (parked.step())
    tally.parked[name(reason_at(parked, 0))] += parked.integer(1);
}

void LedgerTable::committed() {
  forget_ahead();
  for (const auto& [mirror, difference] : differences_) {
    const auto found = tallies_.find(mirror);
    if (found != tallies_.end()) found->second.add(difference);
  }
  differences_.clear();
}

}  // namespace stibee_sync::store
