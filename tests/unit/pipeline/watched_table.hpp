#pragma once

#include "stibee_sync/source/change_feed.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace stibee_sync::pipeline {

/// A table whose triggers write into a feed, as far as a reader and a drainer can tell.
class WatchedTable {
 public:
  void put(int id, const std::string& email, const std::string& name = "somebody") {
    put_unheard(id, email, name);
    tell(id);
  }
  void put_unheard(int id, const std::string& email, const std::string& name = "somebody") {
    rows_[id] = std::to_string(id) + "\t" + email + "\t" + name;
  }
  void add(int from, int to) {
    for (int id = from; id <= to; ++id)
      put(id, address(id));
  }
  void remove(int from, int to) {
    for (int id = from; id <= to; ++id) {
      rows_.erase(id);
      tell(id);
    }
  }
  void truncate() {
    rows_.clear();
    waiting_[++last_id_] = std::nullopt;
  }
  static std::string address(int id) { return "p" + std::to_string(id) + "@example.com"; }

  source::ScriptedRead read() {
    ++reads;
    source::ScriptedRead script;
    script.shape = shape();
    for (const auto& [id, line] : rows_)
      script.rows.push_back(line);
    source::FeedSeenByScan seen;
    seen.loss = loss;
    seen.ids = ids();
    seen.everything = everything();
    seen.fingerprint = fingerprint;
    seen.oldest_running = oldest_running;
    seen.next_transaction = next_transaction;
    if (!seen.everything) {
      for (const auto id : keys())
        seen.keys.push_back(std::to_string(id));
      std::sort(seen.keys.begin(), seen.keys.end());
    }
    script.feed = seen;
    return script;
  }
  source::ScriptedDrain drain() {
    ++drains;
    source::ScriptedDrain script;
    script.shape = shape();
    script.loss = loss;
    script.ids = ids();
    script.everything = everything();
    script.fingerprint = fingerprint;
    for (const auto id : keys()) {
      const auto row = rows_.find(id);
      script.changes.push_back(
          {std::to_string(id), row == rows_.end() ? std::nullopt : std::optional(row->second)});
    }
    return script;
  }
  std::optional<source::SourceError> discard(const std::vector<std::int64_t>& gone) {
    if (discards_fail) {
      source::SourceError error;
      error.kind = source::SourceError::Kind::Unreachable;
      error.message = "the connection was lost";
      return error;
    }
    for (const auto id : gone)
      waiting_.erase(id);
    return std::nullopt;
  }
  std::size_t waiting() const { return waiting_.size(); }

  int reads = 0, drains = 0;
  bool discards_fail = false;
  std::optional<source::FeedLoss> loss;
  std::string fingerprint = "as it is";
  std::uint64_t oldest_running = 100, next_transaction = 100;

 private:
  static source::ReadShape shape() {
    source::ReadShape shape;
    shape.types = {domain::ColumnType::Integer, domain::ColumnType::Text, domain::ColumnType::Text};
    return shape;
  }
  void tell(int id) { waiting_[++last_id_] = id; }
  std::vector<std::int64_t> ids() const {
    std::vector<std::int64_t> all;
    for (const auto& [id, key] : waiting_)
      all.push_back(id);
    return all;
  }
  std::set<int> keys() const {
    std::set<int> all;
    for (const auto& [id, key] : waiting_) {
      if (key) all.insert(*key);
    }
    return all;
  }
  bool everything() const {
    return std::any_of(waiting_.begin(), waiting_.end(), [](const auto& each) { return !each.second; });
  }

  std::map<int, std::string> rows_;
  std::map<std::int64_t, std::optional<int>> waiting_;
  std::int64_t last_id_ = 0;
};

}  // namespace stibee_sync::pipeline
