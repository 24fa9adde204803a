#include "store/scan_record.hpp"

#include "stibee_sync/store/store_error.hpp"

#include <cstring>
#include <utility>

namespace stibee_sync::store {
namespace {

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  void flags(std::initializer_list<bool> bits) {
    unsigned value = 0;
    unsigned bit = 1;
    for (const bool set : bits) {
      if (set) value |= bit;
      bit <<= 1;
    }
    number(value);
  }
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      out_ += static_cast<char>(value | 0x80);
      value >>= 7;
    }
    out_ += static_cast<char>(value);
  }
  void integer(std::int64_t value) {
    number((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }
  void fingerprint(const domain::Fingerprint& value) {
    out_.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  }
  void time(const std::optional<domain::UtcTime>& value) {
    number(value ? 1 : 0);
    if (value) integer(value->time_since_epoch().count());
  }
  void flag(const std::optional<bool>& value) { number(value ? (*value ? 2 : 1) : 0); }
  void groups(const domain::GroupSet& value) {
    number(value.size());
    for (const auto group : value)
      integer(group);
  }
  void fields(const domain::FieldValues& value) {
    number(value.size());
    for (const auto& field : value) {
      text(field.tag);
      text(field.value);
    }
  }
  void suppression(const ledger::Suppression& value) {
    time(value.at);
    text(value.by);
    text(value.reason);
    time(value.consent);
  }
  void key(const domain::MemberKey& value) {
    number(value.is_integer() ? 0 : 1);
    if (value.is_integer()) {
      integer(value.integer());
    } else {
      text(value.text());
    }
  }

 private:
  std::string& out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    damaged();
  }
  std::int64_t integer() {
    const auto value = number();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  std::string text() { return std::string(take(number())); }
  domain::Fingerprint fingerprint() {
    domain::Fingerprint value;
    std::memcpy(value.bytes.data(), take(value.bytes.size()).data(), value.bytes.size());
    return value;
  }
  std::optional<domain::UtcTime> time() {
    if (number() == 0) return std::nullopt;
    return domain::UtcTime(std::chrono::milliseconds(integer()));
  }
  std::optional<bool> flag() {
    const auto value = number();
    if (value == 0) return std::nullopt;
    return value == 2;
  }
  domain::GroupSet groups() {
    domain::GroupSet value;
    for (auto count = number(); count > 0; --count)
      value.push_back(integer());
    return value;
  }
  domain::FieldValues fields() {
    domain::FieldValues value;
    for (auto count = number(); count > 0; --count) {
      domain::FieldValue field;
      field.tag = text();
      field.value = text();
      value.push_back(std::move(field));
    }
    return value;
  }
  ledger::Suppression suppression() {
    ledger::Suppression value;
    value.at = time().value_or(domain::UtcTime{});
    value.by = text();
    value.reason = text();
    value.consent = time();
    return value;
  }
  domain::MemberKey key() {
    if (number() == 0) return domain::MemberKey(integer());
    return domain::MemberKey(text());
  }

 private:
  [[noreturn]] static void damaged() { throw StoreError("a staged read is damaged; it will be repeated"); }
  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size()) damaged();
    const auto part = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return part;
  }
  std::string_view bytes_;
};

bool bit(std::uint64_t flags, unsigned index) {
  return ((flags >> index) & 1) != 0;
}

}  // namespace

void append_sort_key(std::string& out, const domain::MemberKey& key) {
  if (!key.is_integer()) {
    out += '\2';
    out += key.text();
    return;
  }
  out += '\1';
  const auto value = static_cast<std::uint64_t>(key.integer()) ^ (std::uint64_t{1} << 63);
  for (int shift = 56; shift >= 0; shift -= 8)
    out += static_cast<char>((value >> shift) & 0xff);
}

domain::MemberKey key_from_sort_key(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (bytes[0] != '\1') return domain::MemberKey(std::string(bytes.substr(1)));
  std::uint64_t value = 0;
  for (const char c : bytes.substr(1))
    value = (value << 8) | static_cast<unsigned char>(c);
  return domain::MemberKey(static_cast<std::int64_t>(value ^ (std::uint64_t{1} << 63)));
}

void append_sort_key(std::string& out, std::string_view email, const domain::MemberKey& key) {
  out += email;
  out += '\0';
  append_sort_key(out, key);
}

std::string_view email_of_sort_key(std::string_view bytes) {
  return bytes.substr(0, bytes.find('\0'));
}

void append_payload(std::string& out, const RowRecord& record) {
  Writer writer(out);
  writer.flags({record.gone, record.existed, record.unchanged, record.email.has_value(),
                record.old_email.has_value(), record.subscribed});
  writer.fingerprint(record.fingerprint);
  if (record.email) writer.text(*record.email);
  if (record.old_email) writer.text(*record.old_email);
  writer.text(record.rejection);
  writer.text(record.rejected_column);
}

RowRecord row_record(std::string_view sort_key, std::string_view payload) {
  Reader reader(payload);
  RowRecord record;
  record.key = key_from_sort_key(sort_key);
  const auto flags = reader.number();
  record.gone = bit(flags, 0);
  record.existed = bit(flags, 1);
  record.unchanged = bit(flags, 2);
  record.subscribed = bit(flags, 5);
  record.fingerprint = reader.fingerprint();
  if (bit(flags, 3)) record.email = reader.text();
  if (bit(flags, 4)) record.old_email = reader.text();
  record.rejection = reader.text();
  record.rejected_column = reader.text();
  return record;
}

