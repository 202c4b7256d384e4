#include "clients/cli/peer_syntax.h"

#include <gtest/gtest.h>

#include <string>

#include "clients/cli/json.h"

namespace sluice::cli {
namespace {

struct GoodCase {
  std::string text;
  std::string json;       // of the rule, action left out
  std::string rule_text;  // after "allow "; empty: the same as `text`
};

class GoodRule : public testing::TestWithParam<GoodCase> {};

TEST_P(GoodRule, IsRead) {
  absl::StatusOr<v1::Rule> rule = ParseRule(v1::ACTION_ALLOW, GetParam().text);
  ASSERT_TRUE(rule.ok()) << rule.status();
  const std::string& written = GetParam().rule_text.empty() ? GetParam().text : GetParam().rule_text;
  EXPECT_EQ(RuleText(*rule), "allow " + written);
  rule->clear_action();
  EXPECT_EQ(JsonLine(*rule), GetParam().json);
}

INSTANTIATE_TEST_SUITE_P(
    All, GoodRule,
    testing::Values(
        GoodCase{"any", "{}", ""}, GoodCase{"ANY/udp", R"({"protocols":["PROTOCOL_UDP"]})", "any/udp"},
        GoodCase{"any:25/tcp", R"({"protocols":["PROTOCOL_TCP"],"ports":[{"first":25}]})", ""},
        GoodCase{"public", R"({"peers":[{"group":"ADDRESS_GROUP_PUBLIC"}]})", ""},
        GoodCase{"link-local", R"({"peers":[{"group":"ADDRESS_GROUP_LINK_LOCAL"}]})", "link_local"},
        GoodCase{"host/icmp", R"({"peers":[{"group":"ADDRESS_GROUP_HOST"}],"protocols":["PROTOCOL_ICMP"]})",
                 ""},
        GoodCase{"10.0.0.0/8", R"({"peers":[{"cidr":"10.0.0.0/8"}]})", ""},
        GoodCase{"10.0.0.5:5432/tcp",
                 R"({"peers":[{"cidr":"10.0.0.5"}],"protocols":["PROTOCOL_TCP"],"ports":[{"first":5432}]})",
                 ""},
        GoodCase{"10.0.0.0/8:8000-8100",
                 R"({"peers":[{"cidr":"10.0.0.0/8"}],"ports":[{"first":8000,"last":8100}]})", ""},
        GoodCase{"1.2.3.4:80,443", R"({"peers":[{"cidr":"1.2.3.4"}],"ports":[{"first":80},{"first":443}]})",
                 ""},
        GoodCase{"2001:db8::/32", R"({"peers":[{"cidr":"2001:db8::/32"}]})", ""},
        GoodCase{"::1/udp", R"({"peers":[{"cidr":"::1"}],"protocols":["PROTOCOL_UDP"]})", ""},
        GoodCase{"[2001:db8::1]", R"({"peers":[{"cidr":"2001:db8::1"}]})", "2001:db8::1"},
        GoodCase{
            "[2001:db8::/32]:443/tcp",
            R"({"peers":[{"cidr":"2001:db8::/32"}],"protocols":["PROTOCOL_TCP"],"ports":[{"first":443}]})",
            ""},
        GoodCase{"example.com", R"({"peers":[{"domain":"example.com"}]})", ""},
        GoodCase{"*.pypi.org:443", R"({"peers":[{"domain":"*.pypi.org"}],"ports":[{"first":443}]})", ""}));

class BadRule : public testing::TestWithParam<std::string> {};

TEST_P(BadRule, IsRefusedAndQuoted) {
  const absl::StatusOr<v1::Rule> rule = ParseRule(v1::ACTION_DENY, GetParam());
  ASSERT_FALSE(rule.ok());
  EXPECT_EQ(rule.status().message().substr(0, GetParam().size() + 4), "\"" + GetParam() + "\": ");
}

INSTANTIATE_TEST_SUITE_P(All, BadRule,
                         testing::Values("", ":443", "*", "10.0.0", "10.0.0.0/33", "10.0.0.1/8", "1.2.3.4.5",
                                         "example.com:", "example.com:0", "example.com:65536",
                                         "example.com:90-80", "example.com:80-", "example.com:-80",
                                         "example.com:http", "example.com:80,", "example.com/sctp",
                                         "example.com:1/icmp", "[::1", "[::1]443",
                                         "[::1]:", "[2001:db8::]/32:443", "2001:db8::1::2", "a..b",
                                         "http://example.com", "example.com/8"));

}  // namespace
}  // namespace sluice::cli
