// Speed and memory of the store's large jobs: `store_bench [people] [folder]`. The state lies in a new
// directory in that folder (default: the one for temporary files) and is removed at the end.

#include "stibee_sync/pipeline/apply_read.hpp"
#include "stibee_sync/pipeline/consequence.hpp"
#include "stibee_sync/pipeline/outbound_queue.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

namespace {

using namespace stibee_sync;
namespace fs = std::filesystem;

constexpr domain::UtcTime now{std::chrono::milliseconds(1'700'000'000'000)};

std::size_t status_kib(const char* name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10);
  }
  return 0;
}

double cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

void report(const char* what, std::size_t count, const std::function<void()>& work) {
  // So that the peak is this job's.
  std::ofstream("/proc/self/clear_refs") << "5";
  const auto before = status_kib("VmRSS");
  const auto begin = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  work();
  const double used = cpu_seconds() - cpu;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%-42s %9zu  %7.3f s  cpu %7.3f s  %8.2f us each  peak +%zu KiB (rss %zu KiB)\n", what, count,
              took.count(), used, used * 1e6 / static_cast<double>(count == 0 ? 1 : count),
              status_kib("VmHWM") - before, status_kib("VmRSS"));
}

std::string email_of(std::size_t i) {
  // Scattered, as addresses are in a table ordered by key.
  const auto mixed = (i * 2654435761U) & 0xffffffffU;
  return "member" + std::to_string(mixed) + "x" + std::to_string(i) + "@example.com";
}

store::StagedRow row_of(std::size_t i, int version) {
  domain::Member member;
  member.email = domain::EmailAddress::from_normalised(email_of(i));
  member.groups = {100 + static_cast<domain::GroupId>(i % 3)};
  member.fields = {{"name", "Member Number " + std::to_string(i)},
                   {"phone", "010-1234-" + std::to_string(1000 + version)}};
  store::StagedRow row;
  row.key = domain::MemberKey(static_cast<std::int64_t>(i));
  row.fingerprint.bytes[0] = static_cast<std::uint8_t>(version);
  row.fingerprint.bytes[15] = static_cast<std::uint8_t>(i);
  row.email = member.email;
  row.member = std::move(member);
  return row;
}

ledger::AddressDecision decision_about(const store::TouchedAddress& address) {
  ledger::AddressDecision decision;
  if (address.ledger) decision.wanted = address.ledger->wanted;
  if (address.bearers.empty()) {
    decision.wanted.intent = domain::Intent::Absent;
    return decision;
  }
  decision.wanted.intent = domain::Intent::Subscribed;
  decision.key = address.bearers.front().key;
  if (const auto& member = address.bearers.front().member) {
    decision.values = member->fields;
    decision.wanted.groups = member->groups;
    for (std::size_t i = 0; i < 8 && i < member->fields[1].value.size(); ++i) {
      decision.wanted.fields.bytes[i] =
          static_cast<std::uint8_t>(member->fields[1].value[member->fields[1].value.size() - 1 - i]);
    }
  }
  return decision;
}

void decide_all(store::Scan& scan) {
  store::TouchedAddress address;
  while (scan.next_address(address))
    scan.decide(decision_about(address), 0);
}

void stage_all(store::Scan& scan, std::size_t people, int version) {
  for (std::size_t i = 0; i < people; ++i)
    scan.stage(row_of(i, version));
}

const ledger::Policy policy;

void commit(store::Store& store, store::MirrorId mirror, store::Scan& scan) {
  store::Transaction transaction(store);
  pipeline::apply_read(transaction, mirror, scan, policy, now);
  transaction.set_facts(mirror, {});
  transaction.commit();
}

// Every `step`th row has changed.
void poll(store::Store& store, store::MirrorId mirror, std::size_t step) {
  auto scan = store.begin_scan(mirror);
  store::SnapshotRow row;
  for (std::size_t i = 1; scan.next(row); ++i) {
    if (i % step == 0) scan.stage(row_of(i - 1, 5));
  }
  decide_all(scan);
  commit(store, mirror, scan);
}

std::optional<pipeline::Claimed> claim(store::Store& store, store::MirrorId mirror) {
  constexpr std::size_t most = 2000;
  store::Transaction transaction(store);
  const store::Due due{now, true};
  const auto line =
      pipeline::most_urgent(transaction, {mirror}, due, [](const store::QueueLine&) { return most; });
  if (!line) return std::nullopt;
  auto claimed = pipeline::claim(transaction, *line, transaction.waiting(*line, due, most), most);
  store::LoggedAttempt attempt;
  attempt.limiter_class = "all";
  transaction.log_attempt(attempt);
  transaction.commit();
  return claimed;
}

