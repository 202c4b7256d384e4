#include "netsvc/dns/query_budget.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sluice::dns {
namespace {

constexpr absl::Duration kStart = absl::Hours(1);

DomainName Name(const std::string& text) { return *DomainName::FromText(text); }

TEST(RegistrableDomainTest, GoesByThePublicSuffixList) {
  EXPECT_EQ(RegistrableDomain(Name("a.b.example.com")), Name("example.com"));
  EXPECT_EQ(RegistrableDomain(Name("example.com")), Name("example.com"));
  EXPECT_EQ(RegistrableDomain(Name("a.b.example.co.uk")), Name("example.co.uk"));
  EXPECT_EQ(RegistrableDomain(Name("a.b.tunnel.test")), Name("tunnel.test"));  // not on the list
  EXPECT_EQ(RegistrableDomain(Name("a.b.example.xn--p1ai")), Name("example.xn--p1ai"));
  EXPECT_EQ(RegistrableDomain(Name("co.uk")), Name("co.uk"));
  EXPECT_EQ(RegistrableDomain(DomainName()), DomainName());
}

TEST(RegistrableDomainTest, CountsLabelsNotDots) {
  const std::vector<uint8_t> dotted = {3, 'a', '.', 0, 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0};
  EXPECT_EQ(RegistrableDomain(*DomainName::FromWire(dotted)), Name("example.com"));
}

TEST(QueryBudgetTest, LimitsNothingUnlessTold) {
  QueryBudget budget;
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(budget.TakeQuery(kStart));
    ASSERT_TRUE(budget.TakeName(Name(absl::StrCat("n", i, ".example.com")), kStart));
  }
}

TEST(QueryBudgetTest, ASecondsQueriesMayComeAtOnce) {
  QueryBudget budget;
  budget.SetLimits({.queries_per_second = 10});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(budget.TakeQuery(kStart));
  EXPECT_FALSE(budget.TakeQuery(kStart));
  EXPECT_FALSE(budget.TakeQuery(kStart + absl::Milliseconds(99)));
  EXPECT_TRUE(budget.TakeQuery(kStart + absl::Milliseconds(101)));
  EXPECT_FALSE(budget.TakeQuery(kStart + absl::Milliseconds(101)));
  // However long nothing was asked.
  int taken = 0;
  while (budget.TakeQuery(kStart + absl::Hours(1))) ++taken;
  EXPECT_EQ(taken, 10);
}

TEST(QueryBudgetTest, LimitsDistinctNamesOfADomain) {
  QueryBudget budget;
  budget.SetLimits({.names_per_domain = 2});
  EXPECT_TRUE(budget.TakeName(Name("a.example.com"), kStart));
  EXPECT_TRUE(budget.TakeName(Name("b.c.example.com"), kStart));
  EXPECT_FALSE(budget.TakeName(Name("d.example.com"), kStart));
  EXPECT_TRUE(budget.TakeName(Name("a.example.com"), kStart)) << "asked already";
  EXPECT_TRUE(budget.TakeName(Name("d.example.net"), kStart)) << "another domain";
  EXPECT_FALSE(budget.TakeName(Name("e.example.com"), kStart + absl::Seconds(59)));
  EXPECT_TRUE(budget.TakeName(Name("e.example.com"), kStart + absl::Seconds(60)));
}

TEST(QueryBudgetTest, TheWindowSlides) {
  QueryBudget budget;
  budget.SetLimits({.names_per_domain = 2});
  EXPECT_TRUE(budget.TakeName(Name("a.example.com"), kStart));
  EXPECT_TRUE(budget.TakeName(Name("b.example.com"), kStart + absl::Seconds(50)));
  EXPECT_TRUE(budget.TakeName(Name("c.example.com"), kStart + absl::Seconds(60)));
  EXPECT_FALSE(budget.TakeName(Name("d.example.com"), kStart + absl::Seconds(61))) << "b and c are of this minute";
}

TEST(QueryBudgetTest, IsFullForEveryDomain) {
  QueryBudget budget;
  budget.SetLimits({.names_per_domain = 4});
  for (size_t i = 0; i < QueryBudget::kMaxNames; ++i) {
    ASSERT_TRUE(budget.TakeName(Name(absl::StrCat("d", i, ".com")), kStart));
  }
  EXPECT_FALSE(budget.TakeName(Name("one.more.com"), kStart));
  EXPECT_TRUE(budget.TakeName(Name("d0.com"), kStart));
  EXPECT_TRUE(budget.TakeName(Name("one.more.com"), kStart + QueryBudget::kWindow));
}

TEST(QueryBudgetTest, NewLimitsCountWhatWasSpent) {
  QueryBudget budget;
  budget.SetLimits({.names_per_domain = 4});
  for (const char* name : {"a.example.com", "b.example.com", "c.example.com"}) budget.TakeName(Name(name), kStart);
  budget.SetLimits({.names_per_domain = 2});
  EXPECT_FALSE(budget.TakeName(Name("d.example.com"), kStart));
  budget.SetLimits({.names_per_domain = 4});
  EXPECT_TRUE(budget.TakeName(Name("d.example.com"), kStart));
}

}  // namespace
}  // namespace sluice::dns
