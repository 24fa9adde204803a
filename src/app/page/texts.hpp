#pragma once

#include "app/language.hpp"

// What the page says, in both languages: the one table of it.

namespace stibee_sync::app::texts {

// The page
inline constexpr Text to_content{"Skip to the content", "본문으로 건너뛰기"};
inline constexpr Text language{"Language", "언어"};
inline constexpr Text all_well{"healthy", "모두 정상입니다"};
inline constexpr Text needs_attention{"needs attention", "확인이 필요합니다"};
inline constexpr Text not_running{"not running", "실행되고 있지 않습니다"};
inline constexpr Text silent{
    "The daemon does not answer. What is shown here is from {0}; it goes on by itself "
    "when the daemon is back.",
    "데몬이 응답하지 않습니다. 아래는 {0}의 상태이며, 데몬이 다시 응답하면 자동으로 "
    "갱신됩니다."};
inline constexpr Text as_of{"As of {0}", "{0} 기준"};
inline constexpr Text daemon{"Daemon", "데몬"};
inline constexpr Text version{"Version", "버전"};
inline constexpr Text host{"Host", "호스트"};
inline constexpr Text running_for{"Running for", "실행 시간"};
inline constexpr Text since_start{"{0}, since {1}", "{0} ({1}부터)"};

// How a mirror fares
inline constexpr Text ok{"ok", notice::korean::ok};
inline constexpr Text importing{"importing", notice::korean::importing};
inline constexpr Text standby{"standby", notice::korean::standby};
inline constexpr Text paused{"paused", notice::korean::paused};
inline constexpr Text held{"held", notice::korean::held};
inline constexpr Text untrusted{"untrusted", notice::korean::untrusted};
inline constexpr Text failing{"failing", notice::korean::failing};
inline constexpr Text list{"Stibee list {0}", "스티비 주소록 {0}"};
inline constexpr Text is_importing{"People are being sent to Stibee.", "구독자를 스티비로 보내고 있습니다."};
inline constexpr Text why{"Why: {0}", "사유: {0}"};
inline constexpr Text command{"What helps: {0}", "도움이 되는 명령: {0}"};

// What the guard holds
inline constexpr Text held_changes{"Held: {0} {1}", "보류된 변경: {1} {0}명"};
inline constexpr Text held_since{"since {0}", "보류 시각: {0}"};
inline constexpr Text who_is_held{"Who they are: {0}", "대상 확인: {0}"};
inline constexpr Text if_meant{"If it is meant: {0}", "의도한 변경이라면: {0}"};
inline constexpr Text removals{"unsubscribes and deletions", notice::korean::removals};
inline constexpr Text optouts{"opt-outs", notice::korean::optouts};
inline constexpr Text resubscribes{"resubscribes", notice::korean::resubscribes};
inline constexpr Text updates{"updates", notice::korean::updates};
inline constexpr Text adds{"new people", notice::korean::adds};

// Times and progress
inline constexpr Text last_update{"Last update", "마지막 업데이트"};
inline constexpr Text last_delivery{"Last delivery", "마지막 반영"};
inline constexpr Text last_compared{"Last comparison", "마지막 비교"};
inline constexpr Text paused_since{"Paused since", "일시 중지 시각"};
inline constexpr Text never{"not yet", "아직 없음"};
inline constexpr Text ago{"{0} ago", "{0} 전"};
inline constexpr Text no_drift{"no differences left", "남은 차이 없음"};
inline constexpr Text drift{"{0} differences left; see {1}",
                            "차이 {0}건이 남아 있습니다. {1}로 확인하십시오"};
inline constexpr Text progress{"Progress", "진행 상황"};
inline constexpr Text done_of{"{0} of {1}", "{1}명 중 {0}명"};
inline constexpr Text time_left{"about {0} left", "약 {0} 남음"};
inline constexpr Text any_moment{"a moment left", "곧 끝납니다"};

// Table and list
inline constexpr Text table_and_list{"Table and list", "테이블과 주소록"};
inline constexpr Text in_table{"In the table", "테이블"};
inline constexpr Text rows{"rows", "행"};
inline constexpr Text at_stibee{"At Stibee", "스티비 주소록"};
inline constexpr Text subscribed{"subscribed", "구독 중"};
inline constexpr Text unsubscribed{"unsubscribed by the table", "테이블에 따라 수신거부"};
inline constexpr Text opted_out{"opted out themselves", "스티비에서 수신거부"};
inline constexpr Text auto_deleted{"deleted automatically (bounces)", "자동삭제"};
inline constexpr Text ready{"asked to confirm", "구독 확인 대기"};
inline constexpr Text on_record{"opt-outs on record", "기록된 수신거부"};
inline constexpr Text to_write_back{"to be written back to the table", "테이블에 반영할 항목"};

// Who waits, who is parked
inline constexpr Text waiting{"Waiting", "대기 중"};
inline constexpr Text nobody_waits{"Nobody waits.", "기다리는 사람이 없습니다."};
inline constexpr Text lane{"Lane", "구분"};
inline constexpr Text people{"People", "인원"};
inline constexpr Text oldest{"The oldest waits for", "가장 오래 기다린 시간"};
inline constexpr Text lane_optout{"opt-outs, unsubscribes", "수신거부"};
inline constexpr Text lane_delete{"deletions", "완전삭제"};
inline constexpr Text lane_upsert{"new and changed", "추가·변경"};
inline constexpr Text parked{"Cannot be sent", "보낼 수 없음"};
inline constexpr Text nobody_parked{"Everybody can be sent.", "보낼 수 없는 사람이 없습니다."};
inline constexpr Text reason{"Reason", "사유"};
inline constexpr Text cure{"What helps", "해결 방법"};
inline constexpr Text who_is_parked{"Who they are: {0}", "대상 확인: {0}"};

// Change feed
inline constexpr Text change_feed{"Change feed", "변경 피드"};
inline constexpr Text feed_starting{"starting", "시작하는 중"};
inline constexpr Text feed_polled{"on, but nothing tells of changes: it is asked once a second",
                                  "작동 중이지만 알림이 없어 1초마다 확인합니다"};
inline constexpr Text feed_on{"on: changes arrive at once", "작동 중: 변경이 즉시 반영됩니다"};
inline constexpr Text feed_lost{"lost: the table is read at each poll",
                                "끊김: 주기마다 테이블 전체를 읽습니다"};
inline constexpr Text feed_standby{"read by the daemon that leads: here the table is read at each poll",
                                   "작업 중인 데몬이 읽음: 여기서는 주기마다 테이블 전체를 읽습니다"};
inline constexpr Text feed_off{"off: the table is read at each poll",
                               "사용 안 함: 주기마다 테이블을 읽습니다"};

// The last 24 hours
inline constexpr Text last_day{"The last 24 hours", "최근 24시간"};
inline constexpr Text counted_since{"Counted since {0}; a restart begins anew.",
                                    "{0}부터 집계했습니다. 데몬을 재시작하면 처음부터 다시 집계합니다."};
inline constexpr Text chart_changes{"People who arrived at Stibee", "스티비에 반영된 인원"};
inline constexpr Text chart_calls{"Calls to Stibee", "스티비 호출"};
inline constexpr Text chart_waiting{"People who waited", "기다린 인원"};
inline constexpr Text chart_sum{"{0} in all", "합계 {0}"};
inline constexpr Text chart_most{"{0} at most", "최대 {0}"};
inline constexpr Text day_ago{"24 h ago", "24시간 전"};
inline constexpr Text now{"now", "지금"};
inline constexpr Text as_table{"As a table, by the hour", "시간별 표로 보기"};
inline constexpr Text hour{"Hour", "시각"};

// Calls
inline constexpr Text calls{"Calls to Stibee", "스티비 호출"};
inline constexpr Text class_v1{"All calls (API v1)", "모든 호출 (API v1)"};
inline constexpr Text class_bulk{"Bulk adds", "대량 추가"};
inline constexpr Text class_list{"Reading the list", "구독자 목록 조회"};
inline constexpr Text class_other{"Single calls", "개별 호출"};
inline constexpr Text a_second{"{0} a second; {1} used now", "초당 {0}회, 현재 {1}회 사용"};
inline constexpr Text a_minute{"{0} a minute; {1} used now", "분당 {0}회, 현재 {1}회 사용"};
inline constexpr Text a_window{"{0} in {2}; {1} used now", "{2}에 {0}회, 현재 {1}회 사용"};
inline constexpr Text throttled{"Stibee said it was too much: {0} for now",
                                "스티비의 호출 제한 응답에 따라 지금은 {0}회로 줄였습니다"};
inline constexpr Text none_before{"Stibee wants none before {0}", "스티비가 {0} 전에는 호출을 받지 않습니다"};
inline constexpr Text under_way{"Under way", "진행 중인 호출"};
inline constexpr Text circuit{"Connection", "연결"};
inline constexpr Text circuit_closed{"Stibee answers", "스티비가 응답하고 있습니다"};
inline constexpr Text circuit_open{"Stibee does not answer: one try every 30 s",
                                   "스티비가 응답하지 않아 30초마다 한 번씩 시도합니다"};
inline constexpr Text circuit_probing{"Trying whether Stibee answers again",
                                      "스티비가 다시 응답하는지 확인하고 있습니다"};

// What happened
inline constexpr Text happened{"What happened", "최근 있었던 일"};
inline constexpr Text nothing_happened{"Nothing since the start.", "시작한 뒤로 특별한 일이 없었습니다."};
inline constexpr Text times{"{0} times", "{0}회"};
inline constexpr Text by{"by {0}", "· 실행한 사용자: {0}"};
inline constexpr Text daemon_ready{"The daemon was started", "데몬이 시작되었습니다"};
inline constexpr Text daemon_reload{"New settings are in force", "새 설정이 적용되었습니다"};
inline constexpr Text daemon_reload_failed{"A reload failed; the old settings stay in force",
                                           "설정을 다시 읽지 못해 이전 설정을 유지합니다"};
inline constexpr Text sync_failed{"The table could not be read", "테이블을 읽지 못했습니다"};
inline constexpr Text guard_held{"Held: {0} {1}", "보류: {1} {0}명"};
inline constexpr Text guard_approved{"Released: {0} {1}", "승인됨: {1} {0}명"};
inline constexpr Text guard_cleared{"What was held is gone: the table is as it was",
                                    "테이블이 원래대로 돌아와 보류가 해제되었습니다"};
inline constexpr Text source_untrusted{"The table is not as it should be", "테이블이 정상 상태가 아닙니다"};
inline constexpr Text source_connected{"The database answers", "데이터베이스가 응답합니다"};
inline constexpr Text source_lost{"The database does not answer", "데이터베이스가 응답하지 않습니다"};
inline constexpr Text feed_was_lost{"The change feed was lost", "변경 피드가 끊겼습니다"};
inline constexpr Text feed_restored{"The change feed is whole again", "변경 피드가 복구되었습니다"};
inline constexpr Text api_unauthorised{"Stibee refuses the API key", "스티비가 API 키를 거부했습니다"};
inline constexpr Text api_recovered{"Stibee takes the calls again", "스티비가 다시 호출을 받습니다"};
inline constexpr Text api_circuit_open{"Stibee does not answer", "스티비가 응답하지 않습니다"};
inline constexpr Text api_circuit_closed{"Stibee answers again", "스티비가 다시 응답합니다"};
inline constexpr Text mirror_paused{"Paused", "일시 중지되었습니다"};
inline constexpr Text mirror_resumed{"Resumed", "일시 중지가 해제되었습니다"};
inline constexpr Text writeback_failed{"A write-back failed", "스티비의 변경을 테이블에 반영하지 못했습니다"};
inline constexpr Text reconcile_drift{"List and table differ: {0} people ({1})",
                                      "주소록과 테이블이 다릅니다: {0}명 ({1})"};
inline constexpr Text drift_held_back{
    "{0} people are subscribed at Stibee against the table: more than a repair unsubscribes by itself",
    "테이블과 달리 구독 중인 {0}명은 자동으로 수신거부하기에는 많아 그대로 두었습니다"};
inline constexpr Text missing_there{"missing in the list", "주소록에 없음"};
inline constexpr Text stray_there{"only in the list", "주소록에만 있음"};
inline constexpr Text opted_out_there{"opted out there", "주소록에서 수신거부"};
inline constexpr Text subscribed_there{"subscribed there", "주소록에서 구독 중"};
inline constexpr Text deleted_there{"deleted automatically", "자동삭제"};
inline constexpr Text purged_there{"deleted for good there", "스티비에서 완전삭제"};
inline constexpr Text fields_differ{"fields differ", "필드 값이 다름"};
inline constexpr Text groups_differ{"groups differ", "그룹이 다름"};
inline constexpr Text store_failed{"The state could not be written", "상태를 저장하지 못했습니다"};
inline constexpr Text imported{"The first import is through: {0} people", "첫 반영이 끝났습니다: {0}명"};

}  // namespace stibee_sync::app::texts
