#include "netsvc/policy/floor.h"

#include <string>
#include <vector>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/compiled_policy.h"

namespace sluice::policy {
namespace {

v1::NetworkPolicy PolicyOf(const std::string& text) {
  v1::NetworkPolicy policy;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &policy)) << text;
  return policy;
}

// The field of the mistake; "ok".
std::string Mistake(const std::string& rules) {
  const absl::Status status = ParseFloor(PolicyOf(rules).rules()).status();
  return status.ok() ? "ok" : FieldOf(status).value_or("no field");
}

constexpr char kDenyMetadata[] = "rules { id: 'metadata' action: ACTION_DENY peers { group: ADDRESS_GROUP_METADATA } }";
constexpr char kAllowMirror[] =
    "rules { id: 'mirror' action: ACTION_ALLOW peers { cidr: '10.5.0.1' } ports { first: 443 } }";

class FloorTest : public testing::Test {
 protected:
  static std::string Tcp(const std::string& floor, const std::string& policy, const std::string& remote,
                         uint16_t port = 443, v1::Direction direction = v1::DIRECTION_EGRESS) {
    const AddressGroups groups({});
    const auto compiled = CompiledPolicy::Compile(PolicyOf(policy), ParseFloor(PolicyOf(floor).rules()).value());
    return Words((*compiled)->Evaluate(
        {.direction = direction, .protocol = v1::PROTOCOL_TCP, .remote = *IpAddress::Parse(remote), .port = port}, groups));
  }
  static std::string Ask(const std::string& floor, const std::string& policy, const std::string& name) {
    const auto compiled = CompiledPolicy::Compile(PolicyOf(policy), ParseFloor(PolicyOf(floor).rules()).value());
    return Words((*compiled)->EvaluateName(DomainName::FromText(name).value()));
  }

 private:
  static std::string Words(const Verdict& verdict) {
    return (verdict.allowed() ? "allow " : "deny ") + std::string(verdict.rule_id);
  }
};

TEST_F(FloorTest, GoesAheadOfTheCallersRulesAndOfEveryPreset) {
  const std::string allows = "rules { action: ACTION_ALLOW peers { cidr: '169.254.169.254' } }";
  for (const char* preset : {"PUBLIC_ONLY", "ALLOW_ALL", "ALLOWLIST", "DENYLIST"}) {
    const std::string policy = std::string("preset: PRESET_") + preset + " " + allows;
    EXPECT_EQ(Tcp(kDenyMetadata, policy, "169.254.169.254"), "deny floor/metadata") << preset;
    EXPECT_EQ(Tcp("", policy, "169.254.169.254"), "allow rule-0") << preset;
  }
  const std::string denies = "preset: PRESET_ALLOWLIST rules { action: ACTION_DENY }";
  EXPECT_EQ(Tcp(kAllowMirror, denies, "10.5.0.1"), "allow floor/mirror");
  EXPECT_EQ(Tcp(kAllowMirror, denies, "10.5.0.1", 80), "deny rule-0");
  EXPECT_EQ(Tcp(kAllowMirror, denies, "10.5.0.2"), "deny rule-0");
}

TEST_F(FloorTest, IsInOrderItselfAndNamesRulesByTheirPlace) {
  const std::string floor = std::string(kAllowMirror) + " rules { action: ACTION_DENY peers { cidr: '10.0.0.0/8' } }";
  EXPECT_EQ(Tcp(floor, "preset: PRESET_ALLOW_ALL", "10.5.0.1"), "allow floor/mirror");
  EXPECT_EQ(Tcp(floor, "preset: PRESET_ALLOW_ALL", "10.5.0.2"), "deny floor/rule-1");
  EXPECT_EQ(Tcp(floor, "preset: PRESET_ALLOW_ALL", "11.5.0.2"), "allow default");
}

