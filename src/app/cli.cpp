#include "app/cli.hpp"

#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/setup.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/text/nearest.hpp"

#include <algorithm>
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>

namespace stibee_sync::app {
namespace {

int print_version(const Options& options) {
  if (options.json) {
    json::Value report;
    report.set("version", 1);
    report.set("program", "stibee-syncd");
    report.set("program_version", STIBEE_VERSION);
    std::cout << json::to_pretty_string(report) << "\n";
  } else {
    std::cout << "stibee-syncd " << STIBEE_VERSION << "\n";
  }
  return ExitCode::ok;
}

using Command = std::function<int(const Options&)>;

/// The commands, their words and their help. What was chosen lands in `chosen`.
class CommandLine {
 public:
  CommandLine() : app_("Mirrors a member table in PostgreSQL into a Stibee mailing list.", "stibee-syncd") {
    app_.add_option("--config", options_.config, "The configuration file")
        ->capture_default_str()
        ->type_name("FILE");
    app_.set_version_flag("--version", "stibee-syncd " STIBEE_VERSION, "Print the version");
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.footer(
        "Exit codes: 0 done, 1 status: needs attention, 2 plan, reconcile: differences, 64 usage,\n"
        "66 no such thing, 69 unreachable, 70 internal error, 74 disk trouble,\n"
        "75 try later or another instance runs, 76 held by the guard, 77 refused, 78 bad configuration.");

    add("run", "Run the daemon until SIGTERM; SIGHUP reloads the configuration", run_daemon);
    with_json(add("reload", "Make the running daemon read its configuration again, and wait for the result",
                  reload));
    with_json(add("check", "Check the configuration, the database with every mapped column, and the API key",
                  check));
    auto* plan_command =
        add("plan", "Show what would be sent, and what the guard says; sends and stores nothing", plan);
    with_json(plan_command);
    with_mirror(plan_command);
    with_reveal(plan_command);
    plan_command->add_flag("--detailed-exitcode", options_.detailed_exitcode,
                           "Exit with 2 when there are changes");
    auto* sync_command = add("sync", "One full pass without a daemon: read, compare, deliver, end", sync);
    with_json(sync_command);
    with_timeout(sync_command);
    with_json(
        add("status",
            "Mirrors, people, queue, holds, limiter; exit 1 when something needs attention or no daemon runs",
            status));
    auto* failures_command =
        add("failures", "Who cannot be sent: how many for which reason, the cure, and the people", failures);
    failures_command->add_option("--reason", options_.reason, "Only those with this reason")
        ->type_name("REASON");
    failures_command
        ->add_option("--limit", options_.limit, "So many people at most (100; with --json 100000)")
        ->type_name("N");
    with_reveal(failures_command);
    with_json(failures_command);
    with_mirror(failures_command);
    auto* retry_command =
        add("retry", "Send parked people again: all, or those with a reason, or one address", retry);
    retry_command->add_option("what", options_.argument, "A reason from `failures`, or an address")
        ->type_name("REASON|EMAIL");
    with_json(retry_command);
    with_mirror(retry_command);

    auto* guard_command = add("guard", "Change sets that wait for a human", guard);
    with_json(guard_command);
    auto* show =
        guard_command->add_subcommand("show", "Who is in a change set, and what would happen to them");
    show->add_option("digest", options_.argument, "The digest that `guard` shows")
        ->required()
        ->type_name("DIGEST");
    with_reveal(show);
    show->callback([this] { chosen_ = guard_show; });
    with_json(show);
    auto* approve = guard_command->add_subcommand(
        "approve", "Release those of a change set whom the next read still finds, once, within an hour");
    approve->add_option("digest", options_.argument, "The digest that `guard` shows")
        ->required()
        ->type_name("DIGEST");
    approve->callback([this] { chosen_ = guard_approve; });
    with_json(approve);

    add_people();
    for (auto* command : {add("pause", "Read and send nothing until `resume`", pause),
                          add("resume", "Go on after `pause`", resume)}) {
      command->add_option("mirror", options_.mirror, "The same as --mirror")->type_name("NAME");
      with_json(command);
      with_mirror(command);
      if (command->get_name() == "pause")
        as_time(
            command->add_option("--for", options_.pause_for, "Go on by itself after this long, such as 2h"));
    }
    auto* sync_now_command = add("sync-now", "Make the running daemon read every table now", sync_now);
    with_json(sync_now_command);
    with_mirror(sync_now_command);
    sync_now_command->add_flag("--wait", options_.wait, "Wait until what the tables have is at Stibee");
    with_timeout(sync_now_command);
    auto* reconcile_command = add(
        "reconcile", "Compare the table with Stibee's own list; exit 2 when differences remain", reconcile);
    with_json(reconcile_command);
    with_mirror(reconcile_command);
    reconcile_command->add_flag("--repair", options_.repair,
                                "Send what mends the differences, and wait until it is delivered");
    add_with_folder("backup", "Copy the state into a folder, also beside a running daemon", backup);
    add_with_folder("restore", "Put a backup back, while no daemon runs", restore);
    add_changefeed();
    with_json(add("version", "Print the version", print_version));
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      const bool help = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
      if (!help && app_.get_subcommands().empty()) {
        const auto words = app_.remaining();
        const auto word = std::find_if(words.begin(), words.end(),
                                       [](const std::string& one) { return !one.starts_with('-'); });
        if (word != words.end()) {
          std::cerr << unknown(app_, *word);
          return ExitCode::usage;
        }
      }
      app_.exit(error, std::cout, std::cerr);
      return help ? ExitCode::ok : ExitCode::usage;
    }
    return chosen_(options_);
  }

