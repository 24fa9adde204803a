#include "app/writeback_check.hpp"

#include "stibee_sync/pipeline/writeback.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace stibee_sync::app {
namespace {

using source::SourceError;

/// A problem at the statement's line; the error's words are "what; cure".
settings::Problem at_statement(const settings::Settings& settings, const std::string& path,
                               const std::string& message) {
  const auto end = message.find("; ");
  const auto cure = end == std::string::npos ? "mend the statement" : message.substr(end + 2);
  return settings::problem_at(settings, path, "`" + path + "`: " + message.substr(0, end), cure);
}

using SeeStatement = std::function<void(const std::string& path, const source::WriteStatement& statement)>;

void for_each_statement(const settings::Settings& settings, const delivery::Dialect& dialect,
                        const SeeStatement& see) {
  for (std::size_t i = 0; i < settings.mirrors.size(); ++i) {
    const auto plan = pipeline::make_mirror_plan(settings.mirrors[i], dialect);
    for (const auto& [event, sql] : plan.writeback) {
      const auto path = "mirrors[" + std::to_string(i) + "].writeback." + event;
      if (const auto statement = pipeline::writeback_statement(plan, event)) see(path, *statement);
    }
  }
}

}  // namespace

std::vector<settings::Problem> misnamed_parameters(const settings::Settings& settings,
                                                   const delivery::Dialect& dialect) {
  std::vector<settings::Problem> problems;
  for_each_statement(settings, dialect, [&](const std::string& path, const source::WriteStatement& one) {
    if (const auto error = source::parameter_problem(one))
      problems.push_back(at_statement(settings, path, error->message));
  });
  return problems;
}

PreparedWritebacks prepare_writebacks(source::Writer& writer, const settings::Settings& settings,
                                      const delivery::Dialect& dialect) {
  PreparedWritebacks prepared;
  for_each_statement(settings, dialect, [&](const std::string& path, const source::WriteStatement& one) {
    if (prepared.error) return;
    ++prepared.statements;
    auto error = writer.prepare(one);
    if (!error) return;
    if (error->kind == SourceError::Kind::NotAsMapped) {
      prepared.broken.push_back(at_statement(settings, path, error->message));
    } else if (error->kind == SourceError::Kind::Refused && error->sqlstate == "42501") {
      prepared.forbidden.push_back(at_statement(settings, path, error->message));
    } else {
      prepared.error = std::move(error);
    }
  });
  return prepared;
}

}  // namespace stibee_sync::app
