#include "netsvc/policy/rule.h"

#include <google/protobuf/text_format.h>

#include <string>

#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"

namespace sluice::policy {
namespace {

v1::NetworkPolicy PolicyOf(const std::string& text) {
  v1::NetworkPolicy policy;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &policy)) << text;
  return policy;
}

// Field and message of the error; "ok".
std::string Mistake(const v1::NetworkPolicy& policy) {
  const absl::Status status = ParseRules(policy.rules()).status();
  if (status.ok()) return "ok";
  return FieldOf(status).value_or("no field") + ": " + std::string(status.message());
}

// The mistake in one rule, which has an action.
std::string MistakeIn(const std::string& rule) {
  return Mistake(PolicyOf("rules { action: ACTION_ALLOW " + rule + " }"));
}

TEST(RuleTest, NamesEveryMistake) {
  const struct {
    const char* rule;
    const char* mistake;
  } kCases[] = {
      {"", "ok"},
      {"id: 'a-9'", "ok"},
      {"id: 'rule-x'", "ok"},
      {"id: 'Upper'", "rules[0].id: must be 1 to 63 of a-z, 0-9 and '-'"},
      {"id: 'preset'", "rules[0].id: \"preset\" is reserved"},
      {"id: 'default'", "rules[0].id: \"default\" is reserved"},
      {"id: 'rule-0'", "rules[0].id: \"rule-0\" is reserved"},
      {"id: 'rule-99'", "rules[0].id: \"rule-99\" is reserved"},
      {"direction: 7", "rules[0].direction: unknown value 7"},
      {"peers {}", "rules[0].peers[0].kind: one of cidr, domain and group is required"},
      {"peers { group: ADDRESS_GROUP_UNSPECIFIED }", "rules[0].peers[0].group: a group is required"},
      {"peers { group: 42 }", "rules[0].peers[0].group: unknown value 42"},
      {"peers { cidr: '10.0.0.0/8' } peers { cidr: '10.0.0.1/8' }",
       "rules[0].peers[1].cidr: \"10.0.0.1/8\" has host bits set; did you mean 10.0.0.0/8?"},
      {"peers { cidr: '' }", "rules[0].peers[0].cidr: \"\" is not an IP address or prefix"},
      {"peers { cidr: '10.0.0.0/33' }",
       "rules[0].peers[0].cidr: \"10.0.0.0/33\": the prefix length must be 0 to 32"},
      {"peers { cidr: '10.0.0' }", "rules[0].peers[0].cidr: \"10.0.0\" is not an IP address or prefix"},
      {"peers { domain: '' }", "rules[0].peers[0].domain: a domain name is missing"},
      {"protocols: PROTOCOL_TCP protocols: PROTOCOL_UNSPECIFIED", "rules[0].protocols[1]: a protocol is required"},
      {"protocols: 9", "rules[0].protocols[0]: unknown value 9"},
      {"ports { first: 0 }", "rules[0].ports[0].first: must be 1 to 65535"},
      {"ports { last: 80 }", "rules[0].ports[0].first: must be 1 to 65535"},
      {"ports { first: 1 last: 65535 }", "ok"},
      {"ports { first: 65536 }", "rules[0].ports[0].first: must be 1 to 65535"},
      {"ports { first: 80 } ports { first: 80 last: 65536 }",
       "rules[0].ports[1].last: must be 1 to 65535, or 0 for the same as first"},
      {"ports { first: 80 last: 79 }", "rules[0].ports[0].last: must not be less than first"},
      {"protocols: PROTOCOL_ICMP ports { first: 80 }",
       "rules[0].ports: ICMP has no ports: the rule could never match"},
      {"protocols: PROTOCOL_ICMP protocols: PROTOCOL_UDP ports { first: 80 }", "ok"},
      {"direction: DIRECTION_INGRESS peers { domain: 'a.example' }",
       "rules[0].peers[0].domain: names are resolved for egress only: use cidr or group in an ingress rule"},
  };
  for (const auto& c : kCases) EXPECT_EQ(MistakeIn(c.rule), c.mistake) << c.rule;
}

