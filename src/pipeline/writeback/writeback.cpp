#include "stibee_sync/pipeline/writeback.hpp"

#include "stibee_sync/domain/backoff.hpp"
#include "stibee_sync/pipeline/consequence.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <algorithm>
#include <bit>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using runtime::offload;
using source::SourceError;
using source::WriteFailure;
using telemetry::Event;
using telemetry::Level;
using telemetry::WritebackResult;

namespace {

constexpr std::string_view updated = "updated";
constexpr std::size_t most_at_once = 100;
/// Also wakes regularly, so that a loop that waits can be told from one that hangs.
constexpr std::chrono::seconds regular_turn{5};
/// Connecting, waiting for a lock and running, each of which has its own time-out.
constexpr std::chrono::minutes longest_statement{3};
constexpr std::chrono::seconds first_put_off{5};
constexpr std::chrono::minutes longest_put_off{5};

source::WriteValues values_of(const store::PendingWriteback& item) {
  source::WriteValues values;
  const auto& moved_to = item.request.new_email;
  values["email"] = moved_to.empty() ? item.email.text() : moved_to;
  values["old_email"] = item.email.text();
  values["key"] = item.key ? std::optional(item.key->to_string()) : std::nullopt;
  values["occurred_by"] = item.request.occurred_by;
  values["reason"] = item.request.reason;
  values["occurred_at"] = text::timestamptz(item.request.occurred_at);
  for (const auto& [tag, value] : item.request.fields)
    values["field_" + tag] = value;
  return values;
}

/// Nothing is expected of the row's values any more, if it is `written` that was.
Consequence unexpected(const ledger::Person& person, const domain::Fingerprint& written) {
  Consequence consequence;
  if (!person.row || person.row->wanted.fields != written || person.row->confirmed.fields != written)
    return consequence;
  consequence.wanted = person.row->wanted;
  consequence.wanted->fields = {};
  return consequence;
}

/// The values that the row has now, if the statement was to write all of them.
std::optional<domain::Fingerprint> written_fields(const MirrorPlan& plan, const store::PendingWriteback& item,
                                                  const domain::StateKey& key) {
  if (item.request.event != updated || !writes_every_field(plan)) return std::nullopt;
  domain::FieldValues values;
  for (const auto& field : plan.mapping.fields) {
    const auto found = item.request.fields.find(field.tag);
    if (found == item.request.fields.end()) return std::nullopt;
    values.push_back({field.tag, found->second});
  }
  return domain::fingerprint_of(values, key);
}

}  // namespace

std::optional<source::WriteStatement> writeback_statement(const MirrorPlan& plan, const std::string& event) {
  const auto found = plan.writeback.find(event);
  if (found == plan.writeback.end()) return std::nullopt;
  source::WriteStatement statement;
  statement.event = event;
  statement.sql = found->second;
  for (const auto& field : plan.mapping.fields)
    statement.fields.push_back(field.tag);
  statement.fields_known = event == updated;
  statement.time_zone = plan.read.time_zone;
  return statement;
}

bool writes_every_field(const MirrorPlan& plan) {
  const auto statement = writeback_statement(plan, std::string(updated));
  if (!statement || plan.mapping.fields.empty()) return false;
  const auto named = source::parameters_of(*statement);
  return std::all_of(plan.mapping.fields.begin(), plan.mapping.fields.end(), [&](const auto& field) {
    return std::find(named.begin(), named.end(), "field_" + field.tag) != named.end();
  });
}

Writeback::Writeback(Services services, runtime::Worker& writer_worker, source::Writer& writer,
                     std::vector<MirrorPlan> mirrors)
    : services_(std::move(services)),
      writer_worker_(writer_worker),
      writer_(writer),
      mirrors_(std::move(mirrors)),
      paused_(mirrors_.size(), false),
      timer_(services_.clock.make_timer()) {}

void Writeback::wake() {
  timer_->wake();
}

void Writeback::stop() {
  stopping_ = true;
  timer_->wake();
}

void Writeback::cut_off() {
  writer_.cancel();
}

void Writeback::set_paused(std::size_t mirror, bool paused) {
  paused_[mirror] = paused;
  timer_->wake();
}