void append_payload(std::string& out, const AddressEvent& event) {
  Writer writer(out);
  writer.number(static_cast<std::uint64_t>(event.kind));
  writer.flags({event.moves, event.subscribed, event.rejected, event.base_shadowed, event.member.has_value(),
                event.gone, event.steady});
  writer.flag(event.was_subscribed);
  if (!event.member) return;
  const auto& member = *event.member;
  writer.number(member.subscribed ? 1 : 0);
  writer.time(member.consented_at);
  writer.flag(member.ad_agreed);
  writer.groups(member.groups);
  writer.fields(member.fields);
}

AddressEvent address_event(std::string_view sort_key, std::string_view payload) {
  Reader reader(payload);
  AddressEvent event;
  const auto email = email_of_sort_key(sort_key);
  event.email = email;
  event.kind = static_cast<AddressEvent::Kind>(reader.number());
  if (event.kind != AddressEvent::Kind::Touched)
    event.key = key_from_sort_key(sort_key.substr(email.size() + 1));
  const auto flags = reader.number();
  event.moves = bit(flags, 0);
  event.subscribed = bit(flags, 1);
  event.rejected = bit(flags, 2);
  event.base_shadowed = bit(flags, 3);
  event.gone = bit(flags, 5);
  event.steady = bit(flags, 6);
  event.was_subscribed = reader.flag();
  if (!bit(flags, 4)) return event;
  auto& member = event.member.emplace();
  member.email = domain::EmailAddress::from_normalised(event.email);
  member.subscribed = reader.number() != 0;
  member.consented_at = reader.time();
  member.ad_agreed = reader.flag();
  member.groups = reader.groups();
  member.fields = reader.fields();
  return event;
}

void append_payload(std::string& out, const Listed& listed) {
  Writer writer(out);
  writer.flags({listed.status.has_value(), listed.groups.has_value()});
  if (listed.status) writer.number(static_cast<std::uint64_t>(*listed.status));
  writer.fingerprint(listed.fields);
  writer.flag(listed.ad_agreed);
  if (listed.groups) writer.groups(*listed.groups);
  writer.time(listed.modified);
}

Listed listed_record(std::string_view payload) {
  Reader reader(payload);
  Listed listed;
  const auto flags = reader.number();
  if (bit(flags, 0)) listed.status = static_cast<domain::RemoteStatus>(reader.number());
  listed.fields = reader.fingerprint();
  listed.ad_agreed = reader.flag();
  if (bit(flags, 1)) listed.groups = reader.groups();
  listed.modified = reader.time();
  return listed;
}

void append_record(std::string& out, const DecisionRecord& record) {
  Writer writer(out);
  const auto& decision = record.decision;
  const auto& wanted = decision.wanted;
  writer.number(static_cast<std::uint64_t>(record.stage));
  writer.text(record.email);
  writer.flags({record.touched, decision.values.has_value(), decision.key.has_value(),
                decision.inherits.has_value(), wanted.silenced, record.item.has_value(),
                decision.overtakes_resubscribe, decision.moves_consent});
  writer.integer(record.change_class);
  writer.number(static_cast<std::uint64_t>(wanted.intent));
  writer.fingerprint(wanted.fields);
  writer.flag(wanted.ad_agreed);
  writer.groups(wanted.groups);
  writer.time(wanted.consented_at);
  writer.time(wanted.opted_in_at);
  writer.time(wanted.left_at);
  writer.time(wanted.renewed);
  if (decision.values) writer.fields(*decision.values);
  if (decision.key) writer.key(*decision.key);
  if (decision.inherits) writer.suppression(*decision.inherits);
  if (record.item) writer.fingerprint(*record.item);
  writer.number(record.rows.size());
  for (const auto& row : record.rows) {
    writer.key(row.key);
    writer.number(row.moves ? 1 : 0);
  }
  writer.number(record.shadows.size());
  for (const auto& shadow : record.shadows) {
    writer.key(shadow.key);
    writer.number(shadow.shadowed ? 1 : 0);
  }
}

Stage stage_of_record(std::string_view bytes) {
  return static_cast<Stage>(Reader(bytes).number());
}

DecisionRecord decision_record(std::string_view bytes) {
  Reader reader(bytes);
  DecisionRecord record;
  auto& decision = record.decision;
  auto& wanted = decision.wanted;
  record.stage = static_cast<Stage>(reader.number());
  record.email = reader.text();
  const auto flags = reader.number();
  record.touched = bit(flags, 0);
  record.change_class = static_cast<int>(reader.integer());
  wanted.intent = static_cast<domain::Intent>(reader.number());
  wanted.fields = reader.fingerprint();
  wanted.ad_agreed = reader.flag();
  wanted.groups = reader.groups();
  wanted.consented_at = reader.time();
  wanted.opted_in_at = reader.time();
  wanted.left_at = reader.time();
  wanted.renewed = reader.time();
  wanted.silenced = bit(flags, 4);
  decision.overtakes_resubscribe = bit(flags, 6);
  decision.moves_consent = bit(flags, 7);
  if (bit(flags, 1)) decision.values = reader.fields();
  if (bit(flags, 2)) decision.key = reader.key();
  if (bit(flags, 3)) decision.inherits = reader.suppression();
  if (bit(flags, 5)) record.item = reader.fingerprint();
  for (auto count = reader.number(); count > 0; --count) {
    auto key = reader.key();
    record.rows.push_back({std::move(key), reader.number() != 0});
  }
  for (auto count = reader.number(); count > 0; --count) {
    auto key = reader.key();
    record.shadows.push_back({std::move(key), reader.number() != 0});
  }
  return record;
}

}  // namespace stibee_sync::store
