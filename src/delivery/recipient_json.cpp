#include "recipient_json.hpp"

#include "stibee_sync/json/value.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "wording.hpp"

namespace stibee_sync::delivery {

namespace {

domain::OperationKind call_of(domain::OperationKind kind) {
  return kind == domain::OperationKind::Update ? domain::OperationKind::Subscribe : kind;
}

}  // namespace

void append_fields(std::string& out, const domain::FieldValues& fields, bool leading_comma) {
  for (const domain::FieldValue& field : fields) {
    const std::string tag = text::lower_case(field.tag);
    if (tag == "email" || tag.starts_with('$')) continue;
    if (leading_comma) out += ',';
    leading_comma = true;
    json::append_quoted(out, field.tag);
    out += ':';
    json::append_quoted(out, field.value);
  }
}

bool same_shape(const domain::Operation& a, const domain::Operation& b) {
  const auto alone = domain::ConsentRide::Alone;
  return call_of(a.kind) == call_of(b.kind) && a.groups == b.groups && a.confirm == b.confirm &&
         (a.consent == alone) == (b.consent == alone);
}

}  // namespace stibee_sync::delivery