asio::awaitable<void> Writeback::run() {
  while (!stopping_) {
    if (beat_) beat_(std::nullopt);
    std::optional<domain::UtcTime> next;
    if (services_.clock.monotonic() >= resume_at_) {
      auto turn = serve();
      const auto served = co_await runtime::answer_of<store::StoreError>(std::move(turn));
      if (served) {
        next = served.value();
        if (std::exchange(store_failures_, 0) > 0) services_.store_worked();
      } else {
        store_failed(served.error());
      }
    }
    if (stopping_) break;
    const auto now = services_.clock.monotonic();
    auto until = now + regular_turn;
    if (resume_at_ > now) {
      until = std::min<runtime::MonotonicTime>(until, resume_at_);
    } else if (next) {
      until = std::min<runtime::MonotonicTime>(until, now + (*next - services_.clock.utc()));
    }
    co_await timer_->wait_until(until);
  }
}

/// One turn over what is due; when the next turn is (in the past: at once), nullopt: nothing waits.
asio::awaitable<std::optional<domain::UtcTime>> Writeback::serve() {
  std::vector<std::pair<std::size_t, store::MirrorId>> served;
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    if (!paused_[i]) served.emplace_back(i, mirrors_[i].id);
  }
  const auto now = services_.clock.utc();
  auto look = [served, now](store::Store& store) {
    DueItems due;
    std::vector<store::MirrorId> ids;
    for (const auto& [place, id] : served) {
      for (auto& item : store.writebacks(id, now, now + longest_put_off, most_at_once))
        due.items.emplace_back(place, std::move(item));
      ids.push_back(id);
    }
    if (due.items.empty()) due.next = store.next_writeback(ids);
    return due;
  };
  auto looked = co_await services_.store.run(std::move(look));
  auto due = std::move(looked).value();
  if (due.items.empty()) co_return due.next;

  // A person's later word must never be overtaken by an earlier one that is tried again.
  std::set<std::pair<std::size_t, std::string>> put_off;
  for (auto& [mirror, item] : due.items) {
    auto person = std::make_pair(mirror, item.email.text());
    // Statements take their time: the person, or the table, may have said something later meanwhile.
    auto look_again = [id = mirrors_[mirror].id, number = item.id](store::Store& store) {
      return store.has_writeback(id, number);
    };
    const auto still_waits = co_await services_.store.run(std::move(look_again));
    if (stopping_ || paused_[mirror] || put_off.contains(person) || !still_waits.value()) continue;
    const auto fate = co_await carry(mirror, std::move(item));
    if (fate == Carried::DatabaseDown) break;
    if (fate == Carried::PutOff) put_off.insert(std::move(person));
  }
  co_return now;
}

asio::awaitable<Writeback::Carried> Writeback::carry(std::size_t mirror, store::PendingWriteback item) {
  const auto& plan = mirrors_[mirror];
  const auto statement = writeback_statement(plan, item.request.event);
  if (!statement) {
    services_.log.debug("the statement of a write-back is no longer configured",
                        {{"mirror", plan.name}, {"statement", item.request.event}});
    std::optional<domain::Fingerprint> nothing_written;
    co_await finish(mirror, std::move(item), nothing_written);
    co_return Carried::Settled;
  }
  if (beat_) beat_(longest_statement);
  auto work = [&writer = writer_, statement = *statement, values = values_of(item)] {
    return writer.execute(statement, values);
  };
  const auto result = co_await offload(writer_worker_, std::move(work));
  if (beat_) beat_(std::nullopt);

  const auto* failure = std::get_if<WriteFailure>(&result);
  if (failure == nullptr) {
    const auto written = written_fields(plan, item, services_.key);
    database_failures_ = 0;
    database_problem_.clear();
    report_done(mirror, item, std::get<std::size_t>(result));
    co_await finish(mirror, std::move(item), written);
    co_return Carried::Settled;
  }
  switch (failure->scope) {
    case WriteFailure::Scope::Cancelled:
      co_return Carried::DatabaseDown;
    case WriteFailure::Scope::Database:
      database_failed(failure->error);
      co_return Carried::DatabaseDown;
    case WriteFailure::Scope::Statement:
    case WriteFailure::Scope::ManyRows:
      break;
  }
  report_failure(mirror, item, *failure);
  const auto pause = domain::backoff(first_put_off, longest_put_off, item.attempts + 1, domain::Jitter::Half,
                                     services_.random());
  auto postpone = store::in_transaction(
      [id = plan.id, number = item.id, not_before = services_.clock.utc() + pause](
          store::Transaction& transaction) { transaction.postpone_writeback(id, number, not_before); });
  const auto postponed = co_await services_.store.run(std::move(postpone));
  postponed.value();
  co_return Carried::PutOff;
}

