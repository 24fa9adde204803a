#include "fault/stories.hpp"

#include "store/schema.hpp"

#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <sqlite3.h>

namespace stibee_sync::fault {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

void require(bool holds, World& world, const std::string& what) {
  if (holds) return;
  std::string why = what;
  for (const auto& difference : world.differences())
    why += "; " + difference;
  for (const auto& difference : world.differences())
    why += "\n" + world.deployment().syncd({"explain", difference.substr(0, difference.find(' '))}).out;
  throw std::runtime_error(why + "\n" + world.daemon().err());
}

void settle(World& world, const std::string& what) {
  require(world.settles(), world, "does not settle after " + what);
}

void nothing(World&) {}

void synced(World& world) {
  world.deployment().add_members(1, 12);
  if (world.deployment().syncd({"sync"}).exit_code != 0) throw std::runtime_error("the first sync failed");
}

void edit(World& world, const std::string& members) {
  world.deployment().stibee_post("/_sim/people", R"({"list":"1234",)" + members + "}");
}

void import(World& world) {
  world.deployment().add_members(1, 12);
  world.start();
  settle(world, "the import");
  world.stop();
}

void changes(World& world) {
  world.start();
  world.deployment().sql(
      "UPDATE members SET name = 'another' WHERE id = 1; UPDATE members SET grade = 'gold' WHERE id = 2;"
      "UPDATE members SET email_opt_in = false WHERE id = 3; DELETE FROM members WHERE id = 4;"
      "INSERT INTO members VALUES (13, 'p13@example.com', true, 'new', '1', 'gold')");
  settle(world, "the first changes");
  world.opted_out("p3@example.com");
  world.deployment().sql(
      "UPDATE members SET phone = '2' WHERE id = 13; DELETE FROM members WHERE id = 8;"
      "UPDATE members SET email_opt_in = false, name = 'gone' WHERE id = 9");
  settle(world, "the second changes");
  world.opted_out("p9@example.com");
  // Who opted out in the table comes back by the table.
  world.opted_in_again("p3@example.com");
  world.deployment().sql("UPDATE members SET email_opt_in = true WHERE id = 3");
  settle(world, "the return");
  world.stop();
}

void moves(World& world) {
  world.start();
  world.deployment().sql(
      "UPDATE members SET email = 'moved5@example.com' WHERE id = 5;"
      "UPDATE members SET email = CASE id WHEN 6 THEN 'p7@example.com' ELSE 'p6@example.com' END "
      "WHERE id IN (6, 7)");
  settle(world, "the moves");
  world.deployment().sql("UPDATE members SET email_opt_in = false WHERE id = 5");
  settle(world, "the opt-out of who moved");
  world.opted_out("moved5@example.com");
  world.deployment().sql(
      "UPDATE members SET email = 'p5@example.com', name = 'back' WHERE id = 5;"
      "UPDATE members SET email = 'p10@example.com' WHERE id = 11;"
      "DELETE FROM members WHERE id = 10");
  settle(world, "the moves back");
  if (world.status_at_stibee("p5@example.com") == "subscribed")
    throw std::runtime_error("a no did not move along");
  world.stop();
}

constexpr const char* writes_back =
    "    writeback:\n"
    "      unsubscribed: UPDATE members SET email_opt_in = false WHERE id = :key\n"
    "      updated: UPDATE members SET email = :email, name = coalesce(:field_name, name), phone = "
    "coalesce(:field_phone, phone) WHERE id = :key\n";

void webhooks(World& world) {
  world.start();
  auto& deployment = world.deployment();
  edit(world, R"("action":"unsubscribe","emails":["p1@example.com","p2@example.com"],"reason":"too much")");
  require(world.until([&] {
    return deployment.value("SELECT count(*) FROM members WHERE id IN (1, 2) AND email_opt_in") == "0";
  }),
          world, "the opt-outs are not written back");
  world.opted_out("p1@example.com");
  world.opted_out("p2@example.com");
  edit(world, R"("action":"change_email","emails":["p3@example.com"],"new_email":"new3@example.com")");
  edit(world, R"("action":"edit","emails":["p4@example.com"],"fields":{"name":"edited"})");
  require(world.until([&] {
    return deployment.value(
               "SELECT count(*) FROM members WHERE email = 'new3@example.com' OR name = 'edited'") == "2";
  }),
          world, "the edits are not written back");
  deployment.sql("UPDATE members SET name = 'new' WHERE id IN (1, 3, 5)");
  settle(world, "the webhooks");
  world.stop();
}

void reconcile(World& world) {
  auto& deployment = world.deployment();
  deployment.stibee_post("/_sim/webhooks", R"({"1234":""})");
  edit(world, R"("action":"unsubscribe","emails":["p1@example.com"])");
  edit(world, R"("action":"edit","emails":["p3@example.com"],"fields":{"name":"drifted"})");
  edit(world, R"("action":"release_group","emails":["p6@example.com"],"group":11)");
  edit(world, R"("action":"add","emails":["stray@example.com"])");
  world.start();
  require(world.until([&] {
    // Without a daemon the command would do it by itself, and what it keeps would go with what the daemon
    // lost.
    const auto is_up = [&] {
      return world.daemon().running() && world.daemon().err().find("daemon.ready") != std::string::npos;
    };
    if (!is_up()) return false;
    const auto code = deployment.syncd({"reconcile", "--repair"}).exit_code;
    return is_up() && (code == 0 || code == 2);
  }),
          world, "cannot be reconciled");
  world.opted_out("p1@example.com");
  edit(world, R"("action":"unsubscribe","emails":["stray@example.com"])");  // left alone: for the comparison
  deployment.sql("UPDATE members SET name = 'new' WHERE id IN (1, 5)");
  settle(world, "reconciling");
  world.stop();
}

/// "" while it is dead: whoever waits for something starts it again.
std::string metrics(World& world) {
  try {
    return world.deployment().admin("/metrics").body;
  } catch (const std::exception&) {
    return "";
  }
}

void reload(World& world) {
  auto& deployment = world.deployment();
  world.start();
  require(world.until([&] { return world.daemon().err().find("daemon.ready") != std::string::npos; }), world,
          "is not ready");
  auto text = deployment.config_text();
  const std::string before = "name: members";
  text.replace(text.find(before), before.size(), "name: people");
  deployment.write_config(text);
  deployment.sql("UPDATE members SET name = 'new', grade = 'gold' WHERE id <= 4");
  world.daemon().send(SIGHUP);
  require(world.until([&] { return metrics(world).find("mirror=\"people\"") != std::string::npos; }), world,
          "is not reloaded");
  settle(world, "the reload");
  world.stop();
}

std::string dump_of(const std::string& name) {
  std::ifstream in(STIBEE_SOURCE_DIR "/tests/unit/store/older_state/" + name + ".sql");
  return {std::istreambuf_iterator<char>(in), {}};
}

void make_database(const fs::path& file, const std::string& sql) {
  sqlite3* db = nullptr;
  char* message = nullptr;
  const bool made = sqlite3_open(file.c_str(), &db) == SQLITE_OK &&
                    sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message) == SQLITE_OK;
  const std::string why = message == nullptr ? "" : message;
  sqlite3_free(message);
  sqlite3_close(db);
  if (!made) throw std::runtime_error(file.string() + ": " + why);
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

// The first version's state (tests/unit/store/older_state_test.cpp), its table and its list; the mirror is
// not paused any more, and nothing is held.
void older(World& world) {
  auto& deployment = world.deployment();
  deployment.sql(
      "INSERT INTO members SELECT i, 'm' || i || '@example.com', i NOT IN (6, 11), 'name ' || i FROM "
      "generate_series(1, 20) i WHERE i <> 7;"
      "INSERT INTO members VALUES (40, 'm40@example.com', true, 'new')");
  edit(world,
       R"("action":"add","emails":["m1@example.com","m2@example.com","m3@example.com","m4@example.com",)"
       R"("m5@example.com","m6@example.com","m8@example.com","m9@example.com","m10@example.com",)"
       R"("m11@example.com","m12@example.com","m13@example.com","m14@example.com","m15@example.com",)"
       R"("m16@example.com","m17@example.com","m18@example.com","m19@example.com","m20@example.com"])");
  edit(world, R"("action":"unsubscribe","emails":["m5@example.com","m6@example.com"])");
  fs::create_directories(deployment.state());
  fs::permissions(deployment.state(), fs::perms::owner_all);
  make_database(deployment.state() / "state.sqlite",
                "PRAGMA application_id = " + std::to_string(store::application_id) + ";" + dump_of("state") +
                    ";UPDATE mirror SET paused = 0, server_identity = ''; DELETE FROM hold");
  make_database(deployment.state() / "suppressions.sqlite",
                "PRAGMA application_id = " + std::to_string(store::journal_application_id) + ";" +
                    dump_of("suppressions"));
}

void migration(World& world) {
  world.start();
  world.opted_out("m5@example.com");
  world.opted_out("m6@example.com");
  settle(world, "the migration");
  world.stop();
}

void backup(World& world) {
  auto& deployment = world.deployment();
  const auto folder = deployment.directory() / "backup";
  world.start();
  settle(world, "the start");
  const auto made = world.command({"backup", folder.string()});
  if (made.exit_code != 0) {
    // What a command that was killed left behind is whole, or refused.
    if (!world.died()) throw std::runtime_error("no backup: " + made.err);
    fs::create_directories(deployment.directory() / "restored");
  }
  world.tend();
  world.stop();
  if (world.died() && fs::exists(folder) && made.exit_code != 0) {
    const auto restored = deployment.syncd({"restore", folder.string()});
    if (restored.exit_code != 0 && restored.exit_code != 66 && restored.exit_code != 74)
      throw std::runtime_error("half a backup: " + std::to_string(restored.exit_code) + restored.err);
  } else if (deployment.syncd({"restore", folder.string()}).exit_code != 0) {
    throw std::runtime_error("the backup cannot be restored");
  }
  deployment.sql("UPDATE members SET name = 'new' WHERE id = 1");
  world.start();
  settle(world, "the restore");
  world.stop();
}

void make_backup(World& world, const std::string& name) {
  const auto made = world.deployment().syncd({"backup", (world.deployment().directory() / name).string()});
  if (made.exit_code != 0) throw std::runtime_error("no backup: " + made.err);
}

// Of the two copies the first was made before p1 opted out. The daemon was killed, so that its log is there.
void with_older_copies(World& world) {
  synced(world);
  auto& deployment = world.deployment();
  make_backup(world, "copy");
  deployment.stibee_post("/_sim/webhooks", R"({"1234":""})");
  edit(world, R"("action":"unsubscribe","emails":["p1@example.com"])");
  const auto seen = deployment.syncd({"reconcile"}).exit_code;
  if (seen != 0 && seen != 2) throw std::runtime_error("no opt-out was seen");
  deployment.add_members(13, 40);
  if (deployment.syncd({"sync"}).exit_code != 0) throw std::runtime_error("cannot sync");
  make_backup(world, "later-copy");
  world.start();
  deployment.sql("UPDATE members SET name = 'logged' WHERE id BETWEEN 2 AND 15");
  world.opted_out("p1@example.com");
  settle(world, "the change");
  world.daemon().send(SIGKILL);
  world.daemon().wait(10s);
}

void restore(World& world) {
  auto& deployment = world.deployment();
  world.opted_out("p1@example.com");
  auto restored = world.command({"restore", (deployment.directory() / "copy").string()}, World::Again::No);
  // Whoever was cut off may take another copy.
  if (world.died()) restored = world.command({"restore", (deployment.directory() / "later-copy").string()});
  if (restored.exit_code != 0) throw std::runtime_error("not restored: " + restored.err);
  deployment.sql("UPDATE members SET name = 'new' WHERE id IN (1, 2, 30)");
  world.start();
  settle(world, "the restore");
  for (const auto& entry : fs::directory_iterator(deployment.state())) {
    const auto name = entry.path().filename().string();
    if (name.find(".restoring") != std::string::npos || name.find(".damaged-") != std::string::npos)
      throw std::runtime_error(name + " is left behind");
  }
  world.stop();
}

}  // namespace

const std::vector<Story>& stories() {
  static const std::vector<Story> all{
      {"Import", "", nothing, import, ""},
      {"Changes", "", synced, changes, ""},
      {"Moves", "", synced, moves, ""},
      {"Webhooks", writes_back, synced, webhooks, ""},
      {"Reconcile", "", synced, reconcile, ""},
      {"Reload", "", synced, reload, ""},
      {"Migration", "    guard: {max_update_percent: 100}\n", older, migration, ""},
      {"Backup", "", synced, backup, ""},
      {"Restore", "", with_older_copies, restore, ""},
  };
  return all;
}

}  // namespace stibee_sync::fault
