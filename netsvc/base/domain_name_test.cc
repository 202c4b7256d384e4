#include "netsvc/base/domain_name.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice {
namespace {

DomainName Name(absl::string_view text) { return DomainName::FromText(text).value(); }
DomainPattern Pattern(absl::string_view text) { return DomainPattern::Parse(text).value(); }

// From labels, any bytes.
std::vector<uint8_t> Wire(const std::vector<std::string>& labels) {
  std::vector<uint8_t> wire;
  for (const std::string& label : labels) {
    wire.push_back(static_cast<uint8_t>(label.size()));
    wire.insert(wire.end(), label.begin(), label.end());
  }
  wire.push_back(0);
  return wire;
}

DomainName FromLabels(const std::vector<std::string>& labels) { return DomainName::FromWire(Wire(labels)).value(); }

TEST(DomainNameTest, ReadsWhatPeopleWrite) {
  const struct {
    const char* text;
    const char* printed;
  } kCases[] = {
      {"example.com", "example.com"},
      {"EXAMPLE.Com.", "example.com"},
      {"com", "com"},
      {"_dmarc.example.com", "_dmarc.example.com"},
      {"a-b.1.example", "a-b.1.example"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
      // IDNs, by IDNA2008 with UTS 46 mapping.
      {"b\u00fccher.example", "xn--bcher-kva.example"},
      {"B\u00dcCHER.EXAMPLE", "xn--bcher-kva.example"},
      {"bu\u0308cher.example", "xn--bcher-kva.example"},  // decomposed
      {"fa\u00df.de", "xn--fa-hia.de"},                   // not "fass"
      {"\u4f8b\u3048\u3002\u30c6\u30b9\u30c8", "xn--r8jz45g.xn--zckzah"},  // an ideographic full stop
      {"\uff45xample\uff0ecom", "example.com"},                             // full width
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<DomainName> name = DomainName::FromText(c.text);
    ASSERT_TRUE(name.ok()) << name.status();
    EXPECT_EQ(name->ToString(), c.printed);
  }
}

TEST(DomainNameTest, RefusesWithAReason) {
  const std::string long_label(64, 'a');
  std::string long_name;
  for (int i = 0; i < 64; ++i) long_name += "abc.";
  const struct {
    std::string text;
    const char* reason;
  } kCases[] = {
      {"", "is missing"},
      {".", "is missing"},
      {"..", "empty label"},
      {".example.com", "empty label"},
      {"example..com", "empty label"},
      {"example.com..", "empty label"},
      {long_label + ".com", "longer than 63"},
      {long_name + "com", "longer than 253"},
      {"*.example.com", "it has '*'"},
      {"exa mple.com", "it has ' '"},
      {"example.com:80", "it has ':'"},
      {"http://example.com", "it has ':'"},
      {"a/b", "it has '/'"},
      {std::string("evil\0.com", 9), "it has a NUL"},
      {"\u2100.example", ""},  // maps to "a/c"
      {"\xff\xfe.example", ""},
      {"\u00fc" + std::string(300, 'a') + ".com", ""},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<DomainName> name = DomainName::FromText(c.text);
    EXPECT_EQ(name.status().code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_NE(std::string(name.status().message()).find(c.reason), std::string::npos) << name.status();
  }
}

TEST(DomainNameTest, TakesTheLongestNameAndLabel) {
  const std::string label(63, 'a');
  const std::string name = label + "." + label + "." + label + "." + std::string(61, 'a');
  EXPECT_EQ(name.size(), 253u);
  EXPECT_EQ(Name(name).wire().size(), DomainName::kMaxWireSize);
  EXPECT_EQ(Name(name).ToString(), name);
  EXPECT_FALSE(DomainName::FromText(name + "a").ok());
}

TEST(DomainNameTest, WireFormIsLowerCaseLabels) {
  EXPECT_EQ(FromLabels({"WWW", "Example", "COM"}), Name("www.example.com"));
  EXPECT_EQ(std::string(Name("a.bc").wire()), std::string("\1a\2bc\0", 6));
  EXPECT_EQ(FromLabels({}), DomainName());
  EXPECT_TRUE(FromLabels({}).is_root());
  EXPECT_EQ(DomainName().ToString(), ".");
}

TEST(DomainNameTest, RefusesBadWire) {
  const std::vector<uint8_t> kCases[] = {
      {},
      {1},
      {1, 'a'},                   // no root
      {3, 'a', 'b'},              // a label past the end
      {1, 'a', 0, 0},             // bytes after the root
      {0xc0, 0},                  // a compression pointer
      {64},
      Wire({std::string(64, 'a')}),
      Wire({std::string(63, 'a'), std::string(63, 'a'), std::string(63, 'a'), std::string(62, 'a')}),
  };
  for (const std::vector<uint8_t>& wire : kCases) {
    EXPECT_EQ(DomainName::FromWire(wire).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(DomainNameTest, DotsAndNulsInsideALabelAreBytesOfIt) {
  const DomainName dotted = FromLabels({"www.example", "com"});
  EXPECT_NE(dotted, Name("www.example.com"));
  EXPECT_FALSE(dotted.IsWithin(Name("example.com")));
  EXPECT_TRUE(dotted.IsWithin(Name("com")));
  EXPECT_EQ(dotted.label_count(), 2);
  EXPECT_EQ(dotted.ToString(), "www\\.example.com");

  const DomainName nul = FromLabels({std::string("example.com\0", 12), "evil", "test"});
  EXPECT_NE(nul, Name("example.com"));
  EXPECT_FALSE(nul.IsWithin(Name("example.com")));
  EXPECT_EQ(nul.ToString(), "example\\.com\\000.evil.test");

  // The bytes of "example.com" in wire form, inside one label.
  const DomainName embedded = FromLabels({std::string("x\7example\3com", 13)});
  EXPECT_FALSE(embedded.IsWithin(Name("example.com")));
}

TEST(DomainNameTest, PrintsUnprintableBytesAsEscapes) {
  EXPECT_EQ(FromLabels({"a b", "\xff\\", "\n"}).ToString(), "a\\032b.\\255\\\\.\\010");
}

TEST(DomainNameTest, SuffixesMatchOnLabelBoundaries) {
  const struct {
    const char* name;
    const char* ancestor;
    bool within;
  } kCases[] = {
      {"example.com", "example.com", true},
      {"www.example.com", "example.com", true},
      {"a.b.c.example.com", "example.com", true},
      {"evil-example.com", "example.com", false},
      {"evilexample.com", "example.com", false},
      {"example.com.evil.test", "example.com", false},
      {"com", "example.com", false},
      {"example.org", "example.com", false},
      {"example.com", "com", true},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Name(c.name).IsWithin(Name(c.ancestor)), c.within) << c.name << " within " << c.ancestor;
  }
  EXPECT_TRUE(Name("example.com").IsWithin(DomainName()));
  EXPECT_TRUE(DomainName().IsWithin(DomainName()));
  EXPECT_FALSE(DomainName().IsWithin(Name("com")));
}

TEST(DomainNameTest, ParentsLeadToTheRoot) {
  const DomainName name = Name("a.example.com");
  EXPECT_EQ(name.label_count(), 3);
  EXPECT_EQ(name.Parent(), Name("example.com"));
  EXPECT_EQ(name.Parent().Parent(), Name("com"));
  EXPECT_TRUE(name.Parent().Parent().Parent().is_root());
  EXPECT_EQ(DomainName().label_count(), 0);
}

TEST(DomainPatternTest, CoversTheNameAloneOrAllBelowIt) {
  EXPECT_TRUE(Pattern("example.com").Matches(Name("EXAMPLE.com")));
  EXPECT_FALSE(Pattern("example.com").Matches(Name("www.example.com")));
  EXPECT_TRUE(Pattern("*.example.com").Matches(Name("example.com")));
  EXPECT_TRUE(Pattern("*.example.com").Matches(Name("a.b.example.com")));
  EXPECT_FALSE(Pattern("*.example.com").Matches(Name("evil-example.com")));
  EXPECT_TRUE(Pattern("*.com").Matches(Name("example.com")));
  EXPECT_TRUE(Pattern("*.B\u00fccher.example").Matches(Name("www.xn--bcher-kva.example")));
}

TEST(DomainPatternTest, PrintsAsItIsWritten) {
  EXPECT_EQ(Pattern("*.Example.com.").ToString(), "*.example.com");
  EXPECT_EQ(Pattern("Example.com").ToString(), "example.com");
}

TEST(DomainPatternTest, RefusesWhatIsNoPattern) {
  for (const char* text : {"", "*", "*.", "*..", "**.com", "*.*.com", "a.*.com", "*com", "."}) {
    EXPECT_EQ(DomainPattern::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace sluice
