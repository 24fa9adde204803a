#include "refusal_code.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "wording.hpp"

#include <algorithm>
#include <span>
#include <string>

namespace stibee_sync::delivery {

namespace {

enum class Where { Whole, End, Anywhere };

struct Words {
  std::string_view bare;  // of the code, without prefixes, signs and case
  Where where;
};

// "List.NotExistEmail" begins like "List.NotExist": these are compared from end to end.
constexpr Words list_missing[] = {
    {"listnotfound", Where::Whole},   {"listnotexist", Where::Whole}, {"listnotexists", Where::Whole},
    {"listdeleted", Where::Whole},    {"nosuchlist", Where::End},     {"notexistlist", Where::End},
    {"notexistslist", Where::End},    {"notfoundlist", Where::End},   {"unknownlist", Where::End},
    {"invalidlist", Where::End},      {"invalidlistid", Where::End},  {"addressbooknotfound", Where::End},
    {"nosuchaddressbook", Where::End}};

constexpr Words group_missing[] = {{"nosuchgroup", Where::Anywhere},    {"notexistgroup", Where::Anywhere},
                                   {"notexistsgroup", Where::Anywhere}, {"groupnotfound", Where::Anywhere},
                                   {"groupnotexist", Where::Anywhere},  {"notfoundgroup", Where::Anywhere},
                                   {"unknowngroup", Where::Anywhere},   {"invalidgroup", Where::Anywhere},
                                   {"groupdeleted", Where::Anywhere}};

// What the plan, or the list's own settings, do not allow.
constexpr Words of_the_account[] = {{"exceededsubscribers", Where::Anywhere},
                                    {"exceedsubscribers", Where::Anywhere},
                                    {"subscribersexceeded", Where::Anywhere},
                                    {"subscriberexceeded", Where::Anywhere},
                                    {"subscriberlimitexceeded", Where::Anywhere},
                                    {"needproplan", Where::Anywhere},
                                    {"needstandardplan", Where::Anywhere},
                                    {"needenterpriseplan", Where::Anywhere},
                                    {"needplan", Where::Anywhere},
                                    {"needpaidplan", Where::Anywhere},
                                    {"planrequired", Where::Anywhere},
                                    {"planexpired", Where::Anywhere},
                                    {"paymentrequired", Where::Anywhere},
                                    {"notpermittedsenderdomain", Where::Anywhere}};

constexpr Words of_the_person[] = {
    {"invalidemail", Where::Anywhere},       {"wrongemail", Where::Anywhere},
    {"notexistemail", Where::Anywhere},      {"nosuchemail", Where::Anywhere},
    {"emailnotfound", Where::Anywhere},      {"emailnotexist", Where::Anywhere},
    {"subscribernotfound", Where::Anywhere}, {"alreadyexistemail", Where::Anywhere}};

std::string without_prefixes(std::string_view code) {
  std::string word = bare(code);
  for (const std::string_view prefix : {"stberror", "errors"}) {
    if (word.starts_with(prefix)) word.erase(0, prefix.size());
  }
  return word;
}

bool among(std::string_view code, std::span<const Words> table) {
  const std::string word = without_prefixes(code);
  return std::any_of(table.begin(), table.end(), [&](const Words& known) {
    switch (known.where) {
      case Where::Whole:
        return word == known.bare;
      case Where::End:
        return word.ends_with(known.bare);
      case Where::Anywhere:
        break;
    }
    return word.find(known.bare) != std::string::npos;
  });
}

// "구독자가 초과 하였습니다." without a code that is known: too many people, and not in this one call.
bool words_speak_of_the_plan(std::string_view code, std::string_view message) {
  const std::string code_word = bare(code);
  const std::string words = text::lower_case(message);
  if (contains_any(code_word, {"limit"}) || contains_any(words, {"한 번에", "한번에", "at once", "요청"}))
    return false;
  return (contains_any(words, {"구독자"}) && contains_any(words, {"초과"})) ||
         contains_any(words, {"exceeded subscribers", "subscribers exceed", "number of subscribers exceed"});
}

constexpr int payment_required = 402;

}  // namespace

bool says_list_missing(std::string_view code) {
  return among(code, list_missing);
}

bool says_group_missing(std::string_view code) {
  return among(code, group_missing);
}

Blame blame_of(std::string_view code, std::string_view message, int status) {
  if (status == payment_required || says_list_missing(code) || says_group_missing(code) ||
      among(code, of_the_account))
    return Blame::Mirror;
  if (among(code, of_the_person)) return Blame::Person;
  return words_speak_of_the_plan(code, message) ? Blame::Mirror : Blame::Open;
}

}  // namespace stibee_sync::delivery
