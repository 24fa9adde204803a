#include "store/queue.hpp"

#include "store/row_codec.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace stibee_sync::store {
namespace {

constexpr std::int64_t ever = std::numeric_limits<std::int64_t>::max();

constexpr std::string_view stream_sql =
    "SELECT due, email, batch_limit FROM subscriber INDEXED BY queue WHERE mirror = ?1 AND lane = ?2 AND "
    "shape = ?3 "
    "AND retried = ?4 AND (due, email) > (?5, ?6) AND due <= ?7 ORDER BY due, email";

}  // namespace

const Claims::Claim* Claims::find(MirrorId mirror, const std::string& email) const {
  const auto people = people_.find(mirror);
  if (people == people_.end()) return nullptr;
  const auto found = people->second.find(email);
  return found == people->second.end() ? nullptr : &found->second;
}

bool Claims::any(MirrorId mirror) const {
  const auto people = people_.find(mirror);
  return people != people_.end() && !people->second.empty();
}

void Claims::remember(MirrorId mirror, const std::string& email) {
  const auto* claim = find(mirror, email);
  changes_.push_back({mirror, email, claim == nullptr ? std::nullopt : std::optional(*claim)});
}

void Claims::set(MirrorId mirror, const std::string& email, std::optional<Claim> claim) {
  auto& people = people_[mirror];
  if (const auto found = people.find(email); found != people.end()) {
    --left_[found->second.batch];
    people.erase(found);
  }
  if (!claim) return;
  ++left_[claim->batch];
  people.emplace(email, std::move(*claim));
}

void Claims::add(MirrorId mirror, const std::string& email, domain::Lane lane, std::int64_t batch) {
  Claim claim;
  claim.call.lane = lane;
  claim.batch = batch;
  remember(mirror, email);
  set(mirror, email, std::move(claim));
}

void Claims::change(MirrorId mirror, const std::string& email, ledger::CallOut call) {
  const auto* claim = find(mirror, email);
  if (claim == nullptr) return;
  const auto batch = claim->batch;
  remember(mirror, email);
  set(mirror, email, Claim{std::move(call), batch});
}

void Claims::free(MirrorId mirror, const std::string& email) {
  if (!contains(mirror, email)) return;
  remember(mirror, email);
  set(mirror, email, std::nullopt);
}

std::vector<std::int64_t> Claims::ended() const {
  std::vector<std::int64_t> batches;
  for (const auto& [batch, people] : left_) {
    if (people == 0) batches.push_back(batch);
  }
  return batches;
}

void Claims::keep(const std::vector<std::int64_t>& erased) {
  changes_.clear();
  for (const auto batch : erased)
    left_.erase(batch);
}

void Claims::undo() {
  for (auto change = changes_.rbegin(); change != changes_.rend(); ++change)
    set(change->mirror, change->email, std::move(change->claim));
  changes_.clear();
}

std::unordered_map<std::string, domain::Lane> Claims::lanes(MirrorId mirror) const {
  std::unordered_map<std::string, domain::Lane> lanes;
  if (const auto people = people_.find(mirror); people != people_.end()) {
    for (const auto& [email, claim] : people->second)
      lanes.emplace(email, claim.call.lane);
  }
  return lanes;
}

Queue::Queue(Connection& connection, Claims& claims)
    : claims_(claims),
      shape_(connection,
             "SELECT shape FROM subscriber INDEXED BY queue WHERE mirror = ? AND lane = ? AND shape >= ? "
             "ORDER BY shape "
             "LIMIT 1"),
      fresh_(connection, stream_sql),
      retried_(connection, stream_sql),
      postponed_(
          connection,
          "SELECT count(*) FROM subscriber INDEXED BY queue WHERE mirror = ? AND lane = ? AND shape = ? AND "
          "retried = 0 AND due > ?"),
      oldest_fresh_(
          connection,
          "SELECT due FROM subscriber INDEXED BY queue WHERE mirror = ? AND lane = ? AND shape = ? AND "
          "retried = 0 ORDER BY due LIMIT 1"),
      oldest_retried_(
          connection,
          "SELECT pending_since FROM subscriber INDEXED BY retried WHERE mirror = ? AND lane = ? AND "
          "retried = 1 ORDER BY pending_since LIMIT 1") {}

std::vector<std::string> Queue::shapes(MirrorId mirror, domain::Lane lane) {
  std::vector<std::string> shapes;
  std::string from;
  while (true) {
    shape_.bind(1, mirror.number).bind(2, std::int64_t{to_number(lane)}).bind(3, from);
    const StatementUse use(shape_);
    if (!shape_.step()) return shapes;
    shapes.emplace_back(shape_.text(0));
    from = shapes.back() + '\0';  // the text that comes right after it
  }
}

void Queue::start(Statement& statement, const QueueStream& stream, std::int64_t latest) {
  static const QueuePosition beginning{std::numeric_limits<std::int64_t>::min(), ""};
  const auto hint = claimed_up_to_.find(stream);
  const auto& from = hint == claimed_up_to_.end() ? beginning : hint->second;
  statement.bind(1, stream.mirror.number).bind(2, std::int64_t{to_number(stream.lane)}).bind(3, stream.shape);
  statement.bind(4, std::int64_t{stream.retried}).bind(5, from.due).bind(6, from.email).bind(7, latest);
}

