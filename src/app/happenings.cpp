#include "app/happenings.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace stibee_sync::app {
namespace {

using telemetry::Event;
using telemetry::Field;

const Field* field_of(std::span<const Field> fields, std::string_view key) {
  for (const auto& field : fields) {
    if (field.key == key) return &field;
  }
  return nullptr;
}

std::string text_in(std::span<const Field> fields, std::string_view key) {
  const auto* field = field_of(fields, key);
  const auto* text = field == nullptr ? nullptr : std::get_if<std::string>(&field->value);
  return text == nullptr ? std::string() : *text;
}

std::uint64_t count_in(std::span<const Field> fields, std::string_view key) {
  const auto* field = field_of(fields, key);
  if (field == nullptr) return 0;
  if (const auto* number = std::get_if<std::uint64_t>(&field->value)) return *number;
  const auto* number = std::get_if<std::int64_t>(&field->value);
  return number == nullptr || *number < 0 ? 0 : static_cast<std::uint64_t>(*number);
}

bool is_first_import(std::span<const Field> fields) {
  const auto* field = field_of(fields, "first_import");
  const auto* flag = field == nullptr ? nullptr : std::get_if<bool>(&field->value);
  return flag != nullptr && *flag;
}

/// What changes how a mirror or the daemon fares, and nothing that is everyday work.
constexpr Event news[] = {
    Event::DaemonReady,     Event::DaemonReload,     Event::DaemonReloadFailed, Event::SyncFailed,
    Event::GuardHeld,       Event::GuardApproved,    Event::GuardCleared,       Event::SourceUntrusted,
    Event::SourceConnected, Event::SourceLost,       Event::FeedLost,           Event::FeedRestored,
    Event::ApiUnauthorised, Event::ApiRecovered,     Event::ApiCircuitOpen,     Event::ApiCircuitClosed,
    Event::MirrorPaused,    Event::MirrorResumed,    Event::WritebackFailed,    Event::ReconcileDrift,
    Event::StoreFailed,     Event::DeliveryFinished,
};

bool is_news(Event event, std::span<const Field> fields) {
  if (event == Event::DeliveryFinished) return is_first_import(fields);
  return std::find(std::begin(news), std::end(news), event) != std::end(news);
}

bool same(const Happening& one, const Happening& other) {
  return one.event == other.event && one.mirror == other.mirror && one.what == other.what &&
         one.by == other.by;
}

}  // namespace

std::optional<Happening> happening_of(Event event, domain::UtcTime time, std::span<const Field> fields) {
  if (!is_news(event, fields)) return std::nullopt;
  Happening happening;
  happening.event = event;
  happening.time = time;
  happening.mirror = text_in(fields, "mirror");
  happening.what = text_in(fields, event == Event::ReconcileDrift ? "kind" : "class");
  if (event == Event::MirrorPaused || event == Event::MirrorResumed) happening.by = text_in(fields, "by");
  happening.count = count_in(fields, event == Event::DeliveryFinished ? "people" : "count");
  return happening;
}

void Happenings::add(Happening happening) {
  const std::lock_guard lock(mutex_);
  if (!list_.empty() && same(list_.front(), happening)) {
    happening.times += list_.front().times;
    list_.front() = std::move(happening);
    return;
  }
  list_.push_front(std::move(happening));
  if (list_.size() > most) list_.pop_back();
}

std::vector<Happening> Happenings::newest_first() const {
  const std::lock_guard lock(mutex_);
  return {list_.begin(), list_.end()};
}

}  // namespace stibee_sync::app
