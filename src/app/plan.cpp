#include "app/ask.hpp"
#include "app/control_service.hpp"
#include "app/exit_code.hpp"
#include "app/list_look.hpp"
#include "app/mirror_choice.hpp"
#include "app/plan_samples.hpp"
#include "app/render.hpp"
#include "app/report.hpp"
#include "app/report_members.hpp"
#include "app/reveals.hpp"
#include "app/setup.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/next_operation.hpp"
#include "stibee_sync/ledger/placement.hpp"
#include "stibee_sync/pipeline/drift.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <optional>

namespace stibee_sync::app {
namespace {

/// What one class of changes would send. People who can go in one way only are packed as the dispatcher
/// would, since the size of their values may end a call early.
class ClassPlan {
 public:
  ClassPlan(const delivery::Dialect& dialect, std::int64_t list_id) : dialect_(dialect), list_id_(list_id) {}

  void add(delivery::Recipient recipient) {
    const auto& operation = recipient.operation;
    ++operations[std::string(domain::name(operation.kind))];
    if (dialect_.limiter_class(operation, 1) != dialect_.limiter_class(operation, 2)) {
      ++load_.either_way;
      return;
    }
    const auto most = dialect_.max_people(operation);
    auto& waiting = shapes_[ledger::shape_of(operation)];
    waiting.push_back(std::move(recipient));
    if (waiting.size() >= most) send(waiting);
  }

  const delivery::Load& load() {
    for (auto& [shape, waiting] : shapes_) {
      while (!waiting.empty())
        send(waiting);
    }
    return load_;
  }

  std::map<std::string, std::size_t> operations;
  PlanSamples samples;

 private:
  void send(std::vector<delivery::Recipient>& waiting) {
    const auto packed = dialect_.pack(list_id_, waiting);
    if (packed.taken > 0) ++load_.calls[packed.request.limiter_class];
    waiting.erase(waiting.begin(),
                  waiting.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(packed.taken, 1)));
  }

  const delivery::Dialect& dialect_;
  std::int64_t list_id_;
  std::map<std::string, std::vector<delivery::Recipient>> shapes_;
  delivery::Load load_;
};

/// Every step until the person is as wanted, if Stibee does as it is told: a subscribe on v2, say, and then a
/// call for each group.
std::vector<domain::Operation> steps_to(const domain::Wanted& wanted, domain::Confirmed confirmed,
                                        const ledger::Policy& policy, domain::UtcTime now) {
  constexpr std::size_t most_steps = 200;
  std::vector<domain::Operation> steps;
  domain::Outcome delivered;
  delivered.kind = domain::OutcomeKind::Delivered;
  while (steps.size() < most_steps) {
    const auto decision = ledger::next_operation(wanted, confirmed, policy, now);
    const auto* operation = std::get_if<domain::Operation>(&decision);
    if (operation == nullptr) break;
    confirmed = ledger::confirmed_after(confirmed, *operation, wanted, delivered, now);
    steps.push_back(*operation);
  }
  return steps;
}

/// What Stibee's list says of the people, if it is to be taken over; and who waits in the queue already, but
/// is not decided about by the read. Both have the read's order.
class Beside {
 public:
  /// Somebody who waits: what is to be sent to them.
  using Waiting = std::function<void(const store::ListedPair&, const std::vector<domain::Operation>&)>;
  Beside(store::ListScan scan, const ledger::Policy& policy, domain::UtcTime now, Waiting waiting)
      : scan_(std::move(scan)), policy_(policy), now_(now), waiting_(std::move(waiting)) {
    scan_.distinct();
    more_ = scan_.next(pair_);
  }

  /// What would be known of somebody about whom the read decides, once the list is taken over.
  domain::Confirmed known(const domain::EmailAddress& email, const domain::Wanted& wanted,
                          domain::Confirmed confirmed) {
    while (more_ && pair_.email.text() < email.text())
      pass();
    if (!more_ || pair_.email.text() != email.text()) return confirmed;
    auto view = pair_.view;
    view.ledger = ledger::LedgerView{wanted, std::move(confirmed)};
    view.is_trace = false;
    confirmed = taken_over(view);
    more_ = scan_.next(pair_);
    return confirmed;
  }
  void finish() {
    while (more_)
      pass();
  }
  std::size_t opted_out() const { return opted_out_; }  // of the table's people, by the list

