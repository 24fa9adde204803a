#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/settings/loader.hpp"
#include "stibee_sync/source/writer.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace stibee_sync::app {

/// What is wrong with the parameters of the `writeback` statements, told without asking PostgreSQL.
std::vector<settings::Problem> misnamed_parameters(const settings::Settings& settings,
                                                   const delivery::Dialect& dialect);

/// What PostgreSQL says of them. It prepares each and runs none.
struct PreparedWritebacks {
  PreparedWritebacks() = default;
  std::size_t statements = 0;
  std::vector<settings::Problem> broken;     // the configuration cannot work
  std::vector<settings::Problem> forbidden;  // the role lacks a privilege
  std::optional<source::SourceError> error;  // PostgreSQL cannot be asked
};
PreparedWritebacks prepare_writebacks(source::Writer& writer, const settings::Settings& settings,
                                      const delivery::Dialect& dialect);

}  // namespace stibee_sync::app
