#pragma once

#include "fault/faults.hpp"
#include "integration/e2e/deployment.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace stibee_sync::fault {

/// A deployment whose daemon runs under faults and is started again when it dies of one, as systemd does. One
/// world serves many runs: each begins with what `remember` saw.
class World {
 public:
  explicit World(const std::string& mirror_extra = {});

  e2e::Deployment& deployment() { return deployment_; }
  Faults& faults() { return faults_; }

  /// Table, list and state as they are now; nobody may run.
  void remember();
  /// All as it was remembered, and nothing counted.
  void begin(bool keeps_synced = false);
  void forget_state();

  /// The daemon, under faults. When it dies it is started again without, once `after_death` has run.
  void start();
  void on_death(std::function<void()> told) { after_death_ = std::move(told); }
  bool died() const { return deaths_ > 0; }
  e2e::Process& daemon() { return *daemon_; }
  /// Starts the daemon again if it died. Throws if it ended in any other way.
  void tend();
  bool until(const std::function<bool()>& done, std::chrono::milliseconds limit = std::chrono::seconds(60));
  /// The daemon ends in order; if it dies on the way, another one does.
  void stop();
  /// A command, under faults unless something died of them already; repeated without if it dies.
  enum class Again { Yes, No };
  e2e::Finished command(const std::vector<std::string>& arguments, Again again = Again::Yes);

  /// List and table are equal but for who opted out, and nobody waits.
  bool settles(std::chrono::milliseconds limit = std::chrono::seconds(60));
  std::vector<std::string> differences();
  /// Somebody who may not be subscribed again, from the next call on.
  void opted_out(const std::string& email);
  void opted_in_again(const std::string& email) { out_.erase(email); }
  std::string status_at_stibee(const std::string& email);

  /// What has gone wrong at Stibee: who opted out is subscribed or was named in a subscribe after that, too
  /// many calls in a window, more people repeated than were on their way when the daemon died.
  std::vector<std::string> wrongs(std::size_t usually_repeated = 0);
  std::size_t repeated_people();
  /// Lines of level error of the daemons that were started after a death.
  std::vector<std::string> errors_after_death() const;

 private:
  void note_death();

  e2e::Deployment deployment_;
  Faults faults_;
  std::function<void()> after_death_;
  std::unique_ptr<e2e::Process> daemon_;
  bool keeps_synced_ = false;
  int starts_ = 0;
  int deaths_ = 0;
  std::size_t in_flight_people_ = 0;
  std::string after_log_;
  struct OptOut {
    std::int64_t from;  // the first call that may not name the person
  };
  std::map<std::string, OptOut> out_;
  std::string people_;  // edits that make the list
  std::string rows_;    // SQL that makes the table
};

/// All of them with STIBEE_LONG, some else: the first, the last and `some` more that the seed chooses.
std::vector<std::uint64_t> chosen(std::uint64_t all, std::size_t some, std::uint64_t seed);
bool is_long();

}  // namespace stibee_sync::fault
