// The table of a day: what members and careless people do to it, and where it is read.
#include "simulation/day/day.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::day {

using namespace std::chrono_literals;

std::string Day::new_address() {
  return "p" + std::to_string(next_address_++) + "@example.com";
}

void Day::fill_table() {
  table_.commit([&](Members& rows) {
    for (std::size_t i = 0; i < profile_.people; ++i) {
      Member member;
      member.email = new_address();
      member.subscribed = !chance(0.15);
      member.consented_at = utc() - std::chrono::hours(1 + pick(5000));
      member.grade = chance(0.5) ? "gold" : (chance(0.5) ? "silver" : "");
      member.name = "N" + std::to_string(i);
      rows[next_key_++] = std::move(member);
    }
  });
}

void Day::change(const std::function<void(Members&)>& change, bool careless) {
  const auto before = table_.picture_of_primary();
  commit(change);
  trace_change(*before);
  consents_.table_changed(*before, table_.rows(), careless, utc());
}

void Day::trace_change(const Members& before) {
  for (const auto& [key, member] : table_.rows()) {
    const auto was = before.find(key);
    if (was != before.end() && was->second == member) continue;
    trace_.add("row", std::to_string(key) + " " + member.email +
                          (member.subscribed.value_or(false) ? " yes" : " no") +
                          (member.consented_at ? " " + text::iso_utc(*member.consented_at) : ""));
  }
  for (const auto& [key, member] : before) {
    if (!table_.rows().contains(key)) trace_.add("row", std::to_string(key) + " gone");
  }
}

void Day::change_table() {
  change([&](Members& rows) {
    // What a transaction stamps is when it began, which may be long before it commits.
    const auto stamp = utc() - std::chrono::seconds(chance(0.5) ? 0 : pick(120));
    if (rows.empty() || chance(0.15)) {
      Member member;
      member.email = chance(0.1) ? "not an address" : new_address();
      member.consented_at = stamp;
      member.name = "new";
      member.grade = chance(0.5) ? "gold" : "";
      rows[next_key_++] = std::move(member);
      return;
    }
    const auto any = [&] { return std::next(rows.begin(), static_cast<std::ptrdiff_t>(pick(rows.size()))); };
    const auto it = any();
    auto& member = it->second;
    switch (pick(13)) {
      case 0:
        member.name += "x";
        break;
      case 1:
        member.grade = member.grade == "gold" ? "silver" : (member.grade == "silver" ? "" : "gold");
        break;
      case 2:
        member.subscribed = !member.subscribed.value_or(false);
        if (*member.subscribed) member.consented_at = stamp;
        break;
      case 3:
        member.subscribed = std::nullopt;
        break;
      case 4:
        gone_[it->first] = member;
        rows.erase(it);
        break;
      case 5:
        member.email = new_address();
        break;
      case 6:
        std::swap(member.email, any()->second.email);
        break;
      case 7:
        member.email = any()->second.email;  // two rows, one address
        break;
      case 8:
        std::transform(member.email.begin(), member.email.end(), member.email.begin(), ::toupper);
        break;
      case 9:
        member.subscribed = true;
        member.consented_at = stamp;
        break;
      case 10:
        // An opt-in that was made before, and is committed late.
        member.consented_at = stamp;
        break;
      case 11:
        if (!gone_.empty()) {
          const auto back = std::next(gone_.begin(), static_cast<std::ptrdiff_t>(pick(gone_.size())));
          // With another key, or their own.
          rows[chance(0.5) ? next_key_++ : back->first] = back->second;
          gone_.erase(back);
        }
        break;
      default:
        // Moves to an address that somebody left.
        if (next_address_ > 0)
          member.email = "p" + std::to_string(pick(static_cast<std::size_t>(next_address_))) + "@example.com";
        break;
    }
  });
}

// Statements without a WHERE.
void Day::careless_statement() {
  const auto what = pick(4);
  const auto flips = std::count_if(table_.rows().begin(), table_.rows().end(),
                                   [](const auto& row) { return !row.second.subscribed.value_or(false); });
  // What the guard lets through counts like the members' own word; and so does what is left of a set that was
  // too large, once most of it is gone.
  const bool is_held = profile_.small_guard && (what != 2 || flips > 10) && table_.rows().size() > 3;
  change(
      [&](Members& rows) {
        for (auto it = rows.begin(); it != rows.end();) {
          auto& member = it->second;
          const bool keep = what != 0 || chance(0.4);
          if (what == 1) member.consented_at = utc();
          if (what == 2) member.subscribed = true;
          if (what == 3) member.email = new_address();
          if (!keep) gone_[it->first] = member;
          it = keep ? std::next(it) : rows.erase(it);
        }
      },
      is_held);
}

void Day::trouble_database() {
  const bool was_away = table_.away();
  const bool was_standby = table_.on_standby();
  table_.set_away(chance(0.1));
  database_writable_ = !chance(0.2);
  table_.read_standby(profile_.fails_over && chance(0.15) ? 1 + pick(8) : 0);
  if (profile_.fails_over && chance(0.03)) {
    ++counts_.failovers;
    const auto before = table_.picture_of_primary();
    table_.fail_over(pick(10));
    trace_.add("failover", std::to_string(table_.commits()));
    trace_change(*before);
    consents_.table_changed(*before, table_.rows(), true, utc());
    open_.clear();
    took_back_ = true;
    server_changes();
  }
  if (was_away != table_.away() || was_standby != table_.on_standby()) server_changes();
}

source::ScriptedRead Day::read_table() {
  settle_pictures();
  drained_ = false;
  auto read = table_.read(utc());
  ++counts_.reads;
  if (table_.away()) {
    read.fails_after_rows = connection_lost();
    read.rows.resize(pick(read.rows.size() + 1));
    trace_.add("read", "lost");
    return read;
  }
  pictures_.latest = table_.picture();
  removals_.read(*pictures_.latest);
  trace_.add("read", std::to_string(read.rows.size()) + " " + std::to_string(*read.shape.wal_before));
  return read;
}

std::variant<std::size_t, source::WriteFailure> Day::write_back(const std::string& event,
                                                                const source::WriteValues& values) {
  const auto value_of = [&](const char* name) -> std::string {
    const auto found = values.find(name);
    return found == values.end() ? "" : found->second.value_or("");
  };
  trace_.add("write", event + " " + value_of("email") + " " + value_of("key"));
  const auto failed = [](source::WriteFailure::Scope scope) {
    source::WriteFailure failure;
    failure.scope = scope;
    failure.error = connection_lost();
    return failure;
  };
  if (table_.away() || !database_writable_) return failed(source::WriteFailure::Scope::Database);
  if (!calm_ && chance(0.05)) return failed(source::WriteFailure::Scope::Statement);
  std::size_t rows_changed = 0;
  const auto key_text = value_of("key");
  const auto key = key_text.empty() ? std::int64_t{-1} : static_cast<std::int64_t>(std::stoll(key_text));
  // The owner's own statements: not the members' word, but what they said at Stibee.
  const bool careless = event != "resubscribed";
  change(
      [&](Members& rows) {
        const auto row = rows.find(key);
        if (row == rows.end()) return;
        ++rows_changed;
        if (event == "unsubscribed") row->second.subscribed = false;
        if (event == "resubscribed") row->second.subscribed = true;
        if (event == "updated") {
          row->second.email = value_of("email");
          row->second.name = value_of("field_name");
        }
      },
      careless);
  ++counts_.write_backs;
  // Committed, but the answer was lost.
  if (!calm_ && chance(0.05)) return failed(source::WriteFailure::Scope::Database);
  return rows_changed;
}

}  // namespace stibee_sync::day