TEST_F(FloorTest, SpeaksOfIngressAndOfNames) {
  const std::string floor =
      "rules { action: ACTION_DENY direction: DIRECTION_INGRESS peers { cidr: '8.0.0.0/8' } } "
      "rules { action: ACTION_DENY peers { domain: '*.bad.test' } }";
  EXPECT_EQ(Tcp(floor, "preset: PRESET_ALLOW_ALL", "8.8.8.8", 80, v1::DIRECTION_INGRESS), "deny floor/rule-0");
  EXPECT_EQ(Tcp(floor, "preset: PRESET_ALLOW_ALL", "8.8.8.8", 80), "allow default");
  EXPECT_EQ(Ask(floor, "preset: PRESET_ALLOW_ALL", "www.bad.test"), "deny floor/rule-1");
  EXPECT_EQ(Ask(floor, "preset: PRESET_ALLOW_ALL", "evil-bad.test"), "allow default");
  EXPECT_EQ(Ask("rules { action: ACTION_ALLOW peers { domain: 'mirror.test' } }", "preset: PRESET_ALLOWLIST", "mirror.test"),
            "allow floor/rule-0");
}

TEST_F(FloorTest, OpensNothingUnderNone) {
  EXPECT_EQ(Tcp(kAllowMirror, "preset: PRESET_NONE", "10.5.0.1"), "deny preset");
}

TEST_F(FloorTest, ADenialWithoutDomainsRefusesNoAlias) {
  const std::string floor =
      "rules { action: ACTION_ALLOW peers { domain: 'a.test' } } rules { id: 'b' action: ACTION_DENY peers { domain: 'b.test' } } "
      "rules { action: ACTION_DENY }";
  const auto policy =
      CompiledPolicy::Compile(PolicyOf("preset: PRESET_ALLOW_ALL"), ParseFloor(PolicyOf(floor).rules()).value());
  EXPECT_FALSE((*policy)->EvaluateName(DomainName::FromText("c.test").value()).allowed());
  EXPECT_TRUE((*policy)->EvaluateAlias(DomainName::FromText("c.test").value()).allowed());
  EXPECT_EQ((*policy)->EvaluateAlias(DomainName::FromText("b.test").value()).rule_id, "floor/b");
}

TEST_F(FloorTest, NamesTheFieldOfAMistake) {
  EXPECT_EQ(Mistake(""), "ok");
  EXPECT_EQ(Mistake(kAllowMirror), "ok");
  EXPECT_EQ(Mistake("rules { action: ACTION_DENY }"), "ok");
  EXPECT_EQ(Mistake("rules { action: ACTION_DENY peers { cidr: '10.0.0.1/8' } }"), "rules[0].peers[0].cidr");
  EXPECT_EQ(Mistake("rules { id: 'floor/x' action: ACTION_DENY }"), "rules[0].id");
  EXPECT_EQ(Mistake("rules { id: 'x' action: ACTION_DENY } rules { id: 'x' action: ACTION_DENY }"), "rules[1].id");
}

TEST_F(FloorTest, DoesNotTakeThePlaceOfEveryPolicy) {
  for (const char* peers : {"", "peers { cidr: '0.0.0.0/0' }", "peers { cidr: '::/0' }",
                            "peers { cidr: '10.0.0.0/8' } peers { group: ADDRESS_GROUP_PUBLIC }"}) {
    const std::string rest = std::string(" ports { first: 123 } ") + peers + " }";
    EXPECT_EQ(Mistake(std::string(kDenyMetadata) + " rules { action: ACTION_ALLOW" + rest), "rules[1].peers") << peers;
    EXPECT_EQ(Mistake(std::string(kDenyMetadata) + " rules { action: ACTION_DENY" + rest), "ok") << peers;
  }
  EXPECT_EQ(Mistake("rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_PRIVATE } }"), "ok");
}

TEST_F(FloorTest, IsBounded) {
  v1::NetworkPolicy policy;
  for (int i = 0; i < kMaxFloorRules; ++i) policy.add_rules()->set_action(v1::ACTION_DENY);
  EXPECT_TRUE(ParseFloor(policy.rules()).ok());
  policy.add_rules()->set_action(v1::ACTION_DENY);
  EXPECT_EQ(FieldOf(ParseFloor(policy.rules()).status()), "rules");
}

}  // namespace
}  // namespace sluice::policy
