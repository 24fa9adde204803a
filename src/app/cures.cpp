#include "app/cures.hpp"

#include "stibee_sync/domain/reason.hpp"

#include <algorithm>
#include <iterator>

namespace stibee_sync::app {
namespace {

using domain::Reason;

constexpr Text give_an_address{
    "give the row an address; where rows without one are meant, leave them out in `where`",
    "행에 이메일 주소를 입력하거나, 주소가 없는 행이 정상이라면 `where` 조건으로 제외하십시오"};
constexpr Text correct_the_address{"correct the address in the row", "행의 이메일 주소를 바르게 고치십시오"};
constexpr Text correct_the_text{"correct the value of the column that is named: it is no text",
                                "해당 열의 값이 올바른 문자열이 아닙니다. 값을 고치십시오"};
constexpr Text correct_the_value{
    "correct the value, or the type of the field at Stibee, which must fit the column; then `retry`",
    "값을 고치거나, 스티비의 사용자 정의 필드 형식을 열에 맞춘 뒤 `stibee-syncd retry`를 실행하십시오"};
constexpr Text correct_the_phone{"correct the telephone number in the row; then `retry`",
                                 "행의 전화번호를 바르게 고친 뒤 `stibee-syncd retry`를 실행하십시오"};
/// An HTTP status without Stibee's own words.
constexpr Text ask_the_firewall{
    "ask whoever runs the firewall between here and Stibee, which refuses the person's values; then `retry`",
    "이 서버와 스티비 사이의 방화벽이 이 사람의 값을 거부합니다. 방화벽 담당자에게 확인한 뒤 "
    "`stibee-syncd retry`를 실행하십시오"};
/// Of all others.
constexpr Text read_the_words{
    "mend what Stibee's words name; then `retry`",
    "`failures`에서 스티비의 설명을 확인하고 해당 값을 고친 뒤 `stibee-syncd retry`를 실행하십시오"};

struct Cure {
  Reason::Code reason;
  Text words;
};

constexpr Cure cures[] = {
    {Reason::NullEmail, give_an_address},
    {Reason::EmptyAddress, give_an_address},
    {Reason::NoEmail, give_an_address},
    {Reason::NoAtSign, correct_the_address},
    {Reason::WhiteSpaceOrControl, correct_the_address},
    {Reason::BadDomain, correct_the_address},
    {Reason::WrongEmail, correct_the_address},
    {Reason::AddressTooLong,
     {"use a shorter address in the row: API v2 takes 64 characters, v1 takes 254",
      "더 짧은 이메일 주소를 사용하십시오 (API v2는 64자, v1은 254자까지)"}},
    {Reason::InvalidUtf8, correct_the_text},
    {Reason::NulByte, correct_the_text},
    {Reason::BadDate,
     {"correct the date of the column that is named: Stibee takes the years 1 to 9999",
      "해당 열의 날짜를 고치십시오. 스티비는 1년부터 9999년까지만 받습니다"}},
    {Reason::BadArray,
     {"make the groups of the column that is named a plain array",
      "해당 그룹 열의 값을 중첩되지 않은 1차원 배열로 고치십시오"}},
    {Reason::DuplicateAddress,
     {"merge the rows, or give this one an address of its own: the row with the lowest key is sent",
      "두 행을 합치거나 한 행의 주소를 바꾸십시오. 키가 가장 작은 행을 보냅니다"}},
    {Reason::ResubscribeUnsupported,
     {"set `stibee.resubscribe_via: v1`, or subscribe the person again by hand at Stibee",
      "`stibee.resubscribe_via: v1`을 설정하거나 스티비에서 직접 다시 구독 처리하십시오"}},
    {Reason::ConfirmationInDoubt,
     {"ask the person, or look at Stibee, whether the confirmation mail came; if not, `retry`",
      "구독 확인 메일을 받았는지 본인에게 묻거나 스티비에서 확인하고, 받지 않았다면 `stibee-syncd retry`를 "
      "실행하십시오"}},
    {Reason::TooLarge,
     {"shorten the values of the row, or map fewer fields", "행의 값을 줄이거나 보낼 필드를 줄이십시오"}},
    {Reason::ExistPhone,
     {"another subscriber has the telephone number: correct it in one of the two; then `retry`",
      "다른 구독자가 같은 전화번호를 쓰고 있습니다. 둘 중 하나를 고친 뒤 `stibee-syncd retry`를 "
      "실행하십시오"}},
    {Reason::WrongPhone, correct_the_phone},
    {Reason::DuplicatedPhone, correct_the_phone},
    {Reason::Validation, correct_the_value},
    {Reason::ValidationDateTime, correct_the_value},
    {Reason::InvalidFields, correct_the_value},
    {Reason::ListInvalidSubscriberVar, correct_the_value},
    {Reason::InvalidSubscriberStatus,
     {"look the person up in the list at Stibee, whose status there does not allow the call; then `retry`",
      "스티비에서의 구독 상태 때문에 처리할 수 없습니다. 스티비 주소록에서 상태를 확인한 뒤 "
      "`stibee-syncd retry`를 실행하십시오"}},
    {Reason::HttpStatus, ask_the_firewall},
};

const Text& words_for(std::string_view reason) {
  const auto known = domain::reason_from(reason);
  if (!known) return read_the_words;
  const auto* const found = std::find_if(std::begin(cures), std::end(cures),
                                         [&](const Cure& cure) { return cure.reason == known->code(); });
  return found == std::end(cures) ? read_the_words : found->words;
}

}  // namespace

std::string_view cure_of(std::string_view reason, Language language) {
  return words_for(reason).in(language);
}

}  // namespace stibee_sync::app