 private:
  void pass() {
    const auto& view = pair_.view;
    if (view.ledger && !view.is_trace && view.pending && !view.parked) {
      const auto steps = steps_to(view.ledger->wanted, taken_over(view), policy_, now_);
      if (!steps.empty()) waiting_(pair_, steps);
    }
    more_ = scan_.next(pair_);
  }

  domain::Confirmed taken_over(const ledger::RemoteView& view) {
    if (!pair_.listed) return view.ledger->confirmed;
    const auto change = pipeline::adopt_change(*pair_.listed, view, now_, now_, now_);
    if (!change.confirmed) return view.ledger->confirmed;
    if (change.confirmed->status == domain::RemoteStatus::OptedOut) ++opted_out_;
    return *change.confirmed;
  }

  store::ListScan scan_;
  const ledger::Policy& policy_;
  domain::UtcTime now_;
  Waiting waiting_;
  store::ListedPair pair_;
  bool more_ = false;
  std::size_t opted_out_ = 0;
};

/// People who wait already.
struct Queued {
  std::size_t people = 0;
  std::map<std::string, std::size_t> operations;
  std::map<domain::Lane, std::size_t> lanes;
  PlanSamples samples;

  void add(const store::ListedPair& person, const std::vector<domain::Operation>& steps) {
    ++people;
    samples.add(steps.front().kind, person.email, person.view.key);
    ++lanes[domain::lane_of(steps.front().kind)];
    for (const auto& step : steps)
      ++operations[std::string(domain::name(step.kind))];
  }
};

using ClassPlans = std::map<diff::ChangeClass, ClassPlan>;

void add_person(ClassPlan& planned, const domain::EmailAddress& email, const diff::Resolution& resolution,
                const std::vector<domain::Operation>& steps) {
  planned.samples.add(steps.front().kind, email, resolution.key);
  for (const auto& operation : steps) {
    delivery::Recipient recipient;
    recipient.email = email;
    recipient.operation = operation;
    if (resolution.values != nullptr) recipient.fields = resolution.values->fields;
    recipient.ad_agreed = resolution.wanted.ad_agreed;
    planned.add(std::move(recipient));
  }
}

/// What the guard lets through.
struct Forecast {
  std::map<std::string, std::size_t> operations;
  PlanSamples samples;
  delivery::Load load;
  bool changes = false;  // held ones count, too
};

Forecast forecast(ClassPlans& classes, const pipeline::Judgement& judgement, const store::Store& state,
                  store::MirrorId mirror, domain::UtcTime now) {
  Forecast out;
  for (const auto kind : domain::all_operation_kinds)
    out.operations[std::string(domain::name(kind))] = 0;
  for (auto& [change_class, planned] : classes) {
    const bool held = std::any_of(judgement.holds.begin(), judgement.holds.end(), [&](const auto& hold) {
      return hold.change_class == change_class && !state.approved(mirror, hold.changes.digest, now);
    });
    out.changes = out.changes || !planned.operations.empty();
    if (held) continue;
    for (const auto& [name, count] : planned.operations)
      out.operations[name] += count;
    out.samples += planned.samples;
    out.load += planned.load();
  }
  return out;
}

/// Those that nobody has approved.
json::Value held_report(const pipeline::MirrorPlan& mirror, const pipeline::Judgement& judgement,
                        store::Store& state, domain::UtcTime now) {
  DaemonView view;
  view.mirrors.resize(1);
  view.mirrors[0].name = mirror.name;
  for (const auto& hold : judgement.holds) {
    if (!state.approved(mirror.id, hold.changes.digest, now))
      view.mirrors[0].summary.holds.push_back(hold.changes);
  }
  return *guard_report(view).find("held");
}

json::Value counted(const std::map<std::string, std::size_t>& counts) {
  json::Value out = json::Value::object();
  for (const auto& [name, count] : counts)
    out.set(name, count);
  return out;
}

/// Nothing where neither the list matters nor anybody waits: then the ledger need not be looked through.
std::optional<store::ListScan> scan_beside(store::Store& state, const pipeline::MirrorPlan& mirror,
                                           ListLook::Seen& list, const store::Backlog& backlog) {
  if (list.scan) return std::move(list.scan);
  const bool waits = std::any_of(backlog.pending.begin(), backlog.pending.end(),
                                 [](const auto& lane) { return lane.second.people > 0; });
  if (!waits) return std::nullopt;
  return state.begin_list(mirror.id);
}

json::Value list_report(const ListLook::Seen& list, std::size_t opted_out) {
  json::Value report;
  report.set("read", list.why_not.empty());
  report.set("people", list.people);
  report.set("opted_out", opted_out);
  return report;
}

/// What taking a list over unsubscribes at once is no change that a read finds, so the guard does not see it.
std::optional<std::string> many_say_no(const std::map<std::string, std::size_t>& operations,
                                       const ListLook::Seen& list, const diff::GuardLimits& limits) {
  const auto found = operations.find(std::string(domain::name(domain::OperationKind::Unsubscribe)));
  const auto leaving = found == operations.end() ? 0 : found->second;
  if (leaving <= limits.min_removals ||
      static_cast<double>(leaving) * 100 <= static_cast<double>(list.people) * limits.max_optout_percent)
    return std::nullopt;
  return "the first start would unsubscribe " + text::with_thousands(leaving) + " of the " +
         text::with_thousands(list.people) +
         " people in the list, since the table says no to them, and the guard does not hold what a first "
         "start "
         "does: look at `source.subscribed` before you start";
}

json::Value plan_mirror(const pipeline::MirrorPlan& mirror, const settings::Settings& settings,
                        source::Reader& reader, ListLook& lists, const ReadState& state_file,
                        const delivery::Dialect& dialect, json::Value warnings, bool reveal, bool& changes) {
  auto& state = *state_file;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const bool fresh = is_to_be_taken_over(state, mirror);
  auto list = fresh ? lists.read(state_file, mirror) : ListLook::Seen{};
  const bool upper_bounds = !list.why_not.empty();
  const auto backlog = state.backlog(mirror.id, now);
  Queued queued;
  std::optional<Beside> beside;
  if (auto scan = scan_beside(state, mirror, list, backlog))
    beside.emplace(std::move(*scan), mirror.policy, now,
                   [&](const auto& person, const auto& steps) { queued.add(person, steps); });
  const auto before = state.source_facts(mirror.id);
  auto scan = state.begin_scan(mirror.id);
  ClassPlans classes;
  const auto watcher = [&](const domain::EmailAddress& email, const diff::Resolution& resolution,
                           const domain::Confirmed& confirmed) {
    const auto known = beside ? beside->known(email, resolution.wanted, confirmed) : confirmed;
    const auto steps = steps_to(resolution.wanted, known, mirror.policy, now);
    if (steps.empty()) return;
    auto& planned = classes.try_emplace(resolution.change_class, dialect, mirror.list_id).first->second;
    add_person(planned, email, resolution, steps);
  };
  auto result = pipeline::read_table(reader, mirror, scan, before, state.key(), now, watcher);
  if (const auto* error = std::get_if<source::SourceError>(&result)) {
    std::cerr << mirror.name << ": " << error->message << "\n";
    throw Exit{exit_code_of(*error)};
  }
  const auto& finding = std::get<pipeline::ReadFinding>(result);
  if (beside) beside->finish();
  // Counting a million people takes longer than reading them: only done where the guard could need it.
  const auto mirrored = finding.needs_count() ? state.wanted_subscribed(mirror.id) : 0;
  const auto judgement =
      pipeline::judge_finding(finding, mirror, before, state.holds(mirror.id), mirrored, now);
  auto expected = forecast(classes, judgement, state, mirror.id, now);

  for (const auto& [name, count] : queued.operations)
    expected.operations[name] += count;
  expected.samples += queued.samples;
  expected.load += delivery::load_of(dialect, queued.lanes);
  changes = changes || expected.changes || queued.people > 0;

  auto rejected = backlog.parked;
  for (const auto& [reason, count] : finding.rejected)
    rejected[name(reason)] += count;
  if (finding.duplicates > 0) rejected[name(domain::Reason::DuplicateAddress)] = finding.duplicates;

  const auto schedule = delivery::best_schedule(expected.load, dialect, limits(settings),
                                                static_cast<std::size_t>(settings.stibee.max_in_flight));
  json::Value report;
  report.set("name", mirror.name);
  report.set("list_id", mirror.list_id);
  report.set("source_members", finding.report.rows);
  report.set("operations", counted(expected.operations));
  report.set("queued", queued.people);
  report.set("upper_bounds", upper_bounds);
  if (upper_bounds) report.set("upper_bounds_because", "the list was not read: " + list.why_not);
  if (fresh) report.set("list", list_report(list, beside ? beside->opted_out() : 0));
  report.set("held", held_report(mirror, judgement, state, now));
  report.set("rejected", counted(rejected));
  report.set("calls", schedule.calls);
  report.set("seconds_at_limit", schedule.seconds);
  report.set("samples", expected.samples.report(reveal));
  if (fresh && !upper_bounds) {
    if (auto warning = many_say_no(expected.operations, list, mirror.guard))
      warnings.push_back(std::move(*warning));
  }
  if (judgement.zero_rows)
    warnings.push_back("the source has no rows: nothing is made of it until it has some");
  report.set("warnings", std::move(warnings));
  return report;
}

/// The daemon logs it, where one runs.
void tell_of_samples(const settings::Settings& settings, const json::Value& report) {
  std::size_t people = 0;
  for (const auto& mirror : list_of(report, "mirrors"))
    people += list_of(mirror, "samples").size();
  json::Value body;
  body.set("people", people);
  const auto answer = ask_daemon(settings, "POST", "/plan/revealed", body);
  if (!answer) tell_of(Reveal{"plan", people});
}

}  // namespace

