#include "stibee_sync/json/value.hpp"

#include <cmath>
#include <new>

#include <boost/json.hpp>

namespace stibee_sync::json {

namespace {

namespace bj = boost::json;

constexpr std::size_t max_depth = 32;

// False for what has no finite value: a number such as 1e999.
bool convert(const bj::value& from, Value& to) {
  switch (from.kind()) {
    case bj::kind::null:
      to = Value();
      return true;
    case bj::kind::bool_:
      to = Value(from.get_bool());
      return true;
    case bj::kind::int64:
      to = Value(from.get_int64());
      return true;
    case bj::kind::uint64:
      // Boost uses this kind only for what is beyond int64.
      to = Value(static_cast<double>(from.get_uint64()));
      return true;
    case bj::kind::double_:
      if (!std::isfinite(from.get_double())) return false;
      to = Value(from.get_double());
      return true;
    case bj::kind::string:
      to = Value(std::string(from.get_string().begin(), from.get_string().end()));
      return true;
    case bj::kind::array: {
      Value::Array elements(from.get_array().size());
      std::size_t i = 0;
      for (const bj::value& element : from.get_array()) {
        if (!convert(element, elements[i++])) return false;
      }
      to = Value(std::move(elements));
      return true;
    }
    case bj::kind::object: {
      Value::Object members;
      members.reserve(from.get_object().size());
      for (const bj::key_value_pair& member : from.get_object()) {
        members.emplace_back(std::string(member.key()), Value());
        if (!convert(member.value(), members.back().second)) return false;
      }
      to = Value(std::move(members));
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<Value> parse(std::string_view text) {
  bj::parse_options options;
  options.max_depth = max_depth;
  bj::error_code error;
  // Some senders begin with a byte order mark, which is no part of the JSON (RFC 8259, section 8.1).
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  const bj::value parsed = bj::parse(bj::string_view(text.data(), text.size()), error, {}, options);
  if (error) return std::nullopt;
  Value result;
  if (!convert(parsed, result)) return std::nullopt;
  return result;
}

}  // namespace stibee_sync::json
