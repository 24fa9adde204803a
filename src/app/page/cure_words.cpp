#include "app/page/cure_words.hpp"

#include "app/cures.hpp"

#include <utility>

namespace stibee_sync::app {
namespace {

constexpr std::string_view read_the_words =
    "`failures`에서 스티비의 설명을 확인하고 해당 값을 고친 뒤 `stibee-syncd retry`를 실행하십시오";

constexpr std::pair<std::string_view, std::string_view> korean[] = {
    {"null_email", "행에 이메일 주소를 입력하거나, 의도한 행이라면 `where`에서 제외하십시오"},
    {"empty_address", "행에 이메일 주소를 입력하거나, 의도한 행이라면 `where`에서 제외하십시오"},
    {"no_email", "행에 이메일 주소를 입력하거나, 의도한 행이라면 `where`에서 제외하십시오"},
    {"no_at_sign", "행의 이메일 주소를 바르게 고치십시오"},
    {"white_space_or_control", "행의 이메일 주소를 바르게 고치십시오"},
    {"bad_domain", "행의 이메일 주소를 바르게 고치십시오"},
    {"wrong_email", "행의 이메일 주소를 바르게 고치십시오"},
    {"address_too_long", "더 짧은 이메일 주소를 사용하십시오 (API v2는 64자, v1은 254자까지)"},
    {"invalid_utf8", "해당 열의 값이 올바른 문자열이 아닙니다. 값을 고치십시오"},
    {"nul_byte", "해당 열의 값이 올바른 문자열이 아닙니다. 값을 고치십시오"},
    {"bad_date", "해당 열의 날짜를 고치거나 다른 열을 지정하십시오"},
    {"bad_array", "그룹 열을 단순 배열로 바꾸십시오"},
    {"duplicate_address", "한 행의 주소를 바꾸거나 두 행을 합치십시오. 키가 가장 작은 행을 보냅니다"},
    {"resubscribe_unsupported",
     "`stibee.resubscribe_via: v1`을 설정하거나 스티비에서 직접 다시 구독 처리하십시오"},
    {"confirmation_in_doubt",
     "스티비에서 구독 확인 메일이 발송되었는지 확인하고, 아니라면 `stibee-syncd retry`를 실행하십시오"},
    {"too_large", "행의 값을 줄이거나 보낼 필드를 줄이십시오"},
    {"exist_phone", "다른 구독자의 전화번호입니다. 행의 전화번호를 확인하십시오"},
    {"wrong_phone", "행의 전화번호를 바르게 고치십시오"},
    {"duplicated_phone", "두 행의 전화번호가 같습니다. 하나를 고치십시오"},
    {"validation", "값을 고치거나, 스티비의 사용자 정의 필드 형식을 열에 맞추십시오"},
    {"validation_date_time", "값을 고치거나, 스티비의 사용자 정의 필드 형식을 열에 맞추십시오"},
    {"invalid_fields", "값을 고치거나, 스티비의 사용자 정의 필드 형식을 열에 맞추십시오"},
    {"list_invalid_subscriber_var", "값을 고치거나, 스티비의 사용자 정의 필드 형식을 열에 맞추십시오"},
    {"invalid_subscriber_status", "스티비 주소록에서 구독자의 상태를 확인하십시오"},
};

}  // namespace

std::string cure_in(Language language, std::string_view reason) {
  if (language == Language::English) return std::string(cure_of(reason));
  for (const auto& [name, words] : korean) {
    if (name == reason) return std::string(words);
  }
  return std::string(read_the_words);
}

}  // namespace stibee_sync::app