int plan(const Options& options) {
  const auto settings = load_settings(options, settings::SecretFiles::Read);
  const auto names = names_of(settings);
  const auto meant = mirrors_meant(names, options.mirror);
  if (meant.empty()) {
    std::cerr << no_such_mirror(names, options.mirror) << "\n";
    return ExitCode::no_such_thing;
  }
  const auto dialect = make_dialect(settings);
  const auto reader = source::make_postgres_reader(database_connection(settings));
  const auto described = describe_sources(*reader, settings, *dialect, KeyCheck::Skipped, options.mirror);
  for (const auto& problem : described.problems)
    std::cerr << settings::to_string(problem) << "\n";
  if (!described.problems.empty()) return ExitCode::bad_config;
  if (described.error) {
    std::cerr << described.error->message << "\n";
    return exit_code_of(*described.error);
  }
  const ReadState state(settings);
  json::Value mirrors = json::Value::array();
  bool changes = false;
  ListLook lists(settings);
  const auto matched = open_mirrors(*state, mirror_plans(settings, *dialect));
  for (const auto i : meant) {
    const auto& mirror = matched.plans[i];
    json::Value warnings = json::Value::array();
    if (const auto found = described.warnings.find(mirror.name); found != described.warnings.end()) {
      for (const auto& warning : found->second)
        warnings.push_back(settings::to_string(warning));
    }
    mirrors.push_back(plan_mirror(mirror, settings, *reader, lists, state, *dialect, std::move(warnings),
                                  options.reveal, changes));
  }
  json::Value warnings = json::Value::array();
  for (const auto& mirror : matched.unconfigured)
    warnings.push_back(in_words(mirror));
  json::Value report;
  report.set("version", 1);
  report.set("mirrors", std::move(mirrors));
  report.set("warnings", std::move(warnings));
  if (options.reveal) tell_of_samples(settings, report);
  std::cout << (options.json ? json::to_pretty_string(report) + "\n" : render_plan(report)) << std::flush;
  lists.leave();
  return options.detailed_exitcode && changes ? ExitCode::changes : ExitCode::ok;
}

}  // namespace stibee_sync::app
