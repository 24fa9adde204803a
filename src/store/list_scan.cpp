#include "store/ledger_row.hpp"
#include "store/list_scan_state.hpp"
#include "store/row_codec.hpp"
#include "store/scan_record.hpp"
#include "store/suppression_table.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace stibee_sync::store {
namespace {

constexpr std::size_t list_memory = 3 * 1024 * 1024;

}  // namespace

struct ListScan::State::Snapshot {
  Snapshot(std::unique_ptr<Connection> opened, MirrorId of, std::optional<InFlightLanes> lanes)
      : mirror(of),
        connection(std::move(opened)),
        begin(*connection, "BEGIN"),
        rows(*connection, "SELECT email, " + std::string(row_columns) +
                              " FROM subscriber WHERE mirror = ? ORDER BY email"),
        reader(*connection),
        trace(*connection,
              "SELECT " + std::string(trace_columns) + " FROM trace WHERE mirror = ? AND person_hash = ?"),
        suppressions(*connection) {
    begin.run();
    // The first read fixes the view of the state.
    Statement list(*connection, "SELECT list_id FROM mirror WHERE id = ?");
    if (list.bind(1, mirror.number).step()) list_id = list.integer(0);
    if (lanes) {
      in_flight.insert(lanes->begin(), lanes->end());
    } else {
      Statement calls(*connection, "SELECT people FROM in_flight WHERE mirror = ?");
      calls.bind(1, mirror.number);
      while (calls.step())
        add_in_flight(calls.text(0));
    }
    Statement any_trace(*connection, "SELECT 1 FROM trace WHERE mirror = ? LIMIT 1");
    has_traces = any_trace.bind(1, mirror.number).step();
    has_suppressions = suppressions.any(list_id);
    rows.bind(1, mirror.number);
    trace.bind(1, mirror.number);
  }

  void add_in_flight(std::string_view lines) {
    while (!lines.empty()) {
      const auto end = std::min(lines.find('\n'), lines.size());
      in_flight.emplace(lines.substr(0, end), std::nullopt);
      lines.remove_prefix(std::min(end + 1, lines.size()));
    }
  }

  MirrorId mirror;
  std::unique_ptr<Connection> connection;
  Statement begin, rows;
  RowReader reader;
  Statement trace;
  SuppressionTable suppressions;
  std::int64_t list_id = 0;
  bool has_traces = false;
  bool has_suppressions = false;
  std::unordered_map<std::string, std::optional<domain::Lane>> in_flight;  // nullopt: to be told from the row
};

ListScan::State::State(std::unique_ptr<Connection> connection, const domain::StateKey& key, MirrorId mirror,
                       std::optional<InFlightLanes> in_flight, std::filesystem::path staging)
    : key_(key),
      staging_(std::move(staging)),
      snapshot_(std::make_unique<Snapshot>(std::move(connection), mirror, std::move(in_flight))) {
  start_over();
}

ListScan::State::~State() = default;

void ListScan::State::start_over() {
  if (begun_) throw std::logic_error("a list is read before it is compared");
  distinct_.reset();
  sorter_.emplace(staging_, list_memory);
}

void ListScan::State::add(const domain::EmailAddress& email, const Listed& listed) {
  if (distinct_) throw std::logic_error("a list that was counted is complete, or is begun anew");
  payload_.clear();
  append_payload(payload_, listed);
  sorter_->add(email.text(), payload_);
}

std::size_t ListScan::State::distinct() {
  if (distinct_) return *distinct_;
  distinct_ = 0;
  sorter_->rewind();
  std::string last;
  while (sorter_->next(ahead_email_, ahead_payload_)) {
    if (*distinct_ > 0 && ahead_email_ == last) continue;
    last = ahead_email_;
    ++*distinct_;
  }
  return *distinct_;
}

// The last one of each address.
void ListScan::State::advance_listed() {
  more_listed_ = more_ahead_;
  if (!more_ahead_) return;
  listed_email_ = ahead_email_;
  do {
    listed_payload_ = ahead_payload_;
    more_ahead_ = sorter_->next(ahead_email_, ahead_payload_);
  } while (more_ahead_ && ahead_email_ == listed_email_);
}

void ListScan::State::leave_ledger() {
  if (begun_) throw std::logic_error("a list that is compared needs the ledger");
  snapshot_.reset();
}

ledger::RemoteView ListScan::State::view_of(const std::string& email, bool has_row) {
  ledger::Person person;
  const bool hashed = snapshot_->has_suppressions || (!has_row && snapshot_->has_traces);
  const auto hash = hashed ? key_.person_hash(email) : PersonHash{};
  if (snapshot_->has_suppressions)
    person.suppression = snapshot_->suppressions.find(snapshot_->list_id, hash);
  if (has_row) {
    person.row = snapshot_->reader.read(snapshot_->rows, 1, snapshot_->mirror, email);
    if (const auto out = snapshot_->in_flight.find(email); out != snapshot_->in_flight.end()) {
      person.call.emplace();
      person.call->lane = out->second.value_or(ledger::lane_of_call(*person.row));
    }
  } else if (snapshot_->has_traces) {
    auto& trace = snapshot_->trace;
    trace.bind(2, std::span<const std::uint8_t>(hash));
    const StatementUse use(trace);
    if (trace.step()) person.trace = trace_at(trace, 0);
  }
  return ledger::view_of(person);
}

bool ListScan::State::next(ListedPair& pair) {
  if (!distinct_) throw std::logic_error("a list is counted before it is compared");
  if (!std::exchange(begun_, true)) {
    sorter_->rewind();
    more_ahead_ = sorter_->next(ahead_email_, ahead_payload_);
    advance_listed();
    more_rows_ = snapshot_ && snapshot_->rows.step();
  }
  if (!more_rows_ && !more_listed_) return false;
  const auto row_email = more_rows_ ? snapshot_->rows.text(0) : std::string_view();
  const bool take_row = more_rows_ && (!more_listed_ || row_email <= listed_email_);
  const bool take_listed = more_listed_ && (!more_rows_ || listed_email_ <= row_email);
  pair.email = domain::EmailAddress::from_normalised(take_row ? std::string(row_email) : listed_email_);
  pair.view = snapshot_ ? view_of(pair.email.text(), take_row) : ledger::RemoteView{};
  pair.listed.reset();
  if (take_row) more_rows_ = snapshot_->rows.step();
  if (take_listed) {
    pair.listed = listed_record(listed_payload_);
    advance_listed();
  }
  return true;
}

ListScan::ListScan(std::unique_ptr<State> state) : state_(std::move(state)) {}
ListScan::ListScan(ListScan&&) noexcept = default;
ListScan& ListScan::operator=(ListScan&&) noexcept = default;
ListScan::~ListScan() = default;

void ListScan::add(const domain::EmailAddress& email, const Listed& listed) {
  state_->add(email, listed);
}

void ListScan::start_over() {
  state_->start_over();
}

void ListScan::leave_ledger() {
  state_->leave_ledger();
}

std::size_t ListScan::distinct() {
  return state_->distinct();
}

bool ListScan::next(ListedPair& pair) {
  return state_->next(pair);
}

}  // namespace stibee_sync::store
