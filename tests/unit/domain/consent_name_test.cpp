#include "stibee_sync/domain/consent_name.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::domain {
namespace {

TEST(ConsentName, WhatSoundsLikeAConsentIsOne) {
  for (const auto* name :
       {"email_opt_in", "subscribed", "is_subscribed", "newsletter", "Newsletter", "marketing_ok", "opt_in",
        "optIn", "marketing-consent", "ad_agreed", "agree_marketing", "email_ok", "receive_mail", "mailing",
        "수신동의", "마케팅_동의"}) {
    EXPECT_EQ(consent_named(name), ConsentName::Yes) << name;
  }
}

TEST(ConsentName, WhatSoundsLikeARefusalIsOne) {
  for (const auto* name : {"unsubscribed", "opt_out", "optedOut", "email_opt_out", "no_mail", "do_not_email",
                           "수신거부", "ad_disagreed", "consent_withdrawn", "수신_미동의", "마케팅_비동의",
                           "구독취소", "수신차단", "동의_안함", "동의하지_않음"})
    EXPECT_EQ(consent_named(name), ConsentName::No) << name;
}

TEST(ConsentName, OtherFlagsAreNone) {
  for (const auto* name : {"active", "deleted", "email_verified", "is_admin", "banned", "vip", ""})
    EXPECT_EQ(consent_named(name), ConsentName::Other) << name;
}

}  // namespace
}  // namespace stibee_sync::domain
