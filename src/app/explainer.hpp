#pragma once

#include "app/asked.hpp"
#include "app/explanation.hpp"
#include "stibee_sync/pipeline/asker.hpp"
#include "stibee_sync/runtime/clock.hpp"
#include "stibee_sync/runtime/confined.hpp"
#include "stibee_sync/settings/settings.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::app {

/// A list is looked through page by page, as there is no call for one person: so many at most.
inline constexpr std::size_t most_looked_through = 20'000;

/// Finds what is known of one person, for `explain`: in the daemon, or where none runs. Changes nothing. On
/// the loop thread; what it is given outlives it.
class Explainer {
 public:
  Explainer(runtime::Clock& clock, runtime::Confined<store::Store>& store, const domain::StateKey& key,
            runtime::Worker& worker)
      : clock_(clock), store_(store), key_(key), worker_(worker) {}

  /// State and table. Throws store::StoreError.
  boost::asio::awaitable<std::shared_ptr<PersonFacts>> look(pipeline::MirrorPlan plan,
                                                            pipeline::PersonAsked asked,
                                                            std::shared_ptr<source::Reader> reader);
  /// What Stibee says of them now: through API v2, whatever the mirror's.
  boost::asio::awaitable<ThereNow> ask_there(pipeline::Asker* asker, std::int64_t list_id,
                                             domain::EmailAddress email);

 private:
  boost::asio::awaitable<std::shared_ptr<PersonFacts>> recorded_again(std::shared_ptr<PersonFacts> facts);

  runtime::Clock& clock_;
  runtime::Confined<store::Store>& store_;
  const domain::StateKey& key_;
  runtime::Worker& worker_;
};

/// For somebody who waits at a terminal: a table takes no longer than this.
source::Connection patient_connection(const settings::Settings& settings);
/// Reports of all mirrors together; what it says where nobody knows the person.
json::Value explanation_of(const std::vector<std::shared_ptr<PersonFacts>>& mirrors,
                           const delivery::Dialect& dialect, const Showing& showing);
/// Nothing is known anywhere: what would make them known, mirror by mirror; "": something is.
std::string why_unknown(const std::vector<std::shared_ptr<PersonFacts>>& mirrors);
/// … since a table could not be read.
bool table_missing(const std::vector<std::shared_ptr<PersonFacts>>& mirrors);

}  // namespace stibee_sync::app
