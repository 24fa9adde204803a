#include "stibee_sync/delivery/suspicion.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::delivery {
namespace {

using namespace std::chrono_literals;
using Finding = Suspicion::Finding;
using domain::Reason;

const MonotonicTime start{std::chrono::hours(1)};

struct Refusal {
  const char* person;
  MonotonicTime at;
  Reason reason = Reason::Refused;
  bool of_refused_batch = false;
  bool all_refused = false;
};

Finding refused(Suspicion& line, const Refusal& refusal) {
  return line.refused_alone({refusal.person, refusal.reason, refusal.of_refused_batch, refusal.all_refused},
                            "LIST_GONE: no such list", refusal.at);
}

TEST(Suspicion, whoever_is_left_of_a_batch_whose_others_were_taken_is_guilty) {
  Suspicion line;
  line.batch_refused();
  line.taken(start);
  EXPECT_EQ(refused(line, {"a", start + 1s, Reason::Refused, true}), Finding::Guilty);
}

TEST(Suspicion, what_was_taken_before_the_batch_was_refused_proves_nothing) {
  Suspicion line;
  line.taken(start);
  line.batch_refused();
  EXPECT_EQ(refused(line, {"a", start + 1s, Reason::Refused, true}), Finding::Open);
}

TEST(Suspicion, whoever_is_refused_again_after_others_were_taken_is_guilty) {
  Suspicion line;
  EXPECT_EQ(refused(line, {"a", start}), Finding::Open);
  line.taken(start - 1ms);  // was on its way already
  EXPECT_EQ(refused(line, {"a", start + 1s}), Finding::Open);
  line.taken(start + 2s);
  EXPECT_EQ(refused(line, {"a", start + 3s}), Finding::Guilty);
}

TEST(Suspicion, three_who_are_refused_alike_with_nobody_taken_in_between_are_innocent) {
  Suspicion line;
  EXPECT_EQ(refused(line, {"a", start}), Finding::Open);
  EXPECT_EQ(refused(line, {"a", start + 1s}), Finding::Open);
  EXPECT_EQ(refused(line, {"b", start + 2s}), Finding::Open);
  EXPECT_FALSE(line.trouble());
  EXPECT_EQ(refused(line, {"c", start + 3s}), Finding::Innocent);
  ASSERT_TRUE(line.trouble());
  EXPECT_EQ(line.trouble()->reason, Reason::Refused);
  EXPECT_EQ(line.trouble()->message, "LIST_GONE: no such list");
  EXPECT_EQ(refused(line, {"d", start + 4s}), Finding::Innocent);
}

TEST(Suspicion, three_who_are_refused_for_three_reasons_prove_nothing) {
  Suspicion line;
  EXPECT_EQ(refused(line, {"a", start, Reason::Refused}), Finding::Open);
  EXPECT_EQ(refused(line, {"b", start, Reason::http(404)}), Finding::Open);
  EXPECT_EQ(refused(line, {"c", start, Reason::http(400)}), Finding::Open);
  EXPECT_FALSE(line.trouble());
}

TEST(Suspicion, three_with_somebody_taken_in_between_are_guilty_each) {
  Suspicion line;
  for (const char* person : {"a", "b", "c", "d"}) {
    EXPECT_EQ(refused(line, {person, start}), Finding::Open) << person;
    line.taken(start + 1s);
  }
  for (const char* person : {"a", "b", "c", "d"})
    EXPECT_EQ(refused(line, {person, start + 2s}), Finding::Guilty) << person;
  EXPECT_FALSE(line.trouble());
}

TEST(Suspicion, somebody_alone_is_guilty_after_a_minute_but_not_while_everything_is_refused) {
  Suspicion line;
  EXPECT_EQ(refused(line, {"a", start}), Finding::Open);
  EXPECT_EQ(refused(line, {"a", start + 59s}), Finding::Open);
  EXPECT_EQ(refused(line, {"a", start + 61s, Reason::Refused, false, true}), Finding::Open);
  EXPECT_EQ(refused(line, {"a", start + 62s}), Finding::Guilty);
}

TEST(Suspicion, whoever_was_found_guilty_alone_is_no_suspect_any_more) {
  Suspicion line;
  EXPECT_EQ(refused(line, {"a", start}), Finding::Open);
  EXPECT_EQ(refused(line, {"a", start + 61s}), Finding::Guilty);
  EXPECT_EQ(refused(line, {"b", start + 62s}), Finding::Open);
  EXPECT_EQ(refused(line, {"c", start + 63s}), Finding::Open) << "with a they would be three";
  EXPECT_FALSE(line.trouble());
}

TEST(Suspicion, in_trouble_one_call_a_minute_may_go_out_until_one_is_taken) {
  Suspicion line;
  EXPECT_EQ(line.next_call(), MonotonicTime{});
  line.refused_for_all(Reason::ListExceededSubscribers, "", start);
  EXPECT_EQ(line.next_call(), start + 1min);
  line.sent(start + 70s);
  EXPECT_EQ(line.next_call(), start + 130s);
  EXPECT_FALSE(line.taken(start - 1s)) << "it was on its way when the trouble began";
  EXPECT_TRUE(line.trouble());
  EXPECT_TRUE(line.taken(start + 70s));
  EXPECT_FALSE(line.trouble());
  EXPECT_EQ(line.next_call(), MonotonicTime{});
}

TEST(Suspicion, those_whose_refusals_began_a_trouble_are_guilty_once_others_were_taken) {
  Suspicion line;
  for (const char* person : {"a", "b", "c"})
    refused(line, {person, start});
  ASSERT_TRUE(line.trouble());
  line.taken(start + 1min);
  EXPECT_EQ(refused(line, {"a", start + 62s}), Finding::Guilty);
  EXPECT_EQ(refused(line, {"b", start + 62s}), Finding::Guilty);
  EXPECT_EQ(refused(line, {"c", start + 62s}), Finding::Guilty);
  EXPECT_FALSE(line.trouble());
}

TEST(Suspicion, the_latest_word_of_a_trouble_is_told_but_it_is_as_old_as_it_was) {
  Suspicion line;
  line.refused_for_all(Reason::ListExceededSubscribers, "first", start);
  line.refused_for_all(Reason::ListNotFound, "second", start + 10s);
  ASSERT_TRUE(line.trouble());
  EXPECT_EQ(line.trouble()->reason, Reason::ListNotFound);
  EXPECT_EQ(line.trouble()->message, "second");
  EXPECT_EQ(line.trouble()->since, start);
  EXPECT_EQ(line.next_call(), start + 1min) << "nor does the probe wait longer";
}

TEST(Suspicion, without_trouble_a_call_that_goes_out_makes_nobody_wait) {
  Suspicion line;
  line.sent(start);
  EXPECT_EQ(line.next_call(), MonotonicTime{});
  line.refused_for_all(Reason::Refused, "", start + 1s);
  EXPECT_EQ(line.next_call(), start + 61s);
}

TEST(Suspicion, a_suspect_who_stays_away_for_ten_minutes_is_forgotten) {
  const auto third = [](std::chrono::nanoseconds away) {
    Suspicion line;
    refused(line, {"a", start});
    refused(line, {"b", start});
    return refused(line, {"c", start + away});
  };
  EXPECT_EQ(third(10min), Finding::Innocent) << "three were refused alike";
  EXPECT_EQ(third(10min + 1ns), Finding::Open) << "the first two are forgotten";
}

TEST(Suspicion, a_suspect_who_comes_again_is_remembered_from_then_on) {
  Suspicion line;
  refused(line, {"a", start});
  refused(line, {"a", start + 9min, Reason::Refused, false, true});
  refused(line, {"b", start + 15min});
  EXPECT_EQ(refused(line, {"c", start + 15min}), Finding::Innocent) << "with the first, three alike";
}

TEST(Suspicion, a_suspect_is_counted_by_their_latest_reason) {
  Suspicion line;
  refused(line, {"a", start, Reason::Refused});
  refused(line, {"a", start + 1s, Reason::http(400)});
  refused(line, {"b", start + 1s, Reason::Refused});
  EXPECT_EQ(refused(line, {"c", start + 1s, Reason::Refused}), Finding::Open) << "two of them";
  EXPECT_EQ(refused(line, {"d", start + 1s, Reason::Refused}), Finding::Innocent);
}

TEST(Suspicion, only_the_last_ten_thousand_guilty_are_remembered) {
  Suspicion line;
  const auto is_guilty = [&](const std::string& person, MonotonicTime at) {
    return line.refused_alone({person, Reason::Refused, false, false}, "", at) == Finding::Guilty;
  };
  for (int i = 0; i < 10'000; ++i) {
    is_guilty("p" + std::to_string(i), start);
    line.taken(start);
  }
  EXPECT_TRUE(is_guilty("p0", start)) << "ten thousand are not too many";
  is_guilty("one more", start);
  line.taken(start);
  EXPECT_FALSE(is_guilty("p0", start)) << "all are forgotten, and are found out again";
}

TEST(RefusalWatch, only_refusals_of_others_with_nobody_taken_lately_count) {
  RefusalWatch watch;
  EXPECT_FALSE(watch.all_refused_but("a", start));
  watch.refused("a", start);
  watch.refused("a", start + 1s);
  EXPECT_FALSE(watch.all_refused_but("a", start + 1s));
  EXPECT_TRUE(watch.all_refused_but("b", start + 1s));
  watch.refused("b", start + 2s);
  watch.refused("a", start + 3s);
  EXPECT_TRUE(watch.all_refused_but("a", start + 3s));
  EXPECT_FALSE(watch.all_refused_but("a", start + 62s));
  watch.refused("", start + 63s);
  EXPECT_TRUE(watch.all_refused_but("a", start + 64s)) << "a batch";
  watch.taken(start + 65s);
  EXPECT_FALSE(watch.all_refused_but("a", start + 66s));
}

TEST(RefusalWatch, what_was_taken_a_minute_ago_is_not_lately) {
  RefusalWatch watch;
  watch.taken(start);
  watch.refused("a", start + 30s);
  EXPECT_FALSE(watch.all_refused_but("b", start + 59s));
  EXPECT_TRUE(watch.all_refused_but("b", start + 60s));
  EXPECT_FALSE(watch.all_refused_but("b", start + 90s)) << "nor is the refusal any more";
}

TEST(RefusalWatch, two_batches_are_calls_for_others_of_each_other) {
  RefusalWatch watch;
  watch.refused("", start);
  EXPECT_TRUE(watch.all_refused_but("", start));
  watch.refused("a", start + 1s);
  EXPECT_TRUE(watch.all_refused_but("a", start + 2s)) << "the batch before";
}

}  // namespace
}  // namespace stibee_sync::delivery
