#include "answers.hpp"

#include <cstdio>

namespace stibee_sim {

namespace {

constexpr std::string_view json_type = "application/json; charset=utf-8";

HttpAnswer make(int status, std::string_view type, std::string body) {
  HttpAnswer answer;
  answer.status = status;
  answer.content_type = type;
  answer.body = std::move(body);
  return answer;
}

std::string v1_error_body(const Switches& switches, int inner_status, const Problem& problem) {
  const bool upper = switches.is(Switch::V1ErrorKeys, "upper");
  const bool upper_envelope = switches.is(Switch::V1EnvelopeKeys, "upper");
  std::string body = upper_envelope ? R"({"Ok":false,"Error":{)" : R"({"ok":false,"error":{)";
  body += upper ? R"("Code":)" : R"("code":)";
  append_json_string(body, problem.code);
  body += upper ? R"(,"HttpStatusCode":)" : R"(,"httpStatusCode":)";
  body += std::to_string(inner_status);
  body += upper ? R"(,"Message":)" : R"(,"message":)";
  append_json_string(body, problem.message);
  body += upper_envelope ? R"(},"Value":null})" : R"(},"value":null})";
  return body;
}

std::string v2_error_body(const Switches& switches, int status, const Problem& problem) {
  const bool upper = switches.is(Switch::V2ErrorKeys, "upper");
  std::string code = problem.code;
  if (!switches.is(Switch::V2LimitNamespace, "documented") &&
      (code.ends_with(".LimitExceeded") || code.ends_with(".TooLongData"))) {
    const auto name = code.substr(code.rfind('.'));
    code = switches.is(Switch::V2LimitNamespace, "list") ? "Errors.List" + name : "Errors.Data" + name;
  }
  if (switches.is(Switch::V2CodePrefix, "yes") && code.starts_with("Errors.")) code.insert(0, "stberror.");
  std::string body = upper ? R"({"Code":)" : R"({"code":)";
  append_json_string(body, code);
  body += upper ? R"(,"HttpStatusCode":)" : R"(,"httpStatusCode":)";
  body += std::to_string(status);
  if (switches.is(Switch::V2ErrorMessage, "yes")) {
    body += upper ? R"(,"Message":)" : R"(,"message":)";
    append_json_string(body, problem.message);
  }
  body += '}';
  return body;
}

struct Clock {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::microseconds> time;
};

Clock clock_of(SimTime time, std::chrono::hours offset) {
  const auto local = time + offset;
  const auto day = std::chrono::floor<std::chrono::days>(local);
  return Clock{std::chrono::year_month_day{day},
               std::chrono::hh_mm_ss<std::chrono::microseconds>{local - day}};
}

std::string format(const Clock& clock, char between, bool fraction) {
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u%c%02d:%02d:%02d", static_cast<int>(clock.date.year()),
                static_cast<unsigned>(clock.date.month()), static_cast<unsigned>(clock.date.day()), between,
                static_cast<int>(clock.time.hours().count()), static_cast<int>(clock.time.minutes().count()),
                static_cast<int>(clock.time.seconds().count()));
  std::string out = text;
  if (fraction) {
    std::snprintf(text, sizeof text, ".%06lld", static_cast<long long>(clock.time.subseconds().count()));
    out += text;
  }
  return out;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += digits[static_cast<unsigned char>(c) >> 4U];
          out += digits[static_cast<unsigned char>(c) & 15U];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

HttpAnswer refusal(const Switches& switches, Api api, AnswerShape shape, const Problem& problem) {
  const bool v2 = shape.shape == "v2" || (shape.shape == "native" && api == Api::V2);
  if (shape.shape == "html") {
    return make(shape.status, "text/html; charset=utf-8",
                "<html><head><title>" + std::to_string(shape.status) + "</title></head><body><center><h1>" +
                    std::to_string(shape.status) +
                    "</h1></center><hr><center>nginx</center></body></html>\r\n");
  }
  if (shape.shape == "text") return make(shape.status, "text/plain; charset=utf-8", problem.message);
  if (shape.shape == "empty") return make(shape.status, "", "");
  if (v2) return make(shape.status, json_type, v2_error_body(switches, shape.status, problem));
  const int inner =
      shape.status == 200 ? static_cast<int>(switches.number(Switch::V1InnerStatus)) : shape.status;
  return make(shape.status, json_type, v1_error_body(switches, inner, problem));
}

HttpAnswer v1_success(const Switches& switches, std::string_view value_json) {
  const bool upper = switches.is(Switch::V1EnvelopeKeys, "upper");
  std::string body = upper ? R"({"Ok":true,"Error":null)" : R"({"ok":true,"error":null)";
  if (!value_json.empty()) {
    body += upper ? R"(,"Value":)" : R"(,"value":)";
    body += value_json;
  }
  body += '}';
  return make(200, json_type, std::move(body));
}

HttpAnswer v1_failure(const Switches& switches, const Problem& problem) {
  const int status = switches.is(Switch::V1FailureStatus, "200") ? 200 : 400;
  return make(status, json_type,
              v1_error_body(switches, static_cast<int>(switches.number(Switch::V1InnerStatus)), problem));
}

HttpAnswer v2_ok(const Switches& switches, int status) {
  if (switches.is(Switch::V2Ok, "text")) return make(status, "text/plain; charset=utf-8", "ok");
  if (switches.is(Switch::V2Ok, "json_string")) return make(status, json_type, "\"ok\"");
  if (switches.is(Switch::V2Ok, "empty")) return make(status, "", "");
  return make(status, json_type, R"({"Ok":true,"Error":null,"Value":null})");
}

HttpAnswer v2_json(std::string body) {
  return make(200, json_type, std::move(body));
}

HttpAnswer v2_failure(const Switches& switches, const Problem& problem) {
  return make(400, json_type, v2_error_body(switches, 400, problem));
}

std::string stibee_time(SimTime time, std::string_view style) {
  if (style == "utc") return format(clock_of(time, std::chrono::hours{0}), ' ', false) + " +0000 UTC";
  return format(clock_of(time, std::chrono::hours{9}), ' ', style == "kst_fraction") + " +0900 KST";
}

std::string iso_time(SimTime time) {
  return format(clock_of(time, std::chrono::hours{0}), 'T', true) + "Z";
}

std::string iso_korean_time(SimTime time) {
  return format(clock_of(time, std::chrono::hours{9}), 'T', false) + "+09:00";
}

}  // namespace stibee_sim
