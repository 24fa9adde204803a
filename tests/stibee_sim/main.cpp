#include "server.hpp"

#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file{path};
  if (!file) throw std::invalid_argument("cannot read " + path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = stibee_sim::parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  try {
    stibee_sim::StibeeModel model{options->setup};
    for (const auto& [name, value] : options->switches)
      model.set_switch(name, value);
    if (!options->faults_file.empty()) model.set_faults(read_file(options->faults_file));
    std::ofstream record;
    if (!options->record.empty()) {
      record.open(options->record, std::ios::app);
      if (!record) throw std::invalid_argument("cannot write " + options->record.string());
      model.on_v2_exchange([&record](const stibee_sim::Exchange& exchange) {
        record << stibee_sim::exchange_line(exchange) << '\n' << std::flush;
      });
    }
    stibee_sim::serve(*options, model);
    return 0;
  } catch (const std::invalid_argument& wrong) {
    std::fprintf(stderr, "stibee-sim: %s\n", wrong.what());
    return 64;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stibee-sim: %s\n", error.what());
    return 69;
  }
}
