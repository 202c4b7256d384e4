#include "netsvc/policy/domain_set.h"

#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace sluice::policy {
namespace {

DomainName Name(const std::string& text) { return DomainName::FromText(text).value(); }

DomainSet SetOf(const std::vector<std::string>& patterns) {
  DomainSet::Builder builder;
  for (const std::string& text : patterns) EXPECT_TRUE(builder.Add(DomainPattern::Parse(text).value()).ok());
  return std::move(builder).Build();
}

TEST(DomainSetTest, TheEmptySetCoversNothing) {
  EXPECT_TRUE(SetOf({}).empty());
  EXPECT_FALSE(SetOf({}).Contains(Name("a.test")));
  EXPECT_FALSE(DomainSet().Contains(DomainName()));
}

TEST(DomainSetTest, ExactNamesCoverThemselvesAlone) {
  const DomainSet set = SetOf({"one.test", "a.b.c.test"});
  EXPECT_TRUE(set.Contains(Name("one.test")));
  EXPECT_TRUE(set.Contains(Name("ONE.Test.")));
  EXPECT_TRUE(set.Contains(Name("a.b.c.test")));
  for (const char* other : {"www.one.test", "test", "b.c.test", "x.a.b.c.test", "none.test"}) {
    EXPECT_FALSE(set.Contains(Name(other))) << other;
  }
  EXPECT_FALSE(set.Contains(DomainName()));
}

TEST(DomainSetTest, SubdomainsGoByLabels) {
  const DomainSet set = SetOf({"*.example.com", "*.org"});
  for (const char* covered : {"example.com", "a.example.com", "a.b.c.d.e.example.com", "org", "x.org"}) {
    EXPECT_TRUE(set.Contains(Name(covered))) << covered;
  }
  for (const char* other : {"com", "evil-example.com", "example.com.test", "xorg"}) {
    EXPECT_FALSE(set.Contains(Name(other))) << other;
  }
}

TEST(DomainSetTest, BytesInsideLabelsAreNoBoundaries) {
  const DomainSet set = SetOf({"*.example.com"});
  const auto wire = [](const std::string& bytes) {
    return DomainName::FromWire(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size())).value();
  };
  EXPECT_TRUE(set.Contains(wire(std::string("\3a.b\7example\3com\0", 17))));
  EXPECT_FALSE(set.Contains(wire(std::string("\15a.example.com\0", 15))));
  EXPECT_FALSE(set.Contains(wire(std::string("\11\7example\0\3com\0", 15))));
}

TEST(DomainSetTest, BothPatternsOfANameAreOneEntry) {
  for (const std::vector<std::string>& order :
       {std::vector<std::string>{"a.test", "*.a.test"}, {"*.a.test", "a.test"}, {"*.a.test", "*.a.test", "a.test"}}) {
    const DomainSet set = SetOf(order);
    EXPECT_TRUE(set.Contains(Name("a.test")));
    EXPECT_TRUE(set.Contains(Name("b.a.test")));
  }
}

TEST(DomainSetTest, MatchesComeShortestFirst) {
  const DomainSet set = SetOf({"*.c.test", "b.c.test", "*.b.c.test", "a.b.c.test", "*.a.b.c.test", "x.test"});
  std::vector<uint32_t> slots;
  std::vector<bool> whole;
  set.ForEachMatch(Name("a.b.c.test"), [&](DomainSet::Match match) {
    slots.push_back(match.slot);
    whole.push_back(match.whole);
    return true;
  });
  EXPECT_EQ(slots, (std::vector<uint32_t>{set.SlotOf(Name("c.test")), set.SlotOf(Name("b.c.test")),
                                          set.SlotOf(Name("a.b.c.test"))}));
  EXPECT_EQ(whole, (std::vector<bool>{false, false, true}));
}

TEST(DomainSetTest, LongestNamesAreInReach) {
  std::string deep = "a";
  while (deep.size() < 253) deep += ".a";
  const DomainSet set = SetOf({"*." + deep.substr(2), "a.a"});
  EXPECT_TRUE(set.Contains(Name(deep)));
  EXPECT_TRUE(set.Contains(Name("a.a")));
  EXPECT_FALSE(set.Contains(Name("a.a.a")));
}

TEST(DomainSetTest, ManyNamesAreEachFoundAndNoOthers) {
  DomainSet::Builder builder;
  for (int i = 0; i < 20'000; ++i) {
    const DomainPattern pattern = {Name("n" + std::to_string(i) + ".test"), i % 2 == 0};
    ASSERT_TRUE(builder.Add(pattern).ok());
  }
  const DomainSet set = std::move(builder).Build();
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = "n" + std::to_string(i) + ".test";
    ASSERT_TRUE(set.Contains(Name(text))) << text;
    ASSERT_EQ(set.Contains(Name("x." + text)), i % 2 == 0) << text;
    ASSERT_FALSE(set.Contains(Name("m" + text))) << text;
  }
}

TEST(DomainSetTest, NumbersAreDense) {
  DomainSet::Builder builder;
  for (int i = 0; i < 300; ++i) {
    // Each of 100 names three times.
    ASSERT_TRUE(builder.Add({Name("n" + std::to_string(i % 100) + ".test"), i % 2 == 0}).ok());
  }
  const DomainSet set = std::move(builder).Build();
  EXPECT_EQ(set.name_count(), 100u);
  std::vector<bool> taken(set.name_count());
  for (int i = 0; i < 100; ++i) {
    const uint32_t number = set.SlotOf(Name("n" + std::to_string(i) + ".test"));
    ASSERT_LT(number, taken.size());
    EXPECT_FALSE(taken[number]);
    taken[number] = true;
  }
}

TEST(DomainSetTest, AnImageIsReadAtAnotherAddress) {
  const DomainSet set = SetOf({"*.example.com", "one.test"});
  // Off by one, so that nothing is aligned.
  const auto copy = std::make_shared<std::string>(" " + std::string(set.image()));
  const auto read = DomainSet::FromImage(absl::string_view(*copy).substr(1), copy);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->Contains(Name("a.example.com")));
  EXPECT_TRUE(read->Contains(Name("one.test")));
  EXPECT_FALSE(read->Contains(Name("two.test")));
  EXPECT_TRUE(DomainSet::FromImage(DomainSet().image(), nullptr)->empty());
}

TEST(DomainSetTest, DamagedImagesNeverReadOutside) {
  const DomainSet set = SetOf({"*.example.com", "one.test", "two.test"});
  const std::string image(set.image());
  for (size_t size = 1; size < image.size(); ++size) {
    EXPECT_FALSE(DomainSet::FromImage(absl::string_view(image).substr(0, size), nullptr).ok()) << size;
  }
  for (size_t at = 0; at < image.size(); ++at) {
    for (const unsigned char byte : {0x00, 0x01, 0x3f, 0x7f, 0xff}) {
      // On the heap, to its exact size, where a sanitizer sees every step outside.
      const auto damaged = std::make_shared<std::vector<char>>(image.begin(), image.end());
      (*damaged)[at] = static_cast<char>(byte);
      const auto read = DomainSet::FromImage({damaged->data(), damaged->size()}, damaged);
      if (read.ok()) read->Contains(Name("www.example.com"));
    }
  }
}

}  // namespace
}  // namespace sluice::policy
