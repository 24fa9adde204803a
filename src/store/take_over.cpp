#include "stibee_sync/store/transaction.hpp"
#include "store/row_codec.hpp"
#include "store/scan_state.hpp"
#include "store/tables.hpp"
#include "store/work.hpp"

#include <stdexcept>
#include <utility>

// How the snapshot takes over what a read found.
namespace stibee_sync::store {
namespace {

void check(const Scan::State& read, std::int64_t generation) {
  if (read.rows.size() > 0 && !read.decided)
    throw std::invalid_argument("a scan is decided before it is taken over");
  if (read.generation != generation) {
    throw StoreError("another read of the same mirror was applied while this one ran; it will be repeated");
  }
}

/// What one transaction takes over.
class Part {
 public:
  Part(Store::Tables& tables, Scan::State& read, std::size_t most)
      : tables_(tables), read_(read), most_(most), snapshot_(tables.snapshot) {}

  void take() {
    read_.shown.clear();
    read_.shown_at = 0;
    while (taken_ < most_ && read_.at_stage != Stage::Done) {
      if (!take_one()) read_.at_stage = static_cast<Stage>(static_cast<int>(read_.at_stage) + 1);
    }
    snapshot_.write_out(read_.mirror);
    for (const auto& record : read_.shown) {
      for (const auto& shadow : record.shadows)
        snapshot_.set_shadowed(read_.mirror, shadow.key, shadow.shadowed);
    }
  }
  std::size_t rows() const { return rows_; }
  std::size_t lost() const { return lost_; }
  /// Rows are there whose addresses are not decided yet, or addresses are decided whose rows are not there
  /// yet.
  bool tears() const { return tears_ && read_.at_stage != Stage::Done; }

 private:
  /// False: nothing of this stage is left.
  bool take_one() {
    switch (read_.at_stage) {
      case Stage::Bound:
      case Stage::Late:
        return take_group();
      case Stage::Updates:
      case Stage::Adds:
        return take_decision();
      case Stage::Rows:
        return take_row();
      case Stage::Done:
        break;
    }
    return false;
  }

  bool take_group() {
    if (!read_.next_group(read_.at_stage, group_)) return false;
    for (const auto& part : group_.rows) {
      if (part.waits && !part.decided_ones.empty()) {
        // One of the row's two addresses is decided, the other waits. The snapshot keeps the row as it was,
        // so the next read must look at both again, whatever the row says by then.
        snapshot_.set_shadowed(read_.mirror, part.row.key, true);
        for (const auto& email : part.decided_ones)
          tables_.touch(read_.mirror, email);
      } else if (!part.waits) {
        if (read_.torn && part.row.email) snapshot_.bears(*part.row.email, part.row.key);
        if (part.row.unchanged) continue;
        snapshot_.write(read_.mirror, part.row);
        count(part.row);
      }
    }
    taken_ += group_.rows.size() + group_.decisions.size();
    for (auto& record : group_.decisions)
      show(std::move(record));
    return true;
  }

  bool take_decision() {
    DecisionRecord record;
    if (!read_.next_decision(read_.at_stage, record)) return false;
    ++taken_;
    if ((read_.at_stage == Stage::Adds || read_.torn) && !read_.holds(record)) {
      for (const auto& row : record.rows)
        snapshot_.bears(record.email, row.key);
    }
    // Should the table be as it was by the next read: no row of it would be found changed.
    tears_ = tears_ || (read_.at_stage == Stage::Updates && !record.rows.empty() && !read_.holds(record));
    show(std::move(record));
    return true;
  }

  bool take_row() {
    if (!read_.next_row(row_)) return false;
    const auto& row = row_.row;
    if (row_.waits || row.unchanged) return true;
    ++taken_;
    count(row);
    if (row.gone) {
      snapshot_.write(read_.mirror, row);
    } else if (row.existed && row.email) {
      snapshot_.write_values(read_.mirror, row);
    } else {
      snapshot_.write_alone(read_.mirror, row);
      tears_ = tears_ || row.email;
    }
    return true;
  }

  void count(const RowRecord& row) {
    ++rows_;
    if (row.gone || row.moves()) ++lost_;
  }

  void show(DecisionRecord record) {
    if (!read_.holds(record)) {
      read_.shown.push_back(std::move(record));
    } else if (record.touched) {
      tables_.touch(read_.mirror, record.email);
    }
  }

  Store::Tables& tables_;
  Scan::State& read_;
  std::size_t most_;
  SnapshotTable& snapshot_;
  Scan::State::Group group_;
  Scan::State::PartRow row_;
  std::size_t taken_ = 0;
  std::size_t rows_ = 0;
  std::size_t lost_ = 0;
  bool tears_ = false;
};

}  // namespace

std::optional<ledger::AddressDecision> Transaction::by_now(MirrorId mirror, const domain::EmailAddress& email,
                                                           ledger::AddressDecision decision,
                                                           const ledger::Person& before, Scan& scan) {
  using domain::Intent;
  // Those that overtake a resubscribe knew of it.
  const bool says_no = decision.wanted.intent == Intent::Unsubscribed && before.row &&
                       before.row->wanted.intent == Intent::Subscribed && !decision.overtakes_resubscribe;
  if (says_no) {
    const auto& resubscribed = work_->tables.resubscribed[mirror];
    const auto heard = resubscribed.find(email.text());
    if (heard != resubscribed.end() && heard->second > scan.state().resubscribes) {
      work_->tables.touch(mirror, email.text());
      return std::nullopt;
    }
  }
  if (decision.wanted.intent != Intent::Absent && scan.state().members_spoke)
    decision.inherits = work_->member_opt_out(mirror, email.text(), decision.key);
  return decision;
}

TakenPart Transaction::take_over(Scan& scan, std::size_t most) {
  auto& tables = work_->tables;
  auto& read = scan.state();
  check(read, tables.mirrors.generation(read.mirror));
  read.members_spoke = read.members_spoke || tables.members_words != read.members_words;
  work_->taken_over = &read;
  if (!read.decided) {
    read.close_snapshot();
    return {};
  }
  if (!read.begun()) read.begin_parts(most);
  Part part(tables, read, most);
  part.take();
  const bool last = read.at_stage == Stage::Done;
  // A read that begins later knows of them; one that began before is too old now.
  if (last)
    std::erase_if(tables.resubscribed[read.mirror],
                  [&](const auto& each) { return each.second <= read.resubscribes; });
  if (!last && !std::exchange(read.counted, true)) {
    // A scan that began before this part is too old now, whether the last part will write anything or not.
    tables.mirrors.count_read(read.mirror);
    ++read.generation;
  }
  if (part.tears() && !read.torn && !std::exchange(read.tore, true)) {
    tables.mirrors.set_torn(read.mirror, true);
  } else if (last && (read.tore || (read.torn && !read.holds_any()))) {
    // What waits of a torn read has rows that no read would find changed.
    tables.mirrors.set_torn(read.mirror, false);
  }
  if (last && read.touched_up_to) {
    // Not those that were touched while this read ran.
    Statement clear(*tables.connection, "DELETE FROM touched_address WHERE mirror = ? AND number <= ?");
    clear.bind(1, read.mirror.number).bind(2, *read.touched_up_to).run();
  }
  return {part.rows(), part.lost(), last};
}

}  // namespace stibee_sync::store
