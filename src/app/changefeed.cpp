#include "app/exit_code.hpp"
#include "app/mirror_choice.hpp"
#include "app/setup.hpp"
#include "stibee_sync/source/change_feed.hpp"

#include <iostream>
#include <vector>

namespace stibee_sync::app {
namespace {

using Mirrors = std::vector<std::size_t>;

int print_removal(const settings::Settings& settings, const Mirrors& meant) {
  for (const auto i : meant)
    std::cout << source::feed_removal_sql(settings.mirrors[i].name) << "\n";
  return ExitCode::ok;
}

/// Its triggers would cost writers something, and fill a feed that nobody drains.
void warn_of_scan(const settings::Mirror& mirror) {
  if (mirror.detect == settings::Detect::Changefeed) return;
  std::cerr
      << "mirror " << mirror.name
      << ": has `detect: scan`, so nobody will drain its change feed; set `detect: changefeed` there, or "
         "name the mirror that is meant\n";
}

/// Prints what is to be run; what is in the way goes to standard error. A mirror that can have no feed does
/// not keep the others from theirs, but is bad configuration if there are none. Who names a mirror may be
/// about to change its `detect`.
int print_installation(const settings::Settings& settings, const Mirrors& meant, bool by_name) {
  const auto dialect = make_dialect(settings);
  const auto feed = source::make_postgres_change_feed(database_connection(settings));
  bool any = false;
  for (const auto i : meant) {
    const auto& mirror = settings.mirrors[i];
    const source::FeedPlan plan{pipeline::make_mirror_plan(mirror, *dialect).read, mirror.name};
    const auto found = feed->inspect(plan);
    if (const auto* error = std::get_if<source::SourceError>(&found)) {
      std::cerr << "mirror " << mirror.name << ": " << error->message << "\n";
      return exit_code_of(*error);
    }
    const auto& site = std::get<source::FeedSite>(found);
    if (!site.refusal.empty()) {
      std::cerr << "mirror " << mirror.name << ": " << site.refusal << "\n";
      continue;
    }
    if (!by_name) warn_of_scan(mirror);
    std::cout << source::feed_sql(site) << "\n";
    any = true;
  }
  return any ? ExitCode::ok : ExitCode::bad_config;
}

}  // namespace

int changefeed_sql(const Options& options) {
  const auto settings =
      load_settings(options, options.remove ? settings::SecretFiles::Skip : settings::SecretFiles::Read);
  const auto names = names_of(settings);
  const auto meant = mirrors_meant(names, options.mirror);
  if (meant.empty()) {
    std::cerr << no_such_mirror(names, options.mirror) << "\n";
    return ExitCode::no_such_thing;
  }
  return options.remove ? print_removal(settings, meant)
                        : print_installation(settings, meant, !options.mirror.empty());
}

}  // namespace stibee_sync::app