void opt_out(store::Store& store, store::MirrorId mirror, const std::vector<domain::EmailAddress>& people) {
  store::Transaction transaction(store);
  for (const auto& email : people) {
    const auto person = transaction.find(mirror, email);
    pipeline::Consequence consequence;
    consequence.confirmed = person.row->confirmed;
    consequence.confirmed->status = domain::RemoteStatus::OptedOut;
    consequence.suppress = ledger::Suppression{now, "subscriber", "enough"};
    pipeline::carry_out(transaction, mirror, email, person, consequence, policy, now);
  }
  transaction.commit();
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t people = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const fs::path folder = argc > 2 ? fs::path(argv[2]) : fs::temp_directory_path();
  std::string pattern = (folder / "stibee-store-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    std::perror(pattern.c_str());
    return 74;
  }
  const fs::path directory = pattern;
  store::OpenReport opened;
  auto store = store::open_store(directory, opened);
  const auto mirror = store->open_mirror("members", 1);
  std::optional<store::Scan> scan;

  report("first import, all of it", people, [&] {
    report("  stage", people, [&] {
      scan.emplace(store->begin_scan(mirror));
      stage_all(*scan, people, 1);
    });
    report("  decide", people, [&] { decide_all(*scan); });
    report("  commit", people, [&] { commit(*store, mirror, *scan); });
  });
  report("a poll that finds nothing changed", people, [&] { poll(*store, mirror, people + 1); });
  report("a poll that finds 1 % changed", people / 100, [&] { poll(*store, mirror, 100); });
  if (std::getenv("STORE_BENCH_READS_ONLY") != nullptr) {
    store.reset();
    fs::remove_all(directory);
    return 0;
  }
  report("summary, first", people, [&] { store->summary(mirror, now); });
  report("summary, again", 1, [&] { store->summary(mirror, now); });

  std::vector<pipeline::Claimed> claims;
  report("8 claims of 2,000", 8, [&] {
    for (int i = 0; i < 8; ++i) {
      if (auto claimed = claim(*store, mirror)) claims.push_back(std::move(*claimed));
    }
  });
  const auto settle_all = [&](const pipeline::Claimed& claimed) {
    std::vector<ledger::Settlement> settlements;
    for (const auto& person : claimed.people) {
      ledger::Settlement settlement;
      settlement.email = person.email;
      settlement.confirmed.status = domain::RemoteStatus::Subscribed;
      settlement.confirmed.fields = person.wanted.fields;
      settlement.confirmed.groups = person.wanted.groups;
      settlements.push_back(std::move(settlement));
    }
    store::Transaction transaction(*store);
    pipeline::settle(transaction, mirror, settlements, policy, now);
    transaction.commit();
  };
  report("8 times settle 2,000", 8, [&] {
    for (const auto& claimed : claims)
      settle_all(claimed);
  });
  claims.clear();
  std::size_t calls = 0;
  report("claim and settle until nothing is pending", people, [&] {
    while (auto claimed = claim(*store, mirror)) {
      settle_all(*claimed);
      ++calls;
    }
  });
  std::printf("  %zu calls\n", calls);
  report("next_due on an empty queue", 1, [&] { store->next_due({mirror}); });

  report("update of all: stage, decide, commit", people, [&] {
    scan.emplace(store->begin_scan(mirror));
    stage_all(*scan, people, 2);
    decide_all(*scan);
    commit(*store, mirror, *scan);
  });
  report("removal of all, held", people, [&] {
    scan.emplace(store->begin_scan(mirror));
    for (std::size_t i = 0; i < people; ++i)
      scan->stage_gone(domain::MemberKey(static_cast<std::int64_t>(i)));
    decide_all(*scan);
    scan->hold_back({0});
    commit(*store, mirror, *scan);
  });
  std::optional<store::ListScan> list;
  report("list scan: add, count", people, [&] {
    list.emplace(store->begin_list(mirror));
    store::Listed listed;
    listed.status = domain::RemoteStatus::Subscribed;
    for (std::size_t i = 0; i < people; ++i)
      list->add(domain::EmailAddress::from_normalised(email_of(i)), listed);
    list->distinct();
  });
  report("list scan: merge with the ledger", people, [&] {
    store::ListedPair pair;
    while (list->next(pair)) {
    }
  });
  list.reset();
  report("observe a twentieth, by 1,000: opt-outs", people / 20, [&] {
    std::vector<domain::EmailAddress> chunk;
    for (std::size_t i = 0; i < people / 20; ++i) {
      chunk.push_back(domain::EmailAddress::from_normalised(email_of(i)));
      if (chunk.size() < 1000 && i + 1 < people / 20) continue;
      opt_out(*store, mirror, chunk);
      chunk.clear();
    }
  });
  report("list scan: merge with suppressions", people, [&] {
    list.emplace(store->begin_list(mirror));
    list->distinct();
    store::ListedPair pair;
    while (list->next(pair)) {
    }
  });
  list.reset();
  std::error_code error;
  std::printf("state file %ju KiB\n", fs::file_size(directory / "state.sqlite", error) / 1024);
  store.reset();
  report("open again, with its check", 1, [&] { store = store::open_store(directory, opened); });
  store.reset();
  fs::remove(directory / "suppressions.sqlite");
  report("open without its opt-outs' file", 1, [&] { store = store::open_store(directory, opened); });
  std::printf("  damaged: %s\n", opened.damaged_set_aside ? "yes" : "no");
  store.reset();
  fs::remove_all(directory);
}
