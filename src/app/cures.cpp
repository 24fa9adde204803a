#include "app/cures.hpp"

#include "stibee_sync/domain/reason.hpp"

#include <algorithm>
#include <iterator>

namespace stibee_sync::app {
namespace {

using domain::Reason;

constexpr std::string_view give_an_address =
    "give the row an address; where rows without one are meant, leave them out in `where`";
constexpr std::string_view correct_the_address = "correct the address in the row";
constexpr std::string_view correct_the_text = "correct the value of the column that is named: it is no text";
constexpr std::string_view correct_the_value =
    "correct the value, or the type of the field at Stibee, which must fit the column; then `retry`";
constexpr std::string_view correct_the_phone = "correct the telephone number in the row; then `retry`";
/// An HTTP status without Stibee's own words.
constexpr std::string_view ask_the_firewall =
    "ask whoever runs the firewall between here and Stibee, which refuses the person's values; then `retry`";
/// Of all others.
constexpr std::string_view read_the_words = "mend what Stibee's words name; then `retry`";

struct Cure {
  Reason::Code reason;
  std::string_view words;
};

constexpr Cure cures[] = {
    {Reason::NullEmail, give_an_address},
    {Reason::EmptyAddress, give_an_address},
    {Reason::NoEmail, give_an_address},
    {Reason::NoAtSign, correct_the_address},
    {Reason::WhiteSpaceOrControl, correct_the_address},
    {Reason::BadDomain, correct_the_address},
    {Reason::WrongEmail, correct_the_address},
    {Reason::AddressTooLong, "use a shorter address in the row: API v2 takes 64 characters, v1 takes 254"},
    {Reason::InvalidUtf8, correct_the_text},
    {Reason::NulByte, correct_the_text},
    {Reason::BadDate, "correct the date of the column that is named: Stibee takes the years 1 to 9999"},
    {Reason::BadArray, "make the groups of the column that is named a plain array"},
    {Reason::DuplicateAddress,
     "merge the rows, or give this one an address of its own: the row with the lowest key is sent"},
    {Reason::ResubscribeUnsupported,
     "set `stibee.resubscribe_via: v1`, or subscribe the person again by hand at Stibee"},
    {Reason::ConfirmationInDoubt,
     "ask the person, or look at Stibee, whether the confirmation mail came; if not, `retry`"},
    {Reason::TooLarge, "shorten the values of the row, or map fewer fields"},
    {Reason::ExistPhone,
     "another subscriber has the telephone number: correct it in one of the two; then `retry`"},
    {Reason::WrongPhone, correct_the_phone},
    {Reason::DuplicatedPhone, correct_the_phone},
    {Reason::Validation, correct_the_value},
    {Reason::ValidationDateTime, correct_the_value},
    {Reason::InvalidFields, correct_the_value},
    {Reason::ListInvalidSubscriberVar, correct_the_value},
    {Reason::InvalidSubscriberStatus,
     "look the person up in the list at Stibee, whose status there does not allow the call; then `retry`"},
    {Reason::HttpStatus, ask_the_firewall},
};

}  // namespace

std::string_view cure_of(std::string_view reason) {
  const auto known = domain::reason_from(reason);
  if (!known) return read_the_words;
  const auto found = std::find_if(std::begin(cures), std::end(cures),
                                  [&](const Cure& cure) { return cure.reason == known->code(); });
  return found == std::end(cures) ? read_the_words : found->words;
}

}  // namespace stibee_sync::app
