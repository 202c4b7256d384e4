#include "netsvc/dns/own_query.h"

#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/dns/interceptor_fixture.h"
#include "netsvc/dns/test_message.h"

namespace sluice::dns {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Endpoint kGateway = *Endpoint::Parse("10.0.2.3:53");

// What AskOwn told, if it has.
std::optional<bool> Ask(InterceptorFixture& fixture, const absl::StatusOr<Bytes>& answer) {
  std::optional<bool> told;
  AskOwn(*fixture.interceptor, kGateway, DomainName::FromText("a.test").value(), kTypeA,
         [&told](bool answered) { told = answered; });
  while (fixture.upstream.waiting() > 0) fixture.Answer(answer);
  fixture.loop.RunUntilIdle();
  return told;
}

TEST(OwnQueryTest, BindsTheAnswerAndRecordsIt) {
  InterceptorFixture fixture;
  EXPECT_EQ(Ask(fixture, TestAnswer("a.test", kTypeA).Address("a.test", "93.184.216.34").bytes()), true);
  EXPECT_THAT(fixture.resolved, ElementsAre("a.test 93.184.216.34 5m"));
  EXPECT_EQ(fixture.LastEvent(), "NOERROR allowed 93.184.216.34");
}

TEST(OwnQueryTest, NeedsNoResolverOfTheGuests) {
  InterceptorFixture fixture(R"(preset: PRESET_PUBLIC_ONLY
                                rules { action: ACTION_DENY peers { group: ADDRESS_GROUP_HOST } })");
  fixture.asked.resolver = *Endpoint::Parse("10.0.2.2:53");
  fixture.Ask(QueryFor("a.test", kTypeA));
  EXPECT_EQ(fixture.LastEvent(), "NXDOMAIN RULE");
  EXPECT_EQ(Ask(fixture, TestAnswer("a.test", kTypeA).Address("a.test", "93.184.216.34").bytes()), true);
}

TEST(OwnQueryTest, ANameThatIsDeniedOrGoneIsAnAnswer) {
  InterceptorFixture denied(R"(preset: PRESET_PUBLIC_ONLY
                               rules { action: ACTION_DENY peers { domain: "a.test" } })");
  EXPECT_EQ(Ask(denied, absl::UnavailableError("not asked")), true);
  EXPECT_THAT(denied.resolved, IsEmpty());
  EXPECT_THAT(denied.upstream.asked(), IsEmpty());
  InterceptorFixture gone;
  EXPECT_EQ(Ask(gone, TestAnswer("a.test", kTypeA, kNxDomain).bytes()), true);
  EXPECT_THAT(gone.resolved, IsEmpty());
}

TEST(OwnQueryTest, SilentResolversAreNone) {
  InterceptorFixture fixture;
  EXPECT_EQ(Ask(fixture, absl::DeadlineExceededError("silent")), false);
}

}  // namespace
}  // namespace sluice::dns
