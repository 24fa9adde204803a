// Whatever Stibee answers, reading it gives each person an outcome, and nothing of anybody gets into reasons
// and messages. An input is a line "API OPERATION PEOPLE STATUS" and the body after it.
#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/delivery/v2_reading.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace stibee_sync;

void require(bool condition, std::string_view what) {
  if (condition) return;
  std::cerr << "violated: " << what << '\n';
  std::abort();
}

bool is_safe_reason(std::optional<domain::Reason> reason) {
  const std::string text = name(reason);
  return text.size() <= 64 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

bool is_safe_message(const std::string& message) {
  if (message.size() > 200 || message.find('@') != std::string::npos) return false;
  int digits = 0;
  for (const char c : message) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits >= 7) return false;
  }
  return true;
}

domain::Operation operation_named(const std::string& word) {
  for (const domain::OperationKind kind : domain::all_operation_kinds) {
    if (domain::name(kind) == word)
      return {kind, kind == domain::OperationKind::AssignGroup || kind == domain::OperationKind::ReleaseGroup
                        ? domain::GroupSet{12}
                        : domain::GroupSet{}};
  }
  return {};
}

std::unique_ptr<delivery::Dialect> dialect_named(const std::string& api) {
  if (api == "v2-v1") return delivery::make_v2_resubscribing_via_v1();
  return api == "v2" ? delivery::make_v2() : delivery::make_v1();
}

void check(const delivery::CallResult& result, std::size_t people) {
  require(result.outcomes.size() == people, "everybody has an outcome");
  require(is_safe_reason(result.reason), "the call's reason is safe");
  require(is_safe_message(result.message), "the call's message is safe");
  for (const domain::Outcome& outcome : result.outcomes) {
    require(is_safe_reason(outcome.reason), "a reason is safe");
    require(is_safe_message(outcome.message), "a message is safe");
    require(result.verdict == delivery::CallVerdict::Answered ||
                (outcome.kind != domain::OutcomeKind::Delivered &&
                 outcome.kind != domain::OutcomeKind::AlreadyInState),
            "nobody is delivered by a call that failed");
  }
}

template <typename T>
void check_read(const delivery::v2::Read<T>& read) {
  if (const auto* failed = std::get_if<delivery::CallResult>(&read)) check(*failed, 0);
}

void check_reading(const delivery::ApiAnswer& answer) {
  check_read(delivery::v2::read_count(answer));
  check_read(delivery::v2::read_groups(answer));
  check_read(delivery::v2::read_created_group(answer));
  const auto list = delivery::v2::read_list(answer);
  check_read(list);
  if (const auto* page = std::get_if<delivery::v2::ListPage>(&list))
    require(page->people.size() <= page->entries, "no more people than entries");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line_end = std::min(input.find('\n'), input.size());
  std::istringstream line{std::string(input.substr(0, line_end))};
  std::string api;
  std::string word;
  std::size_t people = 1;
  delivery::ApiAnswer answer;
  line >> api >> word >> people >> answer.status;
  answer.status = std::clamp(answer.status, 100, 599);
  answer.body = input.substr(std::min(line_end + 1, input.size()));

  std::vector<delivery::Recipient> recipients;
  for (std::size_t i = 0; i < 1 + people % 3; ++i) {
    delivery::Recipient recipient;
    recipient.email =
        domain::EmailAddress::from_normalised(std::string(1, static_cast<char>('a' + i)) + "@example.com");
    recipient.operation = operation_named(word);
    recipient.fields = {{"name", "고길동"}};
    recipients.push_back(recipient);
  }
  const auto dialect = dialect_named(api);
  check(dialect->read(recipients, answer), recipients.size());
  check(dialect->read_probe(answer), 0);
  check_reading(answer);
  return 0;
}
