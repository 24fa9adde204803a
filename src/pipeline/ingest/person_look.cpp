#include "stibee_sync/pipeline/person_look.hpp"

#include "pipeline/ingest/staging.hpp"

#include <map>
#include <set>
#include <utility>
#include <variant>

namespace stibee_sync::pipeline {
namespace {

using domain::MemberKey;
using source::SourceError;

/// Lines of rows by their keys.
using Lines = std::map<MemberKey, std::string>;

/// Finds rows among all that go by. Throws ReadRefused.
class Finder {
 public:
  Finder(source::Reader& reader, Staging& staging, std::size_t columns)
      : reader_(reader), staging_(staging), columns_(columns) {}

  Lines find(const source::ReadPlan& plan, const PersonAsked& asked, const std::set<MemberKey>& known) {
    Lines lines;
    const auto result = reader_.read(
        plan, [this](const source::ReadShape& shape) { staging_.learn(shape); },
        [&](std::string_view line) {
          auto key = staging_.key_of(line);
          if (is_meant(key, line, asked, known)) lines.emplace(std::move(key), line);
        });
    if (const auto* error = std::get_if<SourceError>(&result)) throw ReadRefused{error->message, error->kind};
    return lines;
  }

  std::optional<domain::EmailAddress> address_in(std::string_view line) {
    constexpr std::size_t email_column = 1;
    if (!fields_.split(line, columns_)) return std::nullopt;
    const auto& raw = fields_.values()[email_column];
    if (!raw) return std::nullopt;
    auto parsed = domain::EmailAddress::parse(*raw, staging_.mapping().max_address_length);
    auto* email = std::get_if<domain::EmailAddress>(&parsed);
    return email == nullptr ? std::nullopt : std::optional(std::move(*email));
  }

  PresentRow present(const MemberKey& key, std::string_view line) {
    PresentRow row;
    row.key = key;
    if (!fields_.split(line, columns_)) return row;
    auto mapped = diff::map_row(fields_.values(), staging_.mapping(), nullptr);
    if (auto* member = std::get_if<domain::Member>(&mapped)) {
      row.email = member->email;
      row.subscribed = member->subscribed;
      row.member = std::move(*member);
    } else {
      auto& rejection = std::get<diff::Rejection>(mapped);
      row.email = std::move(rejection.email);
      row.rejection = rejection.reason;
      row.rejected_column = std::move(rejection.column);
      row.subscribed = rejection.subscribed;
    }
    return row;
  }

 private:
  bool is_meant(const MemberKey& key, std::string_view line, const PersonAsked& asked,
                const std::set<MemberKey>& known) {
    if (known.contains(key)) return true;
    if (!asked.key.empty() && key.to_string() == asked.key) return true;
    return asked.email && address_in(line) == asked.email;
  }

  source::Reader& reader_;
  Staging& staging_;
  std::size_t columns_;
  diff::RowFields fields_;
};

std::string_view line_of_key(const Lines& lines, const std::string& key) {
  for (const auto& [each, line] : lines) {
    if (each.to_string() == key) return line;
  }
  return {};
}

/// Where rows that the condition leaves out cannot be read at all, since they have no key, say: none.
std::vector<PresentRow> excluded(Finder& finder, const source::ReadPlan& without_condition,
                                 const PersonAsked& asked, const std::set<MemberKey>& known) {
  std::vector<PresentRow> rows;
  try {
    for (const auto& [each, line] : finder.find(without_condition, asked, known))
      rows.push_back(finder.present(each, line));
  } catch (const ReadRefused&) {
    rows.clear();
  }
  return rows;
}

/// A difference is staged as a read stages it; the rest since its address is to be decided.
bool stage(const MemberKey& key, const Lines& lines, store::Scan& scan, Staging& staging) {
  const auto stored = scan.find(key);
  const auto found = lines.find(key);
  if (found == lines.end()) {
    if (stored) staging.stage_gone(key);
    return false;
  }
  const auto fingerprint = staging.fingerprint_of(found->second);
  const bool differs = !stored || stored->fingerprint != fingerprint;
  staging.stage(key, fingerprint, found->second, differs);
  return differs;
}

}  // namespace

PersonSeen look_at_person(source::Reader& reader, const MirrorPlan& plan, store::Scan& scan,
                          const store::SourceFacts& before, const domain::StateKey& key, domain::UtcTime now,
                          const PersonAsked& asked, const std::vector<domain::MemberKey>& known) {
  PersonSeen seen;
  seen.email = asked.email;
  const auto watch = [&seen](const domain::EmailAddress& email, const diff::Resolution& resolution,
                             const domain::Confirmed& confirmed) {
    if (email != seen.email) return;
    PersonDecision decision;
    decision.wanted = resolution.wanted;
    decision.confirmed = confirmed;
    if (resolution.values != nullptr) decision.values = resolution.values->fields;
    decision.change_class = resolution.change_class;
    seen.decision = std::move(decision);
  };
  Staging staging(plan, scan, before, key, now, watch);
  Finder finder(reader, staging, plan.read.columns.size());
  auto read = plan.read;
  read.feed.clear();
  std::set<MemberKey> keys(known.begin(), known.end());
  try {
    auto lines = finder.find(read, asked, keys);
    if (!asked.key.empty()) {
      auto borne = finder.address_in(line_of_key(lines, asked.key));
      if (borne && borne != asked.email) {
        seen.email = std::move(borne);
        lines = finder.find(read, {seen.email, asked.key}, keys);
      }
    }
    if (lines.empty() && !read.where.empty()) {
      read.where.clear();
      seen.excluded = excluded(finder, read, asked, keys);
    }
    for (const auto& [each, line] : lines)
      keys.insert(each);
    std::set<MemberKey> differing;
    for (const auto& each : keys) {
      if (stage(each, lines, scan, staging)) differing.insert(each);
    }
    for (const auto& [each, line] : lines) {
      seen.rows.push_back(finder.present(each, line));
      seen.rows.back().differs = differing.contains(each);
    }
    staging.decide();
  } catch (const ReadRefused& refused) {
    seen.problem = refused.message;
  }
  return seen;
}

RowsSeen look_at_rows(source::Reader& reader, const MirrorPlan& plan, store::Scan& scan,
                      const store::SourceFacts& before, const domain::StateKey& key, domain::UtcTime now,
                      const std::vector<domain::MemberKey>& keys) {
  RowsSeen seen;
  Staging staging(plan, scan, before, key, now, {});
  Finder finder(reader, staging, plan.read.columns.size());
  auto read = plan.read;
  read.feed.clear();
  try {
    for (const auto& [each, line] : finder.find(read, {}, {keys.begin(), keys.end()}))
      seen.rows.push_back(finder.present(each, line));
  } catch (const ReadRefused& refused) {
    seen.problem = refused.message;
  }
  return seen;
}

}  // namespace stibee_sync::pipeline
