#pragma once

#include "small_state.hpp"
#include "store/schema.hpp"
#include "store/tables.hpp"

#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

// A state and the opt-outs' own file beside it, either of which can be lost, restored or older.
namespace stibee_sync::store::testing_support {

using ledger::RemoteChange;
using ledger::RemoteView;
using ledger::Suppression;
namespace fs = std::filesystem;

class SuppressionFile : public ::testing::Test {
 protected:
  fs::path state() const { return temporary_.path() / "state.sqlite"; }
  fs::path file() const { return temporary_.path() / "suppressions.sqlite"; }

  void open() {
    store_.reset();
    store_ = open_store(temporary_.path(), report_);
    mirror_ = store_->open_mirror("members", 1234);
  }
  void close() { store_.reset(); }
  static void copy(const fs::path& from, const fs::path& to) {
    fs::copy_file(from, to, fs::copy_options::overwrite_existing);
  }
  /// As a person would restore it, with the daemon stopped.
  static void restore(const fs::path& backup, const fs::path& to) {
    for (const char* suffix : {"-wal", "-shm"})
      fs::remove(to.string() + suffix);
    copy(backup, to);
  }
  fs::path backup(const fs::path& of) {
    close();
    const auto to = backups_.path() / of.filename();
    copy(of, to);
    return to;
  }

  RemoteView look(const std::string& address) {
    return ledger::view_of(store_->find(mirror_, email(address)));
  }
  void observe(const std::string& address, const RemoteChange& change, UtcTime now = start) {
    testing_support::observe(*store_, mirror_, address, change, now);
  }
  /// Only the status is another.
  void show(const std::string& address, RemoteStatus status, UtcTime now = start) {
    RemoteChange change;
    if (const auto view = look(address); view.ledger) {
      change.confirmed = view.ledger->confirmed;
      change.confirmed->status = status;
      change.confirmed->since = now;
      if (status == RemoteStatus::Subscribed) change.confirmed->fields = view.ledger->wanted.fields;
    }
    if (status == RemoteStatus::OptedOut) change.suppress = Suppression{now, "subscriber", "words"};
    observe(address, change, now);
  }
  void opt_out(const std::string& address, UtcTime now = start) {
    show(address, RemoteStatus::OptedOut, now);
  }
  void lift(const std::string& address) { observe(address, {.lift = true}); }
  /// A table with one member, who is subscribed and settled.
  void fill(const std::string& address = "a@x.kr") {
    read_table(*store_, mirror_, {{key(1), {address}}});
    show(address, RemoteStatus::Subscribed);
  }
  RemoteStatus status(const std::string& address = "a@x.kr") {
    const auto row = store_->find(mirror_, email(address)).row;
    return row ? row->confirmed.status : RemoteStatus::Unknown;
  }
  bool is_queued(const std::string& address) {
    return store_->find(mirror_, email(address)).row.value().lane.has_value();
  }
  static JournalEntry entry(const PersonHash& person, const Suppression& suppression, bool active = true) {
    return {{1234, person, suppression, false}, active};
  }
  SuppressionJournal& journal() { return *store_->tables().journal; }

  TemporaryDirectory temporary_, backups_;
  OpenReport report_;
  std::unique_ptr<Store> store_;
  MirrorId mirror_;
};

}  // namespace stibee_sync::store::testing_support
