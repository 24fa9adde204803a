#include "workspace.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::settings {
namespace {

std::string example() {
  std::ifstream file(STIBEE_SOURCE_DIR "/config/stibee-syncd.example.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The example with every optional setting switched on: `#key` becomes `key`, comments (`# word`) stay.
std::string example_with_everything() {
  std::istringstream lines(example());
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    const auto hash = line.find_first_not_of(' ');
    if (hash != std::string::npos && line[hash] == '#' && hash + 1 < line.size() && line[hash + 1] != ' ') {
      line.erase(hash, 1);
    }
    out += line + "\n";
  }
  return out;
}

TEST(Example, LoadsAsItIs) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems(example()), testing::IsEmpty());
}

TEST(Example, LoadsWithEveryOptionSwitchedOnExceptFilesThatAreNotHere) {
  const Workspace workspace;
  EXPECT_THAT(
      workspace.problems(example_with_everything()),
      testing::ElementsAre(testing::HasSubstr("`stibee.ca_file` names \"/etc/stibee-syncd/ca.pem\"")));
}

TEST(Example, HasEveryKnownKey) {
  const Workspace workspace;
  const auto result = workspace.load(example_with_everything(), SecretFiles::Skip);
  ASSERT_TRUE(result.ok());
  std::vector<std::string> missing;
  for (const std::string& key : known_keys()) {
    std::string path;
    for (const char c : key)
      path.append(1, c).append(c == '[' ? "0" : "");
    if (!result.settings().places.contains(path)) missing.push_back(key);
  }
  // The query excludes `table`.
  EXPECT_THAT(missing, testing::UnorderedElementsAre("mirrors[].source.query"));
  EXPECT_THAT(example(), testing::HasSubstr("query: SELECT"));
}

TEST(Example, HasTheKeysOfEachBlockInTheOrderOfItsTable) {
  const Workspace workspace;
  const auto result = workspace.load(example_with_everything(), SecretFiles::Skip);
  ASSERT_TRUE(result.ok());
  std::map<std::string, std::vector<int>> lines;  // of the keys of a block
  for (const std::string& key : known_keys()) {
    std::string path = key;
    if (const auto list = path.find("[]"); list != std::string::npos) path.insert(list + 1, "0");
    const auto place = result.settings().places.find(path);
    if (place != result.settings().places.end())
      lines[key.substr(0, key.find_last_of('.') + 1)].push_back(place->second.line);
  }
  EXPECT_EQ(lines.size(), 15U);
  for (const auto& [block, numbers] : lines)
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end())) << block;
}

/// The keys that docs/configuration.md has a row for, in its order.
std::vector<std::string> documented_keys() {
  std::ifstream file(STIBEE_SOURCE_DIR "/docs/configuration.md");
  std::vector<std::string> keys;
  const std::string begin = "| `";
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(begin)) continue;
    keys.push_back(line.substr(begin.size(), line.find('`', begin.size()) - begin.size()));
  }
  return keys;
}

/// Those that are no blocks.
std::vector<std::string> keys_with_values() {
  std::vector<std::string> keys;
  const auto all = known_keys();
  for (const auto& key : all) {
    const bool is_block = std::any_of(all.begin(), all.end(), [&](const std::string& other) {
      return other.starts_with(key + ".") || other.starts_with(key + "[].");
    });
    if (!is_block) keys.push_back(key);
  }
  return keys;
}

TEST(Example, AndTheReferenceHasEveryKeyToo) {
  EXPECT_THAT(documented_keys(), testing::UnorderedElementsAreArray(keys_with_values()));
}

TEST(Example, ShowsTheDefaultsWhereItSaysSo) {
  const Workspace workspace;
  const auto everything = workspace.load(example_with_everything(), SecretFiles::Skip);
  const auto nothing = workspace.load(minimal(), SecretFiles::Skip);
  ASSERT_TRUE(everything.ok() && nothing.ok());
  const Settings& shown = everything.settings();
  const Settings& defaults = nothing.settings();

  EXPECT_EQ(shown.stibee.api, defaults.stibee.api);
  EXPECT_EQ(shown.stibee.base_url, defaults.stibee.base_url);
  EXPECT_EQ(shown.stibee.rate_limit, defaults.stibee.rate_limit);
  EXPECT_EQ(shown.stibee.rate_limits, defaults.stibee.rate_limits);
  EXPECT_EQ(shown.stibee.request_timeout, defaults.stibee.request_timeout);
  EXPECT_EQ(shown.stibee.max_in_flight, defaults.stibee.max_in_flight);
  EXPECT_EQ(shown.state, defaults.state);
  EXPECT_EQ(shown.log, defaults.log);
  EXPECT_EQ(shown.admin, defaults.admin);
  ASSERT_TRUE(shown.notify);
  EXPECT_EQ(shown.notify->format, Notify{}.format);
  EXPECT_EQ(shown.notify->language, Notify{}.language);
  EXPECT_EQ(shown.notify->on, Notify{}.on);
  ASSERT_TRUE(shown.webhook);
  EXPECT_EQ(shown.webhook->listen, Webhook{}.listen);
  EXPECT_EQ(shown.webhook->allow_from, Webhook{}.allow_from);
  EXPECT_EQ(shown.webhook->trusted_proxies, Webhook{}.trusted_proxies);
  const Mirror& mirror = shown.mirrors.at(0);
  EXPECT_EQ(mirror.source.time_zone, Source{}.time_zone);
  EXPECT_EQ(mirror.on_leave, Mirror{}.on_leave);
  EXPECT_EQ(mirror.poll_interval, Mirror{}.poll_interval);
  EXPECT_EQ(mirror.confirm_email, Mirror{}.confirm_email);
  EXPECT_EQ(mirror.on_remote_purge, Mirror{}.on_remote_purge);
  EXPECT_EQ(mirror.guard, Mirror{}.guard);
  EXPECT_EQ(mirror.reconcile, Mirror{}.reconcile);
}

}  // namespace
}  // namespace stibee_sync::settings