TEST(RuleTest, AnActionIsRequired) {
  EXPECT_EQ(Mistake(PolicyOf("rules {}")), "rules[0].action: is required");
  EXPECT_EQ(Mistake(PolicyOf("rules { action: 3 }")), "rules[0].action: unknown value 3");
}

TEST(RuleTest, IdsAreUniqueAndShort) {
  EXPECT_EQ(Mistake(PolicyOf("rules { id: 'a' action: ACTION_DENY } rules { action: ACTION_DENY }"
                             "rules { id: 'a' action: ACTION_DENY }")),
            "rules[2].id: \"a\" is taken by another rule");
  EXPECT_EQ(MistakeIn("id: '" + std::string(63, 'x') + "'"), "ok");
  EXPECT_EQ(MistakeIn("id: '" + std::string(64, 'x') + "'"), "rules[0].id: must be 1 to 63 of a-z, 0-9 and '-'");
}

TEST(RuleTest, CountsRules) {
  v1::NetworkPolicy policy;
  for (int i = 0; i < kMaxRules; ++i) policy.add_rules()->set_action(v1::ACTION_DENY);
  EXPECT_EQ(Mistake(policy), "ok");
  policy.add_rules()->set_action(v1::ACTION_DENY);
  EXPECT_EQ(Mistake(policy), "rules: at most 65536 rules, not 65537");
}

TEST(RuleTest, BoundsPeersTimesPorts) {
  v1::NetworkPolicy policy;
  v1::Rule* rule = policy.add_rules();
  rule->set_action(v1::ACTION_DENY);
  rule->add_protocols(v1::PROTOCOL_TCP);
  for (uint32_t i = 0; i < 2048; ++i) {
    rule->add_ports()->set_first(2 * i + 1);
    rule->add_peers()->set_cidr(IpAddress::V4(0x0a000000 + i).ToString());
  }
  EXPECT_EQ(Mistake(policy), "rules[0]: the policy is too large: too many peers times ports up to this rule");
  rule->mutable_peers()->DeleteSubrange(512, 1536);
  EXPECT_EQ(Mistake(policy), "ok");
}

TEST(RuleTest, LeftOutFieldsHaveTheirDefaults) {
  const auto rules = ParseRules(PolicyOf("rules { id: 'x' action: ACTION_DENY } rules { action: ACTION_ALLOW }").rules());
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ((*rules)[0].id, "x");
  EXPECT_EQ((*rules)[1].id, "rule-1");
  EXPECT_EQ((*rules)[1].direction, v1::DIRECTION_EGRESS);
  EXPECT_TRUE((*rules)[1].AnyPeer());
  EXPECT_EQ((*rules)[1].services, (ServiceSet{{kTcp, kAnyService}}));
}

ServiceSet Services(const std::string& rule) {
  return ParseRules(PolicyOf("rules { " + rule + " }").rules()).value()[0].services;
}

TEST(RuleTest, ServicesAreProtocolsTimesPorts) {
  EXPECT_EQ(Services("action: ACTION_DENY protocols: PROTOCOL_TCP ports { first: 80 } ports { first: 90 last: 99 }"
                     "ports { first: 81 last: 89 }"),
            (ServiceSet{{kTcp + 80, kTcp + 99}}));
  EXPECT_EQ(Services("action: ACTION_DENY ports { first: 443 }"),
            (ServiceSet{{kTcp + 443, kTcp + 443}, {kUdp + 443, kUdp + 443}}));
  EXPECT_EQ(Services("action: ACTION_DENY protocols: PROTOCOL_ICMP"), (ServiceSet{{kIcmp, kIcmp}}));
}

TEST(RuleTest, AnyServiceIsAnsweredByAllowsAndByFullDenials) {
  EXPECT_EQ(Services("action: ACTION_DENY"), (ServiceSet{{kTcp, kAnyService}}));
  EXPECT_EQ(Services("action: ACTION_ALLOW protocols: PROTOCOL_UDP ports { first: 53 }"),
            (ServiceSet{{kUdp + 53, kUdp + 53}, {kAnyService, kAnyService}}));
  EXPECT_FALSE(Contains(Services("action: ACTION_DENY ports { first: 1 last: 65535 }"), kAnyService));
}

}  // namespace
}  // namespace sluice::policy
