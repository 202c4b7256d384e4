#include "netsvc/dns/bindings.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::dns {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

DomainName Name(const std::string& text) { return DomainName::FromText(text).value(); }
IpAddress Address(const std::string& text) { return *IpAddress::Parse(text); }

const IpAddress kOne = Address("192.0.2.1");
const IpAddress kTwo = Address("192.0.2.2");
const IpAddress kSix = Address("2001:db8::1");

class BindingsTest : public testing::Test {
 protected:
  void Bind(const std::string& name, const std::vector<IpAddress>& addresses,
            absl::Duration ttl = absl::ZeroDuration()) {
    bindings_.Bind(Name(name), addresses, ttl);
  }
  std::vector<std::string> Live(const IpAddress& address) { return Texts(bindings_.NamesOf(address).live); }
  std::vector<std::string> Stale(const IpAddress& address) { return Texts(bindings_.NamesOf(address).stale); }

  static std::vector<std::string> Texts(const std::vector<DomainName>& names) {
    std::vector<std::string> texts;
    for (const DomainName& name : names) texts.push_back(name.ToString());
    return texts;
  }

  FakeClock clock_;
  Bindings bindings_{clock_};
};

TEST_F(BindingsTest, TellsTheNamesOfAnAddressThoseBoundLastFirst) {
  Bind("a.test", {kOne, kSix});
  Bind("b.test", {kOne});
  EXPECT_THAT(Live(kOne), ElementsAre("b.test", "a.test"));
  EXPECT_THAT(Live(kSix), ElementsAre("a.test"));
  EXPECT_THAT(Live(kTwo), IsEmpty());
  Bind("A.TEST.", {kOne});
  EXPECT_THAT(Live(kOne), ElementsAre("a.test", "b.test"));
  EXPECT_EQ(bindings_.size(), 3u);
  EXPECT_EQ(bindings_.counters().bound, 3u);
  EXPECT_EQ(bindings_.counters().renewed, 1u);
}

TEST_F(BindingsTest, APairLivesForItsTtlAndAMinuteAtLeast) {
  Bind("short.test", {kOne}, absl::Seconds(0));
  Bind("long.test", {kOne}, absl::Seconds(300));
  clock_.Advance(absl::Seconds(60) - absl::Milliseconds(1));
  EXPECT_TRUE(bindings_.IsLive(Name("short.test"), kOne));
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_FALSE(bindings_.IsLive(Name("short.test"), kOne));
  EXPECT_THAT(Live(kOne), ElementsAre("long.test"));
  EXPECT_THAT(Stale(kOne), ElementsAre("short.test"));
  clock_.Advance(absl::Seconds(240));
  EXPECT_THAT(Live(kOne), IsEmpty());
}

TEST_F(BindingsTest, AStalePairIsRenewedOrDroppedByTheFreshAnswer) {
  Bind("stays.test", {kOne});
  Bind("moves.test", {kOne});
  clock_.Advance(absl::Minutes(2));
  Bind("stays.test", {kOne});
  Bind("moves.test", {kTwo});
  bindings_.DropIfStale(Name("stays.test"), kOne);
  bindings_.DropIfStale(Name("moves.test"), kOne);
  EXPECT_THAT(Live(kOne), ElementsAre("stays.test"));
  EXPECT_THAT(Stale(kOne), IsEmpty());
  EXPECT_THAT(Live(kTwo), ElementsAre("moves.test"));
  EXPECT_EQ(bindings_.counters().dropped, 1u);
}

TEST_F(BindingsTest, DropsThePairsThatMayNotBeAnyMore) {
  Bind("good.test", {kOne});
  Bind("bad.test", {kOne, kTwo});
  bindings_.Use(kOne, std::vector{Name("bad.test")});
  bindings_.DropIf([](const DomainName& name, const IpAddress&) { return name == Name("bad.test"); });
  EXPECT_THAT(Live(kOne), ElementsAre("good.test"));
  EXPECT_THAT(Live(kTwo), IsEmpty());
  EXPECT_EQ(bindings_.counters().dropped, 2u);
  Bind("good.test", {kTwo});
  bindings_.DropIf([](const DomainName&, const IpAddress& address) { return address == kTwo; });
  EXPECT_THAT(Live(kOne), ElementsAre("good.test"));
  EXPECT_THAT(Live(kTwo), IsEmpty());
}

TEST_F(BindingsTest, ANameKeepsItsYoungestPairs) {
  for (uint32_t i = 0; i < Bindings::kMaxPairsOfName + 10; ++i) Bind("many.test", {IpAddress::V4(i)});
  EXPECT_EQ(bindings_.size(), Bindings::kMaxPairsOfName);
  EXPECT_EQ(bindings_.counters().evicted, 10u);
  EXPECT_THAT(Live(IpAddress::V4(9)), IsEmpty());
  EXPECT_THAT(Live(IpAddress::V4(10)), ElementsAre("many.test"));
}

TEST_F(BindingsTest, WhenFullTheOldestThatNoFlowUsesGoes) {
  Bind("used.test", {kOne});
  bindings_.Use(kOne, std::vector{Name("used.test")});
  Bind("idle.test", {kTwo});
  for (uint32_t i = 2; i < Bindings::kMaxPairs; ++i) Bind(absl::StrCat("n", i, ".test"), {IpAddress::V4(i)});
  EXPECT_EQ(bindings_.counters().evicted, 0u);
  Bind("new.test", {kSix});
  EXPECT_EQ(bindings_.size(), Bindings::kMaxPairs);
  EXPECT_THAT(Live(kOne), ElementsAre("used.test"));
  EXPECT_THAT(Live(kTwo), IsEmpty());

  bindings_.Release(kOne, std::vector{Name("used.test")});
  for (uint32_t i = 0; i < Bindings::kMaxPairs; ++i) Bind(absl::StrCat("m", i, ".test"), {IpAddress::V4(i)});
  EXPECT_THAT(Live(kOne), IsEmpty());
}

TEST_F(BindingsTest, WhenAllAreInUseTheOldestGoesAllTheSame) {
  for (uint32_t i = 0; i < Bindings::kMaxPairs; ++i) {
    const DomainName name = Name(absl::StrCat("n", i, ".test"));
    bindings_.Bind(name, std::vector{IpAddress::V4(i)}, absl::ZeroDuration());
    bindings_.Use(IpAddress::V4(i), std::vector{name});
  }
  Bind("new.test", {kSix});
  EXPECT_THAT(Live(IpAddress::V4(0)), IsEmpty());
  EXPECT_THAT(Live(IpAddress::V4(1)), ElementsAre("n1.test"));
  // Of a pair that is gone, and was bound anew since: harmless.
  bindings_.Release(IpAddress::V4(0), std::vector{Name("n0.test")});
  Bind("n0.test", {IpAddress::V4(0)});
  bindings_.Release(IpAddress::V4(0), std::vector{Name("n0.test")});
  EXPECT_THAT(Live(IpAddress::V4(0)), ElementsAre("n0.test"));
}

TEST_F(BindingsTest, ToldNamesAreBounded) {
  for (size_t i = 0; i < Bindings::kMaxNamesTold + 5; ++i) Bind(absl::StrCat("n", i, ".test"), {kOne});
  EXPECT_EQ(Live(kOne).size(), Bindings::kMaxNamesTold);
  EXPECT_EQ(Live(kOne).front(), absl::StrCat("n", Bindings::kMaxNamesTold + 4, ".test"));
  // The pair itself is known all the same.
  EXPECT_TRUE(bindings_.IsLive(Name("n0.test"), kOne));
}

}  // namespace
}  // namespace sluice::dns
