// Answers from the cache: the same as from an upstream, judged as if they came
// from it now.

#include <gtest/gtest.h>

#include "netsvc/dns/interceptor_fixture.h"

namespace sluice::dns {
namespace {

constexpr char kPublicIp[] = "93.184.216.34";

Bytes Web(const std::string& address = kPublicIp) {
  return TestAnswer("web.test", kTypeA).Address("web.test", address).bytes();
}

Bytes Query() { return QueryFor("web.test", kTypeA); }

// What is answered and recorded without an upstream: one that is asked fails.
std::string FromCache(InterceptorFixture& fixture, const Bytes& query = Query()) {
  const size_t asked = fixture.upstream.asked().size();
  const std::string answer = fixture.Ask(query);
  EXPECT_EQ(fixture.upstream.asked().size(), asked);
  EXPECT_TRUE(fixture.events.back().from_cache());
  return answer;
}

void ExpectAsked(InterceptorFixture& fixture, const Bytes& query = Query()) {
  const size_t asked = fixture.upstream.asked().size();
  fixture.Ask(query);
  EXPECT_EQ(fixture.upstream.asked().size(), asked + 1);
  EXPECT_FALSE(fixture.events.back().from_cache());
}

TEST(InterceptorCacheTest, CountsTtlsDown) {
  InterceptorFixture fixture;
  fixture.Ask(Query(), Web());
  EXPECT_FALSE(fixture.events.back().from_cache());
  fixture.loop.Advance(absl::Seconds(100));
  EXPECT_EQ(FromCache(fixture), "NOERROR qr rd ra ? web.test A | web.test 200 A 93.184.216.34");
  EXPECT_EQ(fixture.LastEvent(), "NOERROR allowed 93.184.216.34");
  EXPECT_EQ(fixture.events.back().ttl().seconds(), 200);
  EXPECT_EQ(fixture.resolved.back(), "web.test 93.184.216.34 3m20s");
  fixture.loop.Advance(absl::Seconds(200));
  ExpectAsked(fixture);
}

TEST(InterceptorCacheTest, AnswersInTheWordsOfTheQuery) {
  InterceptorFixture fixture;
  fixture.Ask(Query(), Web());
  EXPECT_EQ(FromCache(fixture, EdnsQueryFor("wEb.TeSt", kTypeA)),
            "NOERROR qr rd ra ? wEb.TeSt A | wEb.TeSt 300 A 93.184.216.34 | | | OPT 1232");
  ExpectAsked(fixture, QueryFor("web.test", kTypeAaaa));
}

TEST(InterceptorCacheTest, NegativeAnswersLiveByTheirSoa) {
  InterceptorFixture fixture;
  const Bytes query = QueryFor("nx.test", kTypeA);
  fixture.Ask(query, TestAnswer("nx.test", kTypeA, kNxDomain).Authority().Ttl(600).Soa("test", 60).bytes());
  fixture.loop.Advance(absl::Seconds(20));
  EXPECT_EQ(FromCache(fixture, query).substr(0, 46), "NXDOMAIN qr rd ra ? nx.test A | | test 40 SOA ")
      << "not 580: MINIMUM bounds it";
  EXPECT_EQ(fixture.LastEvent(), "NXDOMAIN allowed");
  fixture.loop.Advance(absl::Seconds(40));
  ExpectAsked(fixture, query);
}

TEST(InterceptorCacheTest, FailuresAreAskedAgain) {
  InterceptorFixture fixture;
  fixture.Ask(Query(), TestAnswer("web.test", kTypeA, kServFail).bytes());
  ExpectAsked(fixture);
  ExpectAsked(fixture);
  fixture.Ask(Query(), TestAnswer("web.test", kTypeA).Ttl(0).Address("web.test", kPublicIp).bytes());
  ExpectAsked(fixture);
}

TEST(InterceptorCacheTest, APolicyThatDeniesTheNameIsNotGotAround) {
  InterceptorFixture fixture;
  fixture.Ask(Query(), Web());
  fixture.SetPolicy(R"(preset: PRESET_PUBLIC_ONLY rules { id: "no" action: ACTION_DENY peers { domain: "*.test" } })");
  EXPECT_EQ(fixture.Ask(Query()), "NXDOMAIN qr rd ra ? web.test A");
  EXPECT_EQ(fixture.LastEvent(), "NXDOMAIN RULE");
  fixture.SetPolicy("preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(FromCache(fixture), "NOERROR qr rd ra ? web.test A | web.test 300 A 93.184.216.34");
}

TEST(InterceptorCacheTest, APolicyThatDeniesTheAddressIsNotGotAround) {
  InterceptorFixture fixture("preset: PRESET_ALLOW_ALL");
  fixture.Ask(Query(), Web("10.1.2.3"));
  EXPECT_EQ(fixture.LastEvent(), "NOERROR allowed 10.1.2.3");
  fixture.SetPolicy("preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(FromCache(fixture), "NXDOMAIN qr rd ra ? web.test A");
  EXPECT_EQ(fixture.LastEvent(), "NXDOMAIN DNS_REBINDING 10.1.2.3");
  fixture.SetConfig("rebinding_protection: false");
  EXPECT_EQ(FromCache(fixture), "NOERROR qr rd ra ? web.test A | web.test 300 A 10.1.2.3");
}

TEST(InterceptorCacheTest, ANameThatIsBlockedLaterIsNotGotAround) {
  InterceptorFixture fixture;
  const Bytes alias = TestAnswer("web.test", kTypeA).Cname("web.test", "cdn.test").Address("cdn.test", kPublicIp).bytes();
  fixture.Ask(Query(), alias);
  EXPECT_EQ(fixture.LastEvent(), "NOERROR allowed 93.184.216.34");
  fixture.SetConfig(R"(blocked_domains: "cdn.test")");
  EXPECT_EQ(FromCache(fixture), "NXDOMAIN qr rd ra ? web.test A");
  EXPECT_EQ(fixture.LastEvent(), "NXDOMAIN DNS_BLOCKED");
  fixture.SetConfig(R"(blocked_domains: "web.test")");
  EXPECT_EQ(fixture.Ask(Query()), "NXDOMAIN qr rd ra ? web.test A");
  EXPECT_FALSE(fixture.events.back().from_cache()) << "refused ahead of the cache";
}

TEST(InterceptorCacheTest, RefusedAnswersAreKeptForWhoMayHaveThem) {
  InterceptorFixture fixture;
  fixture.Ask(Query(), Web("10.1.2.3"));
  EXPECT_EQ(fixture.LastEvent(), "NXDOMAIN DNS_REBINDING 10.1.2.3");
  fixture.SetPolicy("preset: PRESET_ALLOW_ALL");
  EXPECT_EQ(FromCache(fixture), "NOERROR qr rd ra ? web.test A | web.test 300 A 10.1.2.3");
}

TEST(InterceptorCacheTest, OtherNameserversAreAskedAnew) {
  InterceptorFixture fixture;
  fixture.Ask(Query(), Web());
  fixture.interceptor->OnNameserversChanged();
  ExpectAsked(fixture);
  // An answer of the former ones that is still on its way is given out, not kept.
  fixture.Send(Query());
  fixture.interceptor->OnNameserversChanged();
  fixture.Answer(Web());
  EXPECT_EQ(fixture.LastEvent(), "NOERROR allowed 93.184.216.34");
  ExpectAsked(fixture);
}

TEST(InterceptorCacheTest, NobodyWaitsForNameserversThatAreNotAskedAnyMore) {
  InterceptorFixture fixture;
  fixture.Send(Query());
  fixture.interceptor->OnNameserversChanged();
  fixture.Send(Query());
  EXPECT_EQ(fixture.upstream.asked().size(), 2u);
  fixture.Answer(absl::DeadlineExceededError("timed out"));
  EXPECT_EQ(fixture.answers().size(), 1u);
  EXPECT_EQ(fixture.LastEvent(), "SERVFAIL allowed");
  fixture.Answer(Web());
  EXPECT_EQ(fixture.answers().size(), 2u);
  EXPECT_EQ(fixture.LastEvent(), "NOERROR allowed 93.184.216.34");
}

TEST(InterceptorCacheTest, TooLargeForUdpIsAnsweredOverTcpFromTheCache) {
  InterceptorFixture fixture;
  TestAnswer many("web.test", kTypeA);
  for (int i = 0; i < 100; ++i) many.Address("web.test", kPublicIp);
  EXPECT_EQ(fixture.Ask(Query(), many.bytes()), "NOERROR qr tc rd ra ? web.test A");
  fixture.asked.transport = v1::PROTOCOL_TCP;
  FromCache(fixture);
  EXPECT_EQ(fixture.events.back().addresses_size(), 100);
}

}  // namespace
}  // namespace sluice::dns
