// Speed and memory of the store's large jobs: `store_bench [people] [folder]`. The state lies in a new
// directory in that folder (default: the one for temporary files) and is removed at the end.

#include "stibee_sync/store/sqlite_store.hpp"

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

store::Placement place(const domain::Wanted& wanted, const domain::Confirmed& confirmed, domain::UtcTime at) {
  store::Placement placement;
  if (wanted.intent == domain::Intent::Absent) {
    placement.finished = true;
  } else if (confirmed.fields != wanted.fields || confirmed.groups != wanted.groups) {
    placement.lane = domain::Lane::Upsert;
    placement.shape = "subscribe:" + std::to_string(wanted.groups.front());
    placement.due = at;
  }
  return placement;
}

store::AddressDecision decide(const domain::EmailAddress&, const std::vector<store::BearerRow>& bearers,
                              const std::optional<store::LedgerView>& before) {
  store::AddressDecision decision;
  if (before) decision.wanted = before->wanted;
  if (bearers.empty()) {
    decision.wanted.intent = domain::Intent::Absent;
    return decision;
  }
  decision.wanted.intent = domain::Intent::Subscribed;
  decision.key = bearers.front().key;
  if (const auto& member = bearers.front().member) {
    decision.values = member->fields;
    decision.wanted.groups = member->groups;
    for (std::size_t i = 0; i < 8 && i < member->fields[1].value.size(); ++i) {
      decision.wanted.fields.bytes[i] =
          static_cast<std::uint8_t>(member->fields[1].value[member->fields[1].value.size() - 1 - i]);
    }
  }
  return decision;
}

void stage_all(store::Scan& scan, std::size_t people, int version) {
  for (std::size_t i = 0; i < people; ++i)
    scan.stage(row_of(i, version));
}

void commit(store::Store& store, std::unique_ptr<store::Scan> scan) {
  store::CommitRequest request;
  request.now = now;
  request.place = place;
  store.commit(std::move(scan), request);
}

// Every `step`th row has changed.
void poll(store::Store& store, store::MirrorId mirror, std::size_t step) {
  auto scan = store.begin_scan(mirror);
  store::SnapshotRow row;
  for (std::size_t i = 1; scan->next(row); ++i) {
    if (i % step == 0) scan->stage(row_of(i - 1, 5));
  }
  scan->for_each_address(decide);
  commit(store, std::move(scan));
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
  auto store = store::open_sqlite_store(directory, opened);
  const auto mirror = store->open_mirror("members", 1);
  std::unique_ptr<store::Scan> scan;

  report("first import, all of it", people, [&] {
    report("  stage", people, [&] {
      scan = store->begin_scan(mirror);
      stage_all(*scan, people, 1);
    });
    report("  decide", people, [&] { scan->for_each_address(decide); });
    report("  commit", people, [&] { commit(*store, std::move(scan)); });
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

  store::ClaimRequest request;
  request.mirrors = {mirror};
  request.now = now;
  request.max_people = [](domain::Lane, const std::string&) { return std::size_t{2000}; };
  const auto log = [](const std::string&, std::size_t) {
    store::LoggedAttempt attempt;
    attempt.limiter_class = "all";
    return attempt;
  };
  std::vector<store::Claimed> claims;
  report("8 claims of 2,000", 8, [&] {
    for (int i = 0; i < 8; ++i) {
      if (auto claimed = store->claim(request, log)) claims.push_back(std::move(*claimed));
    }
  });
  const auto settle_all = [&](const store::Claimed& claimed) {
    std::vector<store::Settlement> settlements;
    for (const auto& person : claimed.people) {
      store::Settlement settlement;
      settlement.email = person.email;
      settlement.confirmed.status = domain::RemoteStatus::Subscribed;
      settlement.confirmed.fields = person.wanted.fields;
      settlement.confirmed.groups = person.wanted.groups;
      settlements.push_back(std::move(settlement));
    }
    store->settle(mirror, settlements, place, now);
  };
  report("8 times settle 2,000", 8, [&] {
    for (const auto& claimed : claims)
      settle_all(claimed);
  });
  claims.clear();
  std::size_t calls = 0;
  report("claim and settle until nothing is pending", people, [&] {
    while (auto claimed = store->claim(request, log)) {
      settle_all(*claimed);
      ++calls;
    }
  });
  std::printf("  %zu calls\n", calls);
  report("next_due on an empty queue", 1, [&] { store->next_due({mirror}); });

  report("update of all: stage, decide, commit", people, [&] {
    scan = store->begin_scan(mirror);
    stage_all(*scan, people, 2);
    scan->for_each_address(decide);
    commit(*store, std::move(scan));
  });
  report("removal of all, held", people, [&] {
    scan = store->begin_scan(mirror);
    for (std::size_t i = 0; i < people; ++i)
      scan->stage_gone(domain::MemberKey(static_cast<std::int64_t>(i)));
    scan->for_each_address(decide);
    store::CommitRequest held;
    held.now = now;
    held.place = place;
    held.held_classes = {0};
    store->commit(std::move(scan), held);
  });
  std::unique_ptr<store::ListScan> list;
  report("list scan: add, count", people, [&] {
    list = store->begin_list(mirror);
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
    const auto opt_out = [](const domain::EmailAddress&, const store::RemoteView& view) {
      store::RemoteChange change;
      change.confirmed = view.ledger->confirmed;
      change.confirmed->status = domain::RemoteStatus::OptedOut;
      change.suppress = store::Suppression{now, "subscriber", "enough"};
      return change;
    };
    std::vector<domain::EmailAddress> chunk;
    for (std::size_t i = 0; i < people / 20; ++i) {
      chunk.push_back(domain::EmailAddress::from_normalised(email_of(i)));
      if (chunk.size() < 1000 && i + 1 < people / 20) continue;
      store->observe(mirror, chunk, opt_out, place, now);
      chunk.clear();
    }
  });
  report("list scan: merge with suppressions", people, [&] {
    list = store->begin_list(mirror);
    list->distinct();
    store::ListedPair pair;
    while (list->next(pair)) {
    }
  });
  list.reset();
  std::error_code error;
  std::printf("state file %ju KiB\n", fs::file_size(directory / "state.sqlite", error) / 1024);
  store.reset();
  report("open again, with its check", 1, [&] { store = store::open_sqlite_store(directory, opened); });
  store.reset();
  fs::remove(directory / "suppressions.sqlite");
  report("open without its opt-outs' file", 1, [&] { store = store::open_sqlite_store(directory, opened); });
  std::printf("  damaged: %s\n", opened.damaged_set_aside ? "yes" : "no");
  store.reset();
  fs::remove_all(directory);
}
