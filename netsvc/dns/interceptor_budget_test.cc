// Limits on queries a second and on names a domain a minute, and the rate of the
// events that tell of them.

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "netsvc/dns/interceptor_fixture.h"

namespace sluice::dns {
namespace {

Bytes Answer(const std::string& name) { return TestAnswer(name, kTypeA).Address(name, "93.184.216.34").bytes(); }

std::string Ask(InterceptorFixture& fixture, const std::string& name) {
  return fixture.Ask(EdnsQueryFor(name, kTypeA), Answer(name));
}

std::string Refused(const std::string& name) {
  return absl::StrCat("REFUSED qr rd ra ? ", name, " A | | | OPT 1232 EDE=18 DNS_BUDGET");
}

TEST(InterceptorBudgetTest, RefusesQueriesPastTheRate) {
  InterceptorFixture fixture("preset: PRESET_PUBLIC_ONLY", "max_queries_per_second: 2");
  for (const char* name : {"a.test", "b.test"}) EXPECT_NE(Ask(fixture, name), Refused(name));
  EXPECT_EQ(Ask(fixture, "c.test"), Refused("c.test"));
  EXPECT_EQ(fixture.upstream.asked().size(), 2u);
  EXPECT_EQ(fixture.LastEvent(), "REFUSED DNS_BUDGET");
  EXPECT_EQ(fixture.events.back().name(), "c.test");
  EXPECT_EQ(fixture.interceptor->counters().over_budget, 1u);
  EXPECT_EQ(Ask(fixture, "a.test"), Refused("a.test")) << "the cache is no way round it";
  fixture.loop.Advance(absl::Seconds(1));
  EXPECT_NE(Ask(fixture, "c.test"), Refused("c.test"));
}

TEST(InterceptorBudgetTest, DeniedQueriesCountToo) {
  InterceptorFixture fixture("preset: PRESET_PUBLIC_ONLY", R"(max_queries_per_second: 1 blocked_domains: "a.test")");
  EXPECT_NE(Ask(fixture, "a.test"), Refused("a.test"));
  EXPECT_EQ(Ask(fixture, "b.test"), Refused("b.test"));
}

TEST(InterceptorBudgetTest, RefusesNamesPastADomainsLimit) {
  InterceptorFixture fixture("preset: PRESET_PUBLIC_ONLY", "max_names_per_domain: 2");
  for (const char* name : {"a.x.test", "b.y.x.test", "a.z.test"}) EXPECT_NE(Ask(fixture, name), Refused(name));
  EXPECT_EQ(Ask(fixture, "c.x.test"), Refused("c.x.test"));
  EXPECT_EQ(fixture.LastEvent(), "REFUSED DNS_BUDGET");
  EXPECT_EQ(fixture.upstream.asked().size(), 3u);
  EXPECT_NE(Ask(fixture, "a.x.test"), Refused("a.x.test")) << "asked already";
  EXPECT_NE(fixture.Ask(QueryFor("a.x.test", kTypeAaaa)), "") << "another type is no other name";
  fixture.loop.Advance(absl::Minutes(1));
  EXPECT_NE(Ask(fixture, "c.x.test"), Refused("c.x.test"));
}

TEST(InterceptorBudgetTest, NamesThatDoNotLeaveDoNotCount) {
  InterceptorFixture fixture("preset: PRESET_PUBLIC_ONLY", R"(max_names_per_domain: 1 blocked_domains: "*.b.x.test")");
  for (int i = 0; i < 10; ++i) Ask(fixture, absl::StrCat("n", i, ".b.x.test"));
  EXPECT_EQ(fixture.interceptor->counters().over_budget, 0u);
  EXPECT_NE(Ask(fixture, "a.x.test"), Refused("a.x.test"));
  EXPECT_EQ(Ask(fixture, "c.x.test"), Refused("c.x.test"));
}

TEST(InterceptorBudgetTest, LimitsChangeWhileItRuns) {
  InterceptorFixture fixture;
  for (int i = 0; i < 10; ++i) Ask(fixture, absl::StrCat("n", i, ".x.test"));
  fixture.SetConfig("max_names_per_domain: 1");
  EXPECT_NE(Ask(fixture, "a.x.test"), Refused("a.x.test"));
  EXPECT_EQ(Ask(fixture, "b.x.test"), Refused("b.x.test"));
  fixture.SetConfig("");
  EXPECT_NE(Ask(fixture, "b.x.test"), Refused("b.x.test"));
}

TEST(InterceptorBudgetTest, AFloodIsAnEventASecond) {
  InterceptorFixture fixture("preset: PRESET_PUBLIC_ONLY", "max_queries_per_second: 1");
  Ask(fixture, "a.test");
  for (int i = 0; i < 1'000; ++i) Ask(fixture, absl::StrCat("n", i, ".test"));
  ASSERT_EQ(fixture.events.size(), 2u);  // the answer, the first refusal
  EXPECT_EQ(fixture.events[1].count(), 1u);
  fixture.loop.Advance(absl::Seconds(1));
  ASSERT_EQ(fixture.events.size(), 3u);
  EXPECT_EQ(fixture.events[2].count(), 999u);
  EXPECT_EQ(fixture.events[2].name(), "n1.test");
  EXPECT_EQ(fixture.LastEvent(), "REFUSED DNS_BUDGET");
  fixture.loop.Advance(absl::Seconds(10));
  EXPECT_EQ(fixture.events.size(), 3u);
}

TEST(InterceptorBudgetTest, WhatIsHeldBackCanBeFlushed) {
  InterceptorFixture fixture;
  for (int i = 0; i < 5; ++i) fixture.Send({1, 2, 3});
  EXPECT_EQ(fixture.events.size(), 1u);
  fixture.interceptor->FlushEvents();
  ASSERT_EQ(fixture.events.size(), 2u);
  EXPECT_EQ(fixture.events[1].count(), 4u);
  fixture.interceptor->FlushEvents();
  EXPECT_EQ(fixture.events.size(), 2u);
}

}  // namespace
}  // namespace sluice::dns