 private:
  CLI::App* add(const std::string& name, const std::string& help, Command command) {
    auto* added = app_.add_subcommand(name, help);
    // Callbacks of parents run after those of their subcommands, so the innermost command, chosen first,
    // stays.
    added->callback([this, command = std::move(command)] {
      if (!chosen_) chosen_ = command;
    });
    return added;
  }
  void add_with_folder(const std::string& name, const std::string& help, Command command) {
    auto* added = add(name, help, std::move(command));
    added->add_option("directory", options_.argument, "The folder of the backup")
        ->required()
        ->type_name("DIR");
    with_json(added);
  }
  void add_changefeed() {
    auto* changefeed =
        app_.add_subcommand("changefeed", "How PostgreSQL tells of changes at once (`detect: changefeed`)");
    changefeed->require_subcommand(1);
    auto* sql = changefeed->add_subcommand(
        "sql",
        "Print the SQL that makes the change feed of one mirror or all, for the owner of the table to run");
    sql->add_option("mirror", options_.mirror, "Only this mirror")->type_name("NAME");
    sql->add_flag("--remove", options_.remove, "Print the SQL that removes it instead");
    sql->callback([this] { chosen_ = changefeed_sql; });
  }

  static std::string unknown(const CLI::App& app, const std::string& word) {
    std::vector<std::string> names;
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(command->get_name());
    constexpr std::size_t slips = 3;
    const auto near = text::nearest(word, names, 1, slips);
    return "unknown command `" + word + "`; " +
           (near.empty() ? "" : "did you mean `stibee-syncd " + near.front() + "`? ") +
           "`stibee-syncd --help` lists those there are\n";
  }

  /// A time in milliseconds, written with its unit.
  static CLI::Option* as_time(CLI::Option* option) {
    const std::map<std::string, std::int64_t> units{
        {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
    return option
        ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::UNIT_REQUIRED).description(""))
        ->check([](const std::string& milliseconds) {
          return milliseconds.starts_with('-') || milliseconds == "0"
                     ? "must be more than nothing, such as 30s or 10m"
                     : std::string();
        })
        ->type_name("TIME");
  }

  void with_timeout(CLI::App* command) {
    as_time(command->add_option("--timeout", options_.timeout,
                                "Give up after this long without progress, such as 30s or 10m"))
        ->default_str("10m");
  }

  /// What is asked about one person.
  void add_people() {
    auto* explain_command =
        add("explain",
            "Why one person is, or is not, on the list: row, rule, opt-outs, calls, and what is sent next",
            explain);
    explain_command->add_option("email", options_.argument, "Whom it is about")->type_name("EMAIL");
    explain_command->add_option("--key", options_.key, "… or the key of their row")->type_name("KEY");
    with_reveal(explain_command);
    with_json(explain_command);
    with_mirror(explain_command);

    auto* forget_command = add(
        "forget", "Erase a person who has left from every local file, but for the keyed hash of an opt-out",
        forget);
    forget_command->add_option("email", options_.argument, "Whom")->required()->type_name("EMAIL");
    forget_command->add_flag(
        "--forgotten-by-leader", options_.by_leader,
        "The daemon that leads (database.leader_lock) has forgotten them, so this host need not tell Stibee");
    with_json(forget_command);
  }

  void with_reveal(CLI::App* command) {
    command->add_flag("--reveal", options_.reveal, "Show addresses and values in full; that is logged");
  }
  void with_json(CLI::App* command) { command->add_flag("--json", options_.json, "Report as JSON"); }

  void with_mirror(CLI::App* command) {
    command->add_option("--mirror", options_.mirror, "Only this mirror")->type_name("NAME");
  }

  Options options_;
  Command chosen_;
  CLI::App app_;
};

}  // namespace

int run_cli(int argc, char** argv) {
  try {
    CommandLine line;
    return line.run(argc, argv);
  } catch (const Exit& exit) {
    return exit.code;
  } catch (const store::StoreError& error) {
    std::cerr << error.what() << "\n";
    return ExitCode::io_error;
  } catch (const std::exception& error) {
    std::cerr << "internal error: " << privacy::sanitise(error.what()) << "\n";
    return ExitCode::internal;
  }
}

}  // namespace stibee_sync::app
