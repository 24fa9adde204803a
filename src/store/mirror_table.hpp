#pragma once

#include "stibee_sync/store/mirror_state.hpp"
#include "store/sqlite.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::store {

/// The tables `mirror`, `hold` and `approval`.
class MirrorTable {
 public:
  explicit MirrorTable(Connection& connection);

  std::optional<MirrorId> find(std::string_view name, std::int64_t list_id);
  MirrorId add(std::string_view name, std::int64_t list_id);

  /// 0: no such mirror.
  std::int64_t list_id(MirrorId mirror);
  std::vector<KnownMirror> all();
  void rename(MirrorId mirror, std::string_view name);
  std::vector<MirrorId> of_list(std::int64_t list_id);
  bool paused(MirrorId mirror);
  void set_paused(MirrorId mirror, bool paused, domain::UtcTime now, std::optional<domain::UtcTime> until);
  bool table_read(MirrorId mirror);
  Milestones milestones(MirrorId mirror);
  void set_last_delivery(MirrorId mirror, domain::UtcTime when);
  bool set_imported(MirrorId mirror, domain::UtcTime when);
  SourceFacts facts(MirrorId mirror);
  /// Also counts the read.
  void set_facts(MirrorId mirror, const SourceFacts& facts);
  void set_recent(MirrorId mirror, const std::vector<HourOfChanges>& recent,
                  const std::vector<SlotOfChanges>& drained);
  /// The generation after a part of a read; `set_facts` counts its end.
  void count_read(MirrorId mirror);
  /// Whether the rows are not to be believed as they are: a read is taken over in part, so that rows are
  /// there whose addresses are not decided yet or the other way round; or they are older than the opt-outs.
  void set_torn(MirrorId mirror, bool torn);
  /// Whether they say little more than those on disk: that a read was done, and where the server was.
  bool only_later(MirrorId mirror, const SourceFacts& facts);
  /// Remembers that in memory; `facts` shows it.
  void note_later(MirrorId mirror, const SourceFacts& facts);
  bool has_notes() const { return !notes_.empty(); }
  /// What was noted goes to disk, with a transaction; and is no note any more, once that is committed.
  void write_notes();
  void notes_written() { notes_.clear(); }
  std::int64_t generation(MirrorId mirror);
  std::optional<domain::UtcTime> adopted(MirrorId mirror);
  void set_adopted(MirrorId mirror, std::optional<domain::UtcTime> when);
  std::optional<domain::UtcTime> reconciled(MirrorId mirror);
  void set_reconciled(MirrorId mirror, domain::UtcTime when, std::size_t differences);

  std::vector<HeldChanges> holds(MirrorId mirror);
  void replace_holds(MirrorId mirror, const std::vector<HeldChanges>& holds);

  void approve(MirrorId mirror, std::string_view digest, domain::UtcTime expires);
  bool approved(MirrorId mirror, std::string_view digest, domain::UtcTime now);
  void drop_approval(MirrorId mirror, std::string_view digest);
  void drop_expired_approvals(MirrorId mirror, domain::UtcTime now);

 private:
  struct Note {
    domain::UtcTime last_success;
    std::optional<std::int64_t> wal_position;
  };
  SourceFacts stored_facts(MirrorId mirror);

  Statement write_note_;
  std::map<MirrorId, Note> notes_;
  Statement count_read_, set_torn_, set_recent_, find_, add_, list_id_, all_, rename_, paused_, set_paused_,
      facts_, set_facts_, generation_;
  Statement adopted_, set_adopted_, reconciled_, set_reconciled_, milestones_, set_last_delivery_,
      table_read_, imported_, set_imported_;
  Statement holds_, clear_holds_, add_hold_;
  Statement approve_, approved_, drop_approval_, drop_expired_;
};

}  // namespace stibee_sync::store