/// `written`: values that the event made the ledger expect of the row. Whether it has them, only the row can
/// tell: a statement may match none, and a trigger may know better. So the next read looks at its values; if
/// they are those, nothing is sent, and otherwise the table's go out.
asio::awaitable<void> Writeback::finish(std::size_t mirror, store::PendingWriteback item,
                                        std::optional<domain::Fingerprint> written) {
  const auto& plan = mirrors_[mirror];
  auto work = store::in_transaction([id = plan.id, policy = plan.policy, written, item = std::move(item),
                                     now = services_.clock.utc()](store::Transaction& transaction) {
    if (written) {
      const auto person = transaction.find(id, item.email);
      carry_out(transaction, id, item.email, person, unexpected(person, *written), policy, now);
    }
    // The next read decides about the address anew.
    if (const auto whose = transaction.erase_writeback(id, item.id)) transaction.touch(id, *whose);
  });
  const auto finished = co_await services_.store.run(std::move(work));
  finished.value();
}

void Writeback::report_done(std::size_t mirror, const store::PendingWriteback& item, std::size_t rows) {
  const auto& name = mirrors_[mirror].name;
  std::erase_if(failures_, [prefix = name + " " + item.request.event + " "](const auto& entry) {
    return entry.first.starts_with(prefix);
  });
  services_.metrics.writeback(rows == 0 ? WritebackResult::NoRow : WritebackResult::Done);
  services_.log.event(
      Level::Info, Event::WritebackDone,
      rows == 0 ? "no row matched what happened at Stibee" : "what happened at Stibee was written back",
      {{"mirror", name},
       {"statement", item.request.event},
       {"ref", services_.key.ref(item.email.text())},
       {"rows", rows}});
}

void Writeback::report_failure(std::size_t mirror, const store::PendingWriteback& item,
                               const WriteFailure& failure) {
  const auto& name = mirrors_[mirror].name;
  services_.metrics.writeback(failure.scope == WriteFailure::Scope::ManyRows ? WritebackResult::ManyRows
                                                                             : WritebackResult::Failed);
  // The same trouble is told for the 1st, 2nd, 4th, 8th … time.
  auto& count = failures_[name + " " + item.request.event + " " + failure.error.message];
  if (!std::has_single_bit(++count)) return;
  services_.log.event(Level::Error, Event::WritebackFailed, failure.error.message,
                      {{"mirror", name},
                       {"statement", item.request.event},
                       {"ref", services_.key.ref(item.email.text())},
                       {"sqlstate", failure.error.sqlstate},
                       {"failures", count}});
}

void Writeback::database_failed(const SourceError& error) {
  back_off(++database_failures_);
  // A lasting trouble is said once at length, then once in a while.
  if (database_problem_ == error.message && database_failures_ % 20 != 0) return;
  database_problem_ = error.message;
  services_.log.event(Level::Warn, Event::WritebackFailed,
                      "write-backs wait for the database: " + error.message,
                      {{"sqlstate", error.sqlstate}, {"failures", database_failures_}});
}

void Writeback::store_failed(const std::string& what) {
  back_off(++store_failures_);
  services_.store_failed(what);
}

void Writeback::back_off(int failures) {
  resume_at_ =
      services_.clock.monotonic() + domain::backoff(std::chrono::seconds(1), std::chrono::minutes(1),
                                                    failures, domain::Jitter::Half, services_.random());
}

}  // namespace stibee_sync::pipeline
