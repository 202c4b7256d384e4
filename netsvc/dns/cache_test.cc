#include "netsvc/dns/cache.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/dns/test_message.h"

namespace sluice::dns {
namespace {

constexpr absl::Duration kStart = absl::Hours(1);
constexpr char kIp[] = "93.184.216.34";

DomainName Name(const std::string& text) { return *DomainName::FromText(text); }

MessageView View(const Bytes& bytes) { return *MessageView::Of(bytes); }

absl::Duration Lifetime(const Bytes& answer) { return Cache::LifetimeOf(View(answer)).value_or(absl::ZeroDuration()); }

Bytes Web(uint32_t ttl = 300) { return TestAnswer("web.test", kTypeA).Ttl(ttl).Address("web.test", kIp).bytes(); }

// An answer of about `size` bytes.
Bytes Large(size_t size) {
  TestAnswer answer("web.test", kTypeTxt);
  for (size_t written = 0; written < size; written += 212) answer.Raw("web.test", kTypeTxt, Bytes(200, 'x'));
  return answer.bytes();
}

TEST(CacheLifetimeTest, IsTheLeastTtl) {
  EXPECT_EQ(Lifetime(Web()), absl::Seconds(300));
  EXPECT_EQ(Lifetime(TestAnswer("web.test", kTypeA)
                         .Ttl(20)
                         .Cname("web.test", "cdn.test")
                         .Ttl(300)
                         .Address("cdn.test", kIp)
                         .Additional()
                         .Ttl(10)
                         .Address("ns.test", kIp)
                         .bytes()),
            absl::Seconds(10));
  EXPECT_EQ(Lifetime(Web(7 * 86'400)), Cache::kMaxTtl);
}

TEST(CacheLifetimeTest, OptIsNoRecord) {
  TestAnswer answer("web.test", kTypeA);
  answer.Address("web.test", kIp).Additional().Ttl(0).Raw(".", kTypeOpt, {}, 1232);
  EXPECT_EQ(Lifetime(answer.bytes()), absl::Seconds(300));
}

TEST(CacheLifetimeTest, OfNegativeAnswersIsTheSoas) {
  const auto nx = [](uint32_t ttl, uint32_t minimum) {
    return TestAnswer("nx.test", kTypeA, kNxDomain).Authority().Ttl(ttl).Soa("test", minimum).bytes();
  };
  EXPECT_EQ(Lifetime(nx(300, 60)), absl::Seconds(60));
  EXPECT_EQ(Lifetime(nx(30, 60)), absl::Seconds(30));
  EXPECT_EQ(Lifetime(nx(86'400, 86'400)), Cache::kMaxNegativeTtl);
  EXPECT_EQ(Lifetime(nx(300, 0)), absl::ZeroDuration());
  // Of no such record, and of an alias that leads to none.
  EXPECT_EQ(Lifetime(TestAnswer("web.test", kTypeAaaa).Authority().Soa("test", 60).bytes()), absl::Seconds(60));
  EXPECT_EQ(Lifetime(TestAnswer("web.test", kTypeAaaa).Cname("web.test", "a.test").Authority().Soa("test", 60).bytes()),
            absl::Seconds(60));
}

TEST(CacheLifetimeTest, SomeAnswersAreNotKept) {
  EXPECT_EQ(Lifetime(Web(0)), absl::ZeroDuration());
  EXPECT_EQ(Lifetime(Web(0x80000001)), absl::ZeroDuration());
  EXPECT_EQ(Lifetime(TestAnswer("web.test", kTypeA, kServFail).bytes()), absl::ZeroDuration());
  EXPECT_EQ(Lifetime(TestAnswer("web.test", kTypeA, kRefused).Address("web.test", kIp).bytes()), absl::ZeroDuration());
  EXPECT_EQ(Lifetime(TestAnswer("web.test", kTypeA, kNxDomain).bytes()), absl::ZeroDuration()) << "no SOA";
  EXPECT_EQ(Lifetime(TestAnswer("web.test", kTypeA).bytes()), absl::ZeroDuration()) << "no SOA";
  const Bytes names_alone = {1, 'a', 0, 6, 0, 0, 0, 0, 0, 60, 0};  // no numbers behind them
  EXPECT_EQ(Lifetime(TestAnswer("nx.test", kTypeA, kNxDomain).Authority().Raw("test", kTypeSoa, names_alone).bytes()),
            absl::ZeroDuration());
  Bytes truncated = Web();
  Store16(&truncated[2], Load16(&truncated[2]) | kFlagTruncated);
  EXPECT_EQ(Lifetime(truncated), absl::ZeroDuration());
  Bytes cut = Web();
  cut.pop_back();
  EXPECT_EQ(Lifetime(cut), absl::ZeroDuration());
}

TEST(CacheTest, FindsByNameAndType) {
  Cache cache;
  cache.Store(Name("web.test"), kTypeA, View(Web()), kStart);
  EXPECT_TRUE(cache.Find(Name("WEB.test"), kTypeA, kStart));
  EXPECT_FALSE(cache.Find(Name("web.test"), kTypeAaaa, kStart));
  EXPECT_FALSE(cache.Find(Name("a.web.test"), kTypeA, kStart));
  EXPECT_EQ(cache.counters().hits, 1u);
  EXPECT_EQ(cache.counters().misses, 2u);
}

TEST(CacheTest, CountsAgeAndExpires) {
  Cache cache;
  cache.Store(Name("web.test"), kTypeA, View(Web()), kStart);
  const auto hit = cache.Find(Name("web.test"), kTypeA, kStart + absl::Milliseconds(299'999));
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->age, 299u);
  EXPECT_EQ(hit->max_ttl, std::nullopt);
  EXPECT_EQ(Bytes(hit->message.bytes().begin(), hit->message.bytes().end()), Web());
  EXPECT_FALSE(cache.Find(Name("web.test"), kTypeA, kStart + absl::Seconds(300)));
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(CacheTest, NegativeAnswersAreGivenOutNoLongerThanTheyLive) {
  Cache cache;
  const Bytes nx = TestAnswer("nx.test", kTypeA, kNxDomain).Authority().Ttl(3'600).Soa("test", 60).bytes();
  cache.Store(Name("nx.test"), kTypeA, View(nx), kStart);
  EXPECT_EQ(cache.Find(Name("nx.test"), kTypeA, kStart + absl::Seconds(10))->max_ttl, 50u);
}

TEST(CacheTest, ANewerAnswerReplaces) {
  Cache cache;
  cache.Store(Name("web.test"), kTypeA, View(Web()), kStart);
  const size_t bytes = cache.bytes();
  cache.Store(Name("web.test"), kTypeA, View(Web(60)), kStart);
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.bytes(), bytes);
  EXPECT_FALSE(cache.Find(Name("web.test"), kTypeA, kStart + absl::Seconds(60)));
  cache.Store(Name("web.test"), kTypeA, View(Web()), kStart);
  cache.Store(Name("web.test"), kTypeA, View(Web(0)), kStart);
  EXPECT_EQ(cache.size(), 0u) << "what may not be kept takes away what was";
}

TEST(CacheTest, BoundsItsEntries) {
  Cache cache;
  for (size_t i = 0; i < Cache::kMaxEntries; ++i) {
    cache.Store(Name(absl::StrCat("h", i, ".test")), kTypeA, View(Web()), kStart);
  }
  EXPECT_TRUE(cache.Find(Name("h0.test"), kTypeA, kStart));
  cache.Store(Name("more.test"), kTypeA, View(Web()), kStart);
  EXPECT_EQ(cache.size(), Cache::kMaxEntries);
  EXPECT_EQ(cache.counters().evicted, 1u);
  EXPECT_TRUE(cache.Find(Name("h0.test"), kTypeA, kStart)) << "it was used";
  EXPECT_FALSE(cache.Find(Name("h1.test"), kTypeA, kStart)) << "used longest ago";
}

TEST(CacheTest, BoundsItsBytes) {
  Cache cache;
  const Bytes large = Large(Cache::kMaxMessage - 500);
  ASSERT_LT(large.size(), Cache::kMaxMessage);
  for (int i = 0; i < 1'000; ++i) {
    cache.Store(Name(absl::StrCat("h", i, ".test")), kTypeTxt, View(large), kStart);
    EXPECT_LE(cache.bytes(), Cache::kMaxBytes);
  }
  EXPECT_GT(cache.size(), 100u);
  cache.Store(Name("web.test"), kTypeTxt, View(Large(Cache::kMaxMessage + 1)), kStart);
  EXPECT_FALSE(cache.Find(Name("web.test"), kTypeTxt, kStart)) << "too large to keep";
}

TEST(CacheTest, Clears) {
  Cache cache;
  cache.Store(Name("web.test"), kTypeA, View(Web()), kStart);
  cache.Clear();
  EXPECT_EQ(cache.size() + cache.bytes(), 0u);
  EXPECT_FALSE(cache.Find(Name("web.test"), kTypeA, kStart));
}

}  // namespace
}  // namespace sluice::dns
