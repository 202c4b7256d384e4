#include "server/core/block_list_line.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

// "names a.test *.b.test", "skipped", "nothing".
std::string Read(const std::string& line) {
  std::string patterns;
  const BlockListLine kind = ReadBlockListLine(
      line, [&patterns](const DomainPattern& pattern) { absl::StrAppend(&patterns, " ", pattern.ToString()); });
  switch (kind) {
    case BlockListLine::kNothing:
      return absl::StrCat("nothing", patterns);
    case BlockListLine::kNames:
      return absl::StrCat("names", patterns);
    case BlockListLine::kSkipped:
      return absl::StrCat("skipped", patterns);
  }
  return "";
}

TEST(BlockListLineTest, PlainLinesAreExactNamesOrSuffixes) {
  EXPECT_EQ(Read("ads.test"), "names ads.test");
  EXPECT_EQ(Read("  ADS.Test.\r"), "names ads.test");
  EXPECT_EQ(Read("*.ads.test"), "names *.ads.test");
  EXPECT_EQ(Read("ads.test # since 2020"), "names ads.test");
  EXPECT_EQ(Read("_dmarc.ads.test"), "names _dmarc.ads.test");
  EXPECT_EQ(Read("bücher.test"), "names xn--bcher-kva.test");
}

TEST(BlockListLineTest, HostsLinesAreExactNames) {
  EXPECT_EQ(Read("0.0.0.0 ads.test"), "names ads.test");
  EXPECT_EQ(Read("127.0.0.1\tads.test  track.test\t# both"), "names ads.test track.test");
  EXPECT_EQ(Read(":: ads.test"), "names ads.test");
  EXPECT_EQ(Read("::1 ads.test"), "names ads.test");
}

TEST(BlockListLineTest, WhatHostsFilesSayOfTheMachineIsNotBlocked) {
  EXPECT_EQ(Read("127.0.0.1 localhost localhost.localdomain local"), "nothing");
  EXPECT_EQ(Read("::1 ip6-localhost ip6-loopback"), "nothing");
  EXPECT_EQ(Read("10.0.0.5 intranet.test"), "skipped");
  EXPECT_EQ(Read("255.255.255.255 broadcasthost"), "skipped");
  EXPECT_EQ(Read("0.0.0.0 0.0.0.0"), "skipped");
}

TEST(BlockListLineTest, AdBlockRulesCoverEverythingBelowToo) {
  EXPECT_EQ(Read("||ads.test^"), "names *.ads.test");
  EXPECT_EQ(Read("||ads.test^$important"), "names *.ads.test");
}

TEST(BlockListLineTest, AdBlockRulesThatANameDoesNotDecideAreSkipped) {
  for (const char* rule : {"||ads.test^$third-party", "||ads.test", "||ads.test/banner^", "@@||ads.test^", "|ads.test|",
                           "/banner[0-9]+/", "example.test##.ad", "||ads.*^", "||^", "||*.ads.test^"}) {
    EXPECT_EQ(Read(rule), "skipped") << rule;
  }
}

TEST(BlockListLineTest, CommentsAreNothing) {
  for (const char* line : {"", "   ", "\r", "# ads.test", "! Title: ads", "[Adblock Plus 2.0]", "#ads.test"}) {
    EXPECT_EQ(Read(line), "nothing") << line;
  }
}

TEST(BlockListLineTest, JunkIsSkipped) {
  for (const std::string& line :
       {std::string("<html>"), std::string("two words"), std::string("*"), std::string("."), std::string("*."),
        std::string("a..test"), std::string("1.2.3.4"), std::string("::1"), std::string("http://ads.test/"),
        std::string("ads\0.test", 9), std::string("\xff\xfe.test"), std::string(64, 'a') + ".test",
        "a" + std::string(kMaxBlockListLine, ' ')}) {
    EXPECT_EQ(Read(line), "skipped") << line;
  }
}

TEST(BlockListLineTest, NamesAheadOfJunkCount) { EXPECT_EQ(Read("0.0.0.0 ads.test a..b x.test"), "skipped ads.test"); }

}  // namespace
}  // namespace sluice
