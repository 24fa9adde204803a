#pragma once

#include "stibee_sync/store/list_scan.hpp"
#include "stibee_sync/store/mirror_state.hpp"
#include "store/spool.hpp"
#include "store/sqlite.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace stibee_sync::store {

/// A list scan over its own connection, which keeps one view of the state; what is listed lies in a nameless
/// file.
struct ListScan::State {
  using InFlightLanes = std::unordered_map<std::string, domain::Lane>;
  /// `key` must outlive the scan. `in_flight`: nullopt: as far as the state file tells, where another process
  /// makes the calls. `staging`: the directory for temporary files.
  State(std::unique_ptr<Connection> connection, const domain::StateKey& key, MirrorId mirror,
        std::optional<InFlightLanes> in_flight, std::filesystem::path staging);
  ~State();

  void add(const domain::EmailAddress& email, const Listed& listed);
  void start_over();
  std::size_t distinct();
  void leave_ledger();
  bool next(ListedPair& pair);

 private:
  struct Snapshot;  // the connection, its statements, who is in flight
  void advance_listed();
  ledger::RemoteView view_of(const std::string& email, bool has_row);

  const domain::StateKey& key_;
  std::filesystem::path staging_;
  std::unique_ptr<Snapshot> snapshot_;
  std::optional<Sorter> sorter_;
  std::optional<std::size_t> distinct_;
  bool begun_ = false;
  // The merge's two sides. A record of the sorter that was read ahead waits in `ahead_`.
  bool more_rows_ = false;
  bool more_listed_ = false, more_ahead_ = false;
  std::string listed_email_, listed_payload_;
  std::string_view ahead_email_, ahead_payload_;
  std::string sort_key_, payload_;
};

}  // namespace stibee_sync::store
