#include "app/explanation.hpp"
#include "app/local_time.hpp"
#include "app/render.hpp"
#include "app/report_members.hpp"
#include "stibee_sync/text/number_format.hpp"

namespace stibee_sync::app {
namespace {

using json::Value;

const Value& member_of(const Value& object, std::string_view key) {
  static const Value none;
  const auto* member = object.find(key);
  return member == nullptr ? none : *member;
}

std::string text_or(const Value& object, std::string_view key, std::string_view otherwise) {
  auto text = text_of(object, key);
  return text.empty() ? std::string(otherwise) : text;
}

/// Of the member, in local time; "" where there is none.
std::string time_of(const Value& object, std::string_view key) {
  return local_time(text_of(object, key));
}

/// `  word       text`
std::string line(std::string_view word, const std::string& text) {
  constexpr std::size_t width = 11;
  std::string out = "  " + std::string(word);
  out.append(word.size() < width ? width - word.size() : 1, ' ');
  return out + text + "\n";
}

std::string groups_in_words(const Value& owner) {
  std::string text;
  for (const auto& group : list_of(owner, "groups")) {
    if (const auto* id = group.if_integer()) text += (text.empty() ? "" : ", ") + std::to_string(*id);
  }
  return text.empty() ? "no groups" : "groups " + text;
}

std::string fields_in_words(const Value& owner) {
  std::string text;
  if (const auto* fields = member_of(owner, "fields").if_object()) {
    for (const auto& [tag, value] : *fields) {
      const auto* words = value.if_string();
      text +=
          (text.empty() ? "" : ", ") + tag + (words == nullptr || words->empty() ? " empty" : "=" + *words);
    }
  }
  return text.empty() ? "no fields" : text;
}

std::string row_lines(const Value& row) {
  auto text = "key " + text_of(row, "key") + ", " + text_or(row, "email", "no usable address") +
              ", wants them " + text_of(row, "wanted");
  if (!flag_of(row, "read")) text += " (not read yet)";
  auto lines = line("row", text);
  if (const auto reason = text_of(row, "reason"); !reason.empty()) {
    const auto column = text_of(row, "column");
    lines += line("", "cannot be used: " + reason + (column.empty() ? "" : ", column " + column) + "; " +
                          text_of(row, "cure"));
    return lines;
  }
  lines += line("", fields_in_words(row) + "; " + groups_in_words(row));
  if (const auto consent = time_of(row, "consented_at"); !consent.empty())
    lines += line("", "consent of " + consent);
  if (const auto other = text_of(row, "sent_instead"); !other.empty())
    lines += line("", "the row with key " + other + " bears the same address: its values are sent");
  return lines;
}

std::string table_lines(const Value& mirror) {
  const auto& table = member_of(mirror, "table");
  std::string text;
  if (const auto problem = text_of(table, "problem"); !problem.empty())
    text += line("row", "the table cannot be read: " + problem);
  for (const auto& row : list_of(table, "rows"))
    text += row_lines(row);
  for (const auto& key : list_of(table, "excluded")) {
    if (const auto* words = key.if_string())
      text += line("row", "key " + *words + " exists, but `where` excludes it: " + text_of(table, "where"));
  }
  return text.empty() ? line("row", "none in the table") : text;
}

std::string ledger_lines(const Value& mirror) {
  const auto wanted = text_of(mirror, "wanted");
  if (wanted.empty()) return {};
  const auto& confirmed = member_of(mirror, "confirmed");
  const auto since = time_of(confirmed, "since");
  auto known = text_of(confirmed, "status") + (since.empty() ? "" : " since " + since);
  if (const auto moved = text_of(confirmed, "moved_to"); !moved.empty()) known += ", to " + moved;
  if (flag_of(confirmed, "in_doubt")) known += "; a call may have been applied whose answer is not known";
  return line("wanted", wanted) + line("confirmed", known) + line("rule", text_of(mirror, "rule_words"));
}

std::string opt_out_lines(const Value& mirror) {
  std::string text;
  for (const auto& one : list_of(mirror, "opt_outs")) {
    const auto reason = text_of(one, "reason");
    text += line("opt-out", "of the " + text_of(one, "of") + ", " + time_of(one, "at") + ", by " +
                                text_or(one, "by", "nobody knows whom") +
                                (reason.empty() ? "" : ", in their words: " + reason));
  }
  return text.empty() ? line("opt-out", "none on record") : text;
}

std::string delivery_lines(const Value& mirror) {
  const auto& delivery = member_of(mirror, "delivery");
  std::string text;
  if (flag_of(delivery, "in_flight")) text += line("now", "a call is out for them");
  const auto words = text_of(delivery, "message");
  if (const auto parked = text_of(delivery, "parked"); !parked.empty()) {
    text += line("parked", parked + " since " + time_of(delivery, "parked_since") +
                               (words.empty() ? "" : "; Stibee says: " + words));
  } else if (const auto lane = text_of(delivery, "lane"); !lane.empty()) {
    text += line("waiting", "lane " + lane + ", since " + time_of(delivery, "pending_since"));
    const auto error = text_of(delivery, "error");
    if (integer_of(delivery, "attempts") > 0) {
      text +=
          line("retry", text::with_thousands(integer_of(delivery, "attempts")) +
                            " attempts, the next not before " + time_of(delivery, "not_before") +
                            (error.empty() ? "" : "; last " + error) + (words.empty() ? "" : ": " + words));
    }
  }
  return text;
}

std::string call_lines(const Value& mirror) {
  std::string text;
  for (const auto& call : list_of(mirror, "calls")) {
    const auto reason = text_of(call, "reason");
    const auto words = text_of(call, "message");
    text += line("call", time_of(call, "at") + " " + text_of(call, "operation") + " (" +
                             text::with_thousands(integer_of(call, "people")) +
                             " in the call): " + text_of(call, "outcome") +
                             (reason.empty() ? "" : ", " + reason) + (words.empty() ? "" : ": " + words));
  }
  if (!text.empty()) return text;
  std::string last;
  if (const auto* answers = member_of(mirror, "last_answers").if_object()) {
    for (const auto& [what, at] : *answers) {
      if (const auto* time = at.if_string())
        last += (last.empty() ? "" : ", ") + what + " " + local_time(std::string_view(*time));
    }
  }
  // Without an address there is nobody whom the daemon could have called for.
  if (text_of(mirror, "email").empty()) return {};
  const auto unknown = member_of(mirror, "calls").is_null()
                           ? "not known without a daemon, which remembers the last ones"
                           : "none since the daemon started, or longer ago than it remembers";
  return line("calls", last.empty() ? unknown : std::string(unknown) + "; last answered: " + last);
}

std::string there_line(const Value& mirror) {
  const auto& there = member_of(mirror, "stibee");
  if (!flag_of(there, "asked")) return line("at Stibee", "not asked: " + text_of(there, "why_not"));
  if (!flag_of(there, "found")) return line("at Stibee", "nobody of this address is in the list now");
  return line("at Stibee", text_or(there, "status", "a status that this version does not know") + " now; " +
                               fields_in_words(there) + "; " + groups_in_words(there));
}

std::string next_lines(const Value& mirror) {
  const auto& next = member_of(mirror, "next_call");
  const auto operation = text_of(next, "operation");
  if (operation.empty()) return line("next call", "none: " + text_of(next, "why_none"));
  const auto due = time_of(next, "due");
  auto text = line("next call", operation + (due.empty() ? "" : ", not before " + due));
  text += line("", text_of(next, "method") + " " + text_of(next, "path"));
  if (const auto body = text_of(next, "body"); !body.empty()) text += line("", body);
  if (const auto note = text_of(next, "note"); !note.empty()) text += line("", note);
  return text;
}

std::string mirror_lines(const Value& mirror) {
  auto text = text_or(mirror, "email", "nobody") + " in " + text_of(mirror, "name") + " -> list " +
              std::to_string(integer_of(mirror, "list_id")) + "\n";
  if (!flag_of(mirror, "known")) return text + line("unknown", text_of(mirror, "hint"));
  text += table_lines(mirror) + ledger_lines(mirror) + opt_out_lines(mirror) + delivery_lines(mirror) +
          call_lines(mirror) + there_line(mirror);
  for (const auto& why : list_of(mirror, "waits")) {
    if (const auto* words = why.if_string()) text += line("waits", *words);
  }
  return text + next_lines(mirror);
}

}  // namespace

std::string render_explanation(const Value& report) {
  std::string text;
  for (const auto& mirror : list_of(report, "mirrors"))
    text += (text.empty() ? "" : "\n") + mirror_lines(mirror);
  return text;
}

}  // namespace stibee_sync::app
