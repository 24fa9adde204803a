#include "app/source_warnings.hpp"

#include "stibee_sync/domain/consent_name.hpp"
#include "stibee_sync/text/ascii.hpp"

#include <string>
#include <string_view>

namespace stibee_sync::app {
namespace {

using domain::ConsentName;

/// Whether a condition speaks of the column: then the rows it leaves are those that were meant.
bool decided_by_condition(const settings::Source& source, std::string_view column) {
  auto condition = text::lower_case(source.where ? *source.where : source.query.value_or(""));
  if (!source.where) {
    const auto where = condition.rfind("where");
    condition = where == std::string::npos ? "" : condition.substr(where);
  }
  return condition.find(text::lower_case(column)) != std::string::npos;
}

void warn_of_consent(const settings::Settings& settings, std::size_t mirror, const source::ReadShape& shape,
                     std::vector<settings::Problem>& warnings) {
  const auto& source = settings.mirrors[mirror].source;
  if (source.subscribed) return;
  for (const auto& column : shape.boolean_columns) {
    const auto named = domain::consent_named(column);
    const bool is_ad_consent = source.ad_agreed && text::equal_ignoring_case(*source.ad_agreed, column);
    if (named == ConsentName::Other || is_ad_consent || decided_by_condition(source, column)) continue;
    const auto path = "mirrors[" + std::to_string(mirror) + "].source";
    const auto cure = named == ConsentName::Yes
                          ? "map it, `subscribed: " + column + "`, if that is what it says"
                          : "if that is what it says, use `query`, select (NOT " + column +
                                ") AS subscribed there, and map `subscribed: subscribed`";
    warnings.push_back(settings::problem_at(
        settings, path,
        "`" + path +
            ".subscribed` is not mapped, so everybody in the table is subscribed, though its column \"" +
            column + "\" looks like " + (named == ConsentName::Yes ? "a consent" : "a refusal"),
        cure));
  }
}

}  // namespace

std::vector<settings::Problem> source_warnings(const settings::Settings& settings, std::size_t mirror,
                                               const source::ReadShape& shape) {
  std::vector<settings::Problem> warnings;
  warn_of_consent(settings, mirror, shape, warnings);
  if (shape.lacks_unique_index) {
    const auto& key = settings.mirrors[mirror].source.key;
    warnings.push_back(settings::problem_at(
        settings, "mirrors[" + std::to_string(mirror) + "].source.key",
        "no index keeps column \"" + key +
            "\" unique and not NULL: two rows with one key stop the mirror until one of them is gone",
        "make it the primary key, or give it NOT NULL and a unique index"));
  }
  for (const auto& relation : shape.row_secured) {
    warnings.push_back(settings::problem_at(settings, "mirrors[" + std::to_string(mirror) + "].source",
                                            "row level security of " + relation +
                                                " applies to the role of `database.url`: people whose rows "
                                                "its policies hide look as if they had left",
                                            "give the role a policy that shows every row, or BYPASSRLS"));
  }
  return warnings;
}

}  // namespace stibee_sync::app
