#include "netsvc/dns/interceptor.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/dns/interceptor_fixture.h"

namespace sluice::dns {
namespace {

constexpr char kPublicIp[] = "93.184.216.34";

Bytes Web() { return TestAnswer("web.test", kTypeA).Address("web.test", kPublicIp).bytes(); }

// `count` addresses: 16 bytes each beside header and question. Not to be cached.
Bytes Many(int count) {
  TestAnswer answer("web.test", kTypeA);
  answer.Ttl(0);
  for (int i = 0; i < count; ++i) answer.Address("web.test", absl::StrCat("1.1.", i / 250, ".", i % 250 + 1));
  return answer.bytes();
}

TEST(InterceptorTest, EchoesIdCaseAndFlags) {
  InterceptorFixture fixture;
  Bytes query = QueryFor("wEb.TeSt", kTypeA);
  Store16(&query[0], 0xbeef);
  Store16(&query[2], kFlagCheckingDisabled);  // no RD
  EXPECT_EQ(fixture.Ask(query, Web()), "NOERROR qr ra cd ? wEb.TeSt A | wEb.TeSt 300 A 93.184.216.34");
  EXPECT_EQ(Load16(fixture.answers()[0].data()), 0xbeef);
}

TEST(InterceptorTest, ClearsWhatTheUpstreamVouchedFor) {
  InterceptorFixture fixture;
  Bytes answer = Web();
  Store16(&answer[2], Load16(&answer[2]) | 0x0420);  // AA, AD
  EXPECT_EQ(fixture.Ask(QueryFor("web.test", kTypeA), answer),
            "NOERROR qr rd ra ? web.test A | web.test 300 A 93.184.216.34");
}

TEST(InterceptorTest, GivesItsOwnOptAndOnlyToWhoHasOne) {
  InterceptorFixture fixture;
  TestAnswer answer("web.test", kTypeA);
  answer.Address("web.test", kPublicIp).Additional().Raw(".", kTypeOpt, Bytes{0, 10, 0, 2, 1, 2}, 4096);
  const std::string plain = "NOERROR qr rd ra ? web.test A | web.test 300 A 93.184.216.34";
  EXPECT_EQ(fixture.Ask(QueryFor("web.test", kTypeA), answer.bytes()), plain);
  EXPECT_EQ(fixture.Ask(EdnsQueryFor("web.test", kTypeA), answer.bytes()), plain + " | | | OPT 1232");
}

TEST(InterceptorTest, NamesAreComparedByTheirBytes) {
  // "web\.test" as one label is not web.test, nor is one that ends in a NUL.
  InterceptorFixture fixture("preset: PRESET_PUBLIC_ONLY", R"(blocked_domains: "*.test")");
  Bytes dotted(kHeaderSize);
  dotted[5] = 1;
  const Bytes one_label = {8, 'w', 'e', 'b', '.', 't', 'e', 's', 't', 0, 0, 1, 0, 1};
  dotted.insert(dotted.end(), one_label.begin(), one_label.end());
  Bytes nul = dotted;
  nul[kHeaderSize + 4] = 0;
  for (const Bytes& query : {dotted, nul}) {
    fixture.Send(query);
    EXPECT_EQ(fixture.upstream.waiting(), 1u);
    fixture.Answer(absl::UnavailableError("none"));
  }
  EXPECT_EQ(fixture.events[0].name(), "web\\.test");
  EXPECT_EQ(fixture.events[1].name(), "web\\000test");
  EXPECT_EQ(fixture.Ask(QueryFor("web.test", kTypeA)), "NXDOMAIN qr rd ra ? web.test A");
}

TEST(InterceptorTest, TruncatesWhatDoesNotFitAUdpAnswer) {
  InterceptorFixture fixture;
  const std::string truncated = "NOERROR qr tc rd ra ? web.test A";
  // 26 + 16 n bytes: 30 make 506, 31 make 522; 75 make 1226, with OPT 1237.
  EXPECT_NE(fixture.Ask(QueryFor("web.test", kTypeA), Many(30)), truncated);
  EXPECT_EQ(fixture.events.back().addresses_size(), 30);
  EXPECT_EQ(fixture.Ask(QueryFor("web.test", kTypeA), Many(31)), truncated);
  EXPECT_EQ(fixture.events.back().addresses_size(), 0);
  EXPECT_EQ(fixture.events.back().response_code(), "NOERROR");
  EXPECT_NE(fixture.Ask(EdnsQueryFor("web.test", kTypeA, 1232), Many(74)), truncated + " | | | OPT 1232");
  EXPECT_EQ(fixture.Ask(EdnsQueryFor("web.test", kTypeA, 1232), Many(75)), truncated + " | | | OPT 1232");
  // However much the guest would take, the link takes no more.
  EXPECT_EQ(fixture.Ask(EdnsQueryFor("web.test", kTypeA, 4096), Many(75)), truncated + " | | | OPT 1232");
  // A size below the least that there is counts as that.
  EXPECT_NE(fixture.Ask(EdnsQueryFor("web.test", kTypeA, 100), Many(20)), truncated + " | | | OPT 1232");
}

TEST(InterceptorTest, OverTcpAnAnswerMayBe64K) {
  InterceptorFixture fixture;
  fixture.asked.transport = v1::PROTOCOL_TCP;
  const Bytes big = Many(4'094);
  EXPECT_GT(big.size(), 65'500u);
  fixture.Ask(QueryFor("web.test", kTypeA), big);
  EXPECT_EQ(fixture.answers().back().size(), big.size());
  EXPECT_EQ(fixture.events.back().addresses_size(), static_cast<int>(NameJudge::kMaxAddresses));
  EXPECT_EQ(fixture.events.back().transport(), v1::PROTOCOL_TCP);
}

TEST(InterceptorTest, TellsWhatItDid) {
  InterceptorFixture fixture;
  fixture.Send(QueryFor("Web.Test", kTypeA));
  fixture.loop.Advance(absl::Milliseconds(250));
  fixture.Answer(TestAnswer("web.test", kTypeA)
                     .Cname("web.test", "cdn.test")
                     .Ttl(20)
                     .Address("cdn.test", kPublicIp)
                     .Ttl(5)
                     .Address("other.test", "1.1.1.1")
                     .bytes());
  ASSERT_EQ(fixture.events.size(), 1u);
  const v1::DnsEvent& event = fixture.events[0];
  EXPECT_EQ(event.name(), "web.test");
  EXPECT_EQ(event.type(), "A");
  EXPECT_EQ(event.transport(), v1::PROTOCOL_UDP);
  EXPECT_EQ(event.resolver().address(), "8.8.8.8");
  EXPECT_EQ(event.resolver().port(), 53u);
  EXPECT_EQ(event.latency().nanos(), 250'000'000);
  EXPECT_EQ(event.ttl().seconds(), 20);
  EXPECT_FALSE(event.from_cache());
  EXPECT_EQ(fixture.LastEvent(), "NOERROR allowed 93.184.216.34");
  EXPECT_EQ(fixture.resolved, std::vector<std::string>{"web.test 93.184.216.34 20s"});
}

TEST(InterceptorTest, DeniedAnswersBindNothing) {
  InterceptorFixture fixture;
  fixture.Ask(QueryFor("web.test", kTypeA), TestAnswer("web.test", kTypeA).Address("web.test", "10.1.2.3").bytes());
  EXPECT_TRUE(fixture.resolved.empty());
}

TEST(InterceptorTest, FailsClosedWhereItCannotRecord) {
  InterceptorFixture fixture;
  fixture.can_record = false;
  EXPECT_EQ(fixture.Ask(EdnsQueryFor("web.test", kTypeA), Web()),
            "SERVFAIL qr rd ra ? web.test A | | | OPT 1232 EDE=0 AUDIT_UNAVAILABLE");
  EXPECT_TRUE(fixture.resolved.empty());
  EXPECT_EQ(fixture.interceptor->answers().counters().unrecorded, 1u);
  fixture.can_record = true;
  EXPECT_EQ(fixture.Ask(QueryFor("web.test", kTypeA), Web()),
            "NOERROR qr rd ra ? web.test A | web.test 300 A 93.184.216.34");
}

// Queries that come in one turn of the loop.
void SendTogether(InterceptorFixture& fixture, int count, int& answers) {
  for (int i = 0; i < count; ++i) {
    fixture.interceptor->OnDatagram(fixture.asked, QueryFor("host.sluice.internal", kTypeA),
                                    [&answers](std::span<const uint8_t>) { ++answers; });
  }
}

TEST(InterceptorTest, OneWriteHasTheEventsOfATurnAheadOfItsAnswers) {
  InterceptorFixture fixture;
  int answers = 0;
  SendTogether(fixture, 10, answers);
  EXPECT_EQ(fixture.events.size(), 10u);
  EXPECT_EQ(fixture.commits, 0);
  EXPECT_EQ(answers, 0);
  fixture.loop.RunUntilIdle();
  EXPECT_EQ(fixture.commits, 1);
  EXPECT_EQ(answers, 10);
}

TEST(InterceptorTest, AFullQueueDoesNotWaitForTheTurnsEnd) {
  InterceptorFixture fixture;
  constexpr int kFull = AnswerQueue::kMaxWaiting;
  int answers = 0;
  SendTogether(fixture, kFull + 1, answers);
  EXPECT_EQ(answers, kFull);
  fixture.loop.RunUntilIdle();
  EXPECT_EQ(answers, kFull + 1);
  EXPECT_EQ(fixture.commits, 2);
}

TEST(InterceptorTest, WhatTheOldPolicyAnsweredLeavesAheadOfTheNewOne) {
  InterceptorFixture fixture;
  int answers = 0;
  SendTogether(fixture, 3, answers);
  fixture.SetPolicy("preset: PRESET_ALLOWLIST");
  EXPECT_EQ(answers, 3);
}

TEST(InterceptorTest, AListThatIsSetAgainCountsForTheNextQuery) {
  InterceptorFixture fixture("preset: PRESET_PUBLIC_ONLY", "block_lists: ['ads', 'more']");
  EXPECT_EQ(fixture.Ask(QueryFor("web.test", kTypeA), Web()),
            "NOERROR qr rd ra ? web.test A | web.test 300 A 93.184.216.34");
  policy::DomainSet::Builder ads;
  ASSERT_TRUE(ads.Add(DomainPattern::Parse("*.test").value()).ok());
  fixture.lists.Set("more", std::move(ads).Build());
  EXPECT_EQ(fixture.Ask(QueryFor("web.test", kTypeA)), "NXDOMAIN qr rd ra ? web.test A");
  EXPECT_EQ(fixture.LastEvent(), "NXDOMAIN DNS_BLOCKED");
  fixture.lists.Set("more", policy::DomainSet());
  EXPECT_EQ(fixture.Ask(QueryFor("web.test", kTypeA), Web()),
            "NOERROR qr rd ra ? web.test A | web.test 300 A 93.184.216.34");
}

TEST(InterceptorTest, SaysWhyTheUpstreamIsSilent) {
  InterceptorFixture fixture;
  EXPECT_EQ(fixture.Ask(EdnsQueryFor("web.test", kTypeA), absl::DeadlineExceededError("timed out")),
            "SERVFAIL qr rd ra ? web.test A | | | OPT 1232 EDE=22 timed out");
}

TEST(InterceptorTest, AsksOnceForAllWhoAskTheSame) {
  InterceptorFixture fixture;
  fixture.Send(QueryFor("web.test", kTypeA));
  fixture.Send(QueryFor("WEB.test", kTypeA));
  fixture.Send(QueryFor("web.test", kTypeAaaa));
  EXPECT_EQ(fixture.upstream.asked(), (std::vector<std::string>{"web.test A", "web.test AAAA"}));
  fixture.Answer(Web());
  ASSERT_EQ(fixture.answers().size(), 2u);
  EXPECT_EQ(ToText(fixture.answers()[1]), "NOERROR qr rd ra ? WEB.test A | WEB.test 300 A 93.184.216.34");
  EXPECT_EQ(fixture.interceptor->counters().merged, 1u);
}

TEST(InterceptorTest, BoundsTheQueriesInFlight) {
  InterceptorFixture fixture;
  for (int i = 0; i < Interceptor::kMaxInFlight; ++i) fixture.Send(QueryFor(absl::StrCat("h", i, ".test"), kTypeA));
  EXPECT_TRUE(fixture.answers().empty());
  fixture.Send(EdnsQueryFor("h0.test", kTypeA));  // merging makes no room
  ASSERT_EQ(fixture.answers().size(), 1u);
  EXPECT_EQ(ToText(fixture.answers()[0]), "SERVFAIL qr rd ra ? h0.test A | | | OPT 1232 EDE=0 LIMIT");
  EXPECT_EQ(fixture.LastEvent(), "SERVFAIL LIMIT");
  EXPECT_EQ(fixture.interceptor->counters().over_limit, 1u);
  fixture.Answer(absl::UnavailableError("none"));
  fixture.Send(QueryFor("web.test", kTypeA));
  EXPECT_EQ(fixture.upstream.asked().back(), "web.test A");
}

TEST(InterceptorTest, JudgesAgainWhatWaitedAcrossAPolicyChange) {
  InterceptorFixture fixture;
  fixture.Send(QueryFor("web.test", kTypeA));
  fixture.Send(QueryFor("ok.net", kTypeA));
  fixture.SetPolicy(R"(preset: PRESET_PUBLIC_ONLY rules { id: "no" action: ACTION_DENY peers { domain: "*.test" } })");
  fixture.Answer(Web());
  EXPECT_EQ(ToText(fixture.answers()[0]), "NXDOMAIN qr rd ra ? web.test A");
  EXPECT_EQ(fixture.LastEvent(), "NXDOMAIN RULE");
  fixture.Answer(TestAnswer("ok.net", kTypeA).Address("ok.net", kPublicIp).bytes());
  EXPECT_EQ(fixture.LastEvent(), "NOERROR allowed 93.184.216.34");
}

TEST(InterceptorTest, JudgesAddressesByThePolicyOfTheAnswer) {
  InterceptorFixture fixture("preset: PRESET_ALLOW_ALL");
  fixture.Send(QueryFor("web.test", kTypeA));
  fixture.SetPolicy("preset: PRESET_PUBLIC_ONLY");
  fixture.Answer(TestAnswer("web.test", kTypeA).Address("web.test", "10.1.2.3").bytes());
  EXPECT_EQ(fixture.LastEvent(), "NXDOMAIN DNS_REBINDING 10.1.2.3");
}

TEST(InterceptorTest, DropsWhatWaitsWhenItEnds) {
  InterceptorFixture fixture;
  fixture.Send(QueryFor("web.test", kTypeA));
  fixture.interceptor.reset();
  EXPECT_EQ(fixture.upstream.waiting(), 0u);
  EXPECT_TRUE(fixture.answers().empty());
}

TEST(InterceptorTest, ReportsMalformedMessagesOnceASecond) {
  InterceptorFixture fixture;
  for (int i = 0; i < 100; ++i) fixture.Send({1, 2, 3});
  for (int i = 0; i < 100; ++i) fixture.Send(Bytes(kHeaderSize));
  EXPECT_EQ(fixture.events.size(), 1u);
  EXPECT_EQ(fixture.answers().size(), 100u);  // FORMERR each
  EXPECT_EQ(fixture.interceptor->counters().malformed, 200u);
  fixture.loop.Advance(absl::Seconds(1));
  fixture.Send({1, 2, 3});
  EXPECT_EQ(fixture.events.size(), 2u);
}

}  // namespace
}  // namespace sluice::dns
