#pragma once

#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/pipeline/services.hpp"
#include "stibee_sync/source/writer.hpp"
#include "stibee_sync/store/store.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::pipeline {

/// The statement that the mirror has for an event, for the writer; nullopt: none.
std::optional<source::WriteStatement> writeback_statement(const MirrorPlan& plan, const std::string& event);

/// Whether the statement of `updated` writes every mapped field, so that the row will show what Stibee does.
bool writes_every_field(const MirrorPlan& plan);

/// The third loop: carries what happened at Stibee into the member database, oldest first, at least once.
/// What waits is in the store, so that a crash or an outage of any length loses nothing. A database that
/// cannot be written to stops the loop for 1 s to 60 s at a time; a statement that fails by itself is put
/// off, up to 5 min at a time, and lets other people's pass. On the loop thread, but for its blocking parts.
class Writeback {
 public:
  /// `writer_worker` is the only place where `writer` is used.
  Writeback(Services services, runtime::Worker& writer_worker, source::Writer& writer,
            std::vector<MirrorPlan> mirrors);

  /// Serves what is due until stop(); ends after the statement that runs then.
  boost::asio::awaitable<void> run();

  void wake();  // something may be due; a lost wake costs up to 5 s
  void stop();
  void cut_off();  // ends the running statement, which is repeated in the next life
  void set_paused(std::size_t mirror, bool paused);
  /// Told at each turn of the loop, with the time within which the next turn is certain to come.
  void on_beat(std::function<void(std::optional<domain::Duration>)> beat) { beat_ = std::move(beat); }

 private:
  struct DueItems {
    std::vector<std::pair<std::size_t, store::PendingWriteback>> items;  // with the place of their mirror
    std::optional<domain::UtcTime> next;                                 // without any: when one will be due
  };
  enum class Carried { Settled, PutOff, DatabaseDown };

  boost::asio::awaitable<std::optional<domain::UtcTime>> serve();
  boost::asio::awaitable<Carried> carry(std::size_t mirror, store::PendingWriteback item);
  boost::asio::awaitable<void> finish(std::size_t mirror, store::PendingWriteback item,
                                      std::optional<domain::Fingerprint> written);
  void report_done(std::size_t mirror, const store::PendingWriteback& item, std::size_t rows);
  void report_failure(std::size_t mirror, const store::PendingWriteback& item,
                      const source::WriteFailure& failure);
  void database_failed(const source::SourceError& error);
  void store_failed(const std::string& what);
  void back_off(int failures);

  Services services_;
  runtime::Worker& writer_worker_;
  source::Writer& writer_;
  std::vector<MirrorPlan> mirrors_;
  std::vector<bool> paused_;
  std::function<void(std::optional<domain::Duration>)> beat_;
  std::unique_ptr<runtime::Timer> timer_;
  runtime::MonotonicTime resume_at_{};
  std::string database_problem_;
  int database_failures_ = 0;  // in a row
  int store_failures_ = 0;     // in a row
  std::map<std::string, std::size_t>
      failures_;  // of a mirror's statement by one problem, since it last worked
  bool stopping_ = false;
};

}  // namespace stibee_sync::pipeline
