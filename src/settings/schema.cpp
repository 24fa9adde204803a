#include "schema.hpp"

#include "stibee_sync/settings/loader.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <vector>

namespace stibee_sync::settings {
namespace schema {
namespace {

using Name = std::string_view;

constexpr std::array<Name, 8> top{"stibee", "database", "state",   "log",
                                  "admin",  "control",  "webhook", "mirrors"};
constexpr std::array<Name, 9> stibee{
    "api",         "base_url",        "api_key_file",  "ca_file",        "rate_limit",
    "rate_limits", "request_timeout", "max_in_flight", "resubscribe_via"};
constexpr std::array<Name, 3> rate_limits{"bulk", "list", "other"};
constexpr std::array<Name, 2> database{"url", "password_file"};
constexpr std::array<Name, 1> state{"directory"};
constexpr std::array<Name, 2> log{"level", "format"};
constexpr std::array<Name, 1> admin{"listen"};
constexpr std::array<Name, 1> control{"socket"};
constexpr std::array<Name, 4> webhook{"listen", "secret_file", "allow_from", "trusted_proxies"};
constexpr std::array<Name, 14> mirror{"name",          "list_id",         "source",
                                      "groups",        "on_leave",        "delete_after",
                                      "poll_interval", "detect",          "full_scan_interval",
                                      "confirm_email", "on_remote_purge", "guard",
                                      "reconcile",     "writeback"};
constexpr std::array<Name, 11> source{"table",  "query",      "where",        "key",
                                      "email",  "subscribed", "consented_at", "ad_agreed",
                                      "groups", "fields",     "time_zone"};
constexpr std::array<Name, 6> guard{"max_removals",       "max_removal_percent", "min_removals",
                                    "max_optout_percent", "min_source_percent",  "max_update_percent"};
constexpr std::array<Name, 2> reconcile{"interval", "mode"};
constexpr std::array<Name, 6> writeback{"subscribed",   "updated", "unsubscribed",
                                        "resubscribed", "deleted", "purged"};

constexpr std::array<BlockKeys, 14> table{{{"", top},
                                           {"stibee", stibee},
                                           {"stibee.rate_limits", rate_limits},
                                           {"database", database},
                                           {"state", state},
                                           {"log", log},
                                           {"admin", admin},
                                           {"control", control},
                                           {"webhook", webhook},
                                           {"mirrors[]", mirror},
                                           {"mirrors[].source", source},
                                           {"mirrors[].guard", guard},
                                           {"mirrors[].reconcile", reconcile},
                                           {"mirrors[].writeback", writeback}}};

/// Typing errors between two words: letters added, left out, exchanged, or swapped with their neighbour.
std::size_t distance(Name a, Name b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j)
    cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t exchanged = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, exchanged});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

std::string folded(Name word) {
  std::string out;
  for (const char c : word) {
    if (c == '-' || c == ' ') {
      out += '_';
    } else {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
  }
  return out;
}

}  // namespace

std::span<const BlockKeys> blocks() {
  return table;
}

Keys keys_of(Name block) {
  const auto found =
      std::find_if(table.begin(), table.end(), [block](const BlockKeys& each) { return each.path == block; });
  assert(found != table.end());
  return found->keys;
}

Name nearest(Name word, std::span<const Name> candidates) {
  constexpr std::size_t longest_key = 40;
  if (word.size() > longest_key) return {};
  const std::string given = folded(word);
  Name best;
  std::size_t best_distance = 0;
  for (const Name candidate : candidates) {
    const std::size_t errors = distance(given, candidate);
    const std::size_t allowed = std::max<std::size_t>(1, std::min(given.size(), candidate.size()) / 3);
    if (errors > allowed || (!best.empty() && errors >= best_distance)) continue;
    best = candidate;
    best_distance = errors;
  }
  return best;
}

}  // namespace schema

std::vector<std::string> known_keys() {
  std::vector<std::string> out;
  for (const auto& block : schema::blocks()) {
    for (const auto key : block.keys)
      out.push_back(std::string(block.path) + (block.path.empty() ? "" : ".") + std::string(key));
  }
  return out;
}

}  // namespace stibee_sync::settings