// The first of the stream who is not claimed.
std::optional<Queue::Head> Queue::head(const QueueStream& stream, std::int64_t latest) {
  auto& statement = stream.retried ? retried_ : fresh_;
  start(statement, stream, latest);
  const StatementUse use(statement);
  Head head;
  std::optional<QueuePosition> claimed;
  bool found = false;
  while (statement.step()) {
    head.position = {statement.integer(0), std::string(statement.text(1))};
    head.limit = static_cast<std::uint32_t>(statement.integer(2));
    if (!claims_.contains(stream.mirror, head.position.email)) {
      found = true;
      break;
    }
    claimed = head.position;
  }
  statement.reset();  // it still looks at the position that is replaced now
  if (claimed) claimed_up_to_[stream] = std::move(*claimed);
  if (!found) return std::nullopt;
  return head;
}

std::vector<QueueHead> Queue::heads(MirrorId mirror, domain::Lane lane, const Due& due) {
  std::vector<QueueHead> heads;
  for (auto& shape : shapes(mirror, lane)) {
    std::optional<std::int64_t> first_due;
    for (const bool retried : {false, true}) {
      if (retried && !due.with_retries) continue;
      const auto first = head({mirror, lane, shape, retried}, to_number(due.now));
      if (first && (!first_due || first->position.due < *first_due)) first_due = first->position.due;
    }
    if (first_due) heads.push_back({std::move(shape), time_from(*first_due)});
  }
  return heads;
}

// Merges those who were attempted before with those who were not, by (due, email).
Waiting Queue::waiting(const QueueLine& line, const Due& due, std::size_t most) {
  Waiting waiting;
  const StatementUse use_fresh(fresh_);
  const StatementUse use_retried(retried_);
  struct Side {
    Statement* statement;
    bool more;
    Head head;
  };
  Side sides[] = {{&fresh_, true, {}}, {&retried_, due.with_retries, {}}};
  const auto latest = to_number(due.now);
  // They are named since the statements look at their texts.
  const QueueStream fresh{line.mirror, line.lane, line.shape, false};
  const QueueStream retried{line.mirror, line.lane, line.shape, true};
  start(fresh_, fresh, latest);
  if (due.with_retries) start(retried_, retried, latest);
  const auto advance = [&](Side& side) {
    while (side.more) {
      side.more = side.statement->step();
      if (!side.more) return;
      side.head.position = {side.statement->integer(0), std::string(side.statement->text(1))};
      side.head.limit = static_cast<std::uint32_t>(side.statement->integer(2));
      if (!claims_.contains(line.mirror, side.head.position.email)) return;
    }
  };
  for (auto& side : sides)
    advance(side);

  std::size_t passed = 0;
  const auto most_passed = 4 * most + 1000;
  while (waiting.people.size() < most && passed < most_passed && (sides[0].more || sides[1].more)) {
    const bool take_retried =
        !sides[0].more || (sides[1].more && sides[1].head.position < sides[0].head.position);
    auto& side = sides[take_retried ? 1 : 0];
    if (waiting.people.empty()) {
      waiting.batch_limit = side.head.limit;
      waiting.first_is_retry = take_retried;
      if (waiting.batch_limit > 0) most = std::min<std::size_t>(most, waiting.batch_limit);
    }
    if (side.head.limit == waiting.batch_limit) {
      waiting.people.emplace_back(domain::EmailAddress::from_normalised(std::move(side.head.position.email)),
                                  ledger::LedgerRow{});
    } else {
      ++passed;
    }
    advance(side);
  }
  return waiting;
}

std::optional<domain::UtcTime> Queue::next_due(const std::vector<MirrorId>& mirrors) {
  std::optional<std::int64_t> earliest;
  for (const auto mirror : mirrors) {
    for (const auto lane : domain::all_lanes) {
      for (const auto& shape : shapes(mirror, lane)) {
        for (const bool retried : {false, true}) {
          const auto first = head({mirror, lane, shape, retried}, ever);
          if (first && (!earliest || first->position.due < *earliest)) earliest = first->position.due;
        }
      }
    }
  }
  if (!earliest) return std::nullopt;
  return time_from(*earliest);
}

std::size_t Queue::postponed(MirrorId mirror, domain::Lane lane, domain::UtcTime now) {
  std::size_t count = 0;
  for (const auto& shape : shapes(mirror, lane)) {
    postponed_.bind(1, mirror.number)
        .bind(2, std::int64_t{to_number(lane)})
        .bind(3, shape)
        .bind(4, to_number(now));
    const StatementUse use(postponed_);
    if (postponed_.step()) count += static_cast<std::size_t>(postponed_.integer(0));
  }
  return count;
}

std::optional<domain::UtcTime> Queue::oldest(MirrorId mirror, domain::Lane lane, domain::UtcTime now) {
  std::optional<std::int64_t> oldest;
  const auto consider = [&](Statement& statement) {
    const StatementUse use(statement);
    if (statement.step() && (!oldest || statement.integer(0) < *oldest)) oldest = statement.integer(0);
  };
  for (const auto& shape : shapes(mirror, lane)) {
    oldest_fresh_.bind(1, mirror.number).bind(2, std::int64_t{to_number(lane)}).bind(3, shape);
    consider(oldest_fresh_);
  }
  if (oldest && *oldest > to_number(now)) oldest.reset();  // all postponed
  oldest_retried_.bind(1, mirror.number).bind(2, std::int64_t{to_number(lane)});
  consider(oldest_retried_);
  if (!oldest) return std::nullopt;
  return time_from(*oldest);
}

void Queue::changed(MirrorId mirror, const std::string& email, const ledger::LedgerRow& row) {
  if (!row.lane || claimed_up_to_.empty()) return;
  const auto found = claimed_up_to_.find({mirror, *row.lane, row.shape, row.attempts > 0});
  if (found == claimed_up_to_.end()) return;
  if (QueuePosition{to_number(row.due), email} <= found->second) claimed_up_to_.erase(found);
}

}  // namespace stibee_sync::store
