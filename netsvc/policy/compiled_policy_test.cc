#include "netsvc/policy/compiled_policy.h"

#include <google/protobuf/text_format.h>

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"

namespace sluice::policy {
namespace {

using PolicyPtr = std::shared_ptr<const CompiledPolicy>;

IpAddress Ip(const std::string& text) { return IpAddress::Parse(text).value(); }
DomainName Name(const std::string& text) { return DomainName::FromText(text).value(); }

absl::StatusOr<PolicyPtr> TryCompile(const std::string& text) {
  v1::NetworkPolicy policy;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &policy)) << text;
  return CompiledPolicy::Compile(policy);
}

PolicyPtr Compile(const std::string& text) { return TryCompile(text).value(); }

// "allow deny-10 RULE": action, rule and reason in a word each.
std::string Words(const Verdict& verdict) {
  return (verdict.allowed() ? "allow " : "deny ") + std::string(verdict.rule_id) + " " +
         v1::Verdict::Reason_Name(verdict.reason).substr(sizeof("REASON_") - 1);
}

class CompiledPolicyTest : public testing::Test {
 protected:
  CompiledPolicyTest() : groups_({.gateway = {IpPrefix::Parse("10.0.2.2").value()}}) {}

  std::string Tcp(const PolicyPtr& policy, const std::string& remote, uint16_t port = 443) {
    return Words(policy->Evaluate({.protocol = v1::PROTOCOL_TCP, .remote = Ip(remote), .port = port}, groups_));
  }
  std::string Udp(const PolicyPtr& policy, const std::string& remote, uint16_t port) {
    return Words(policy->Evaluate({.protocol = v1::PROTOCOL_UDP, .remote = Ip(remote), .port = port}, groups_));
  }
  std::string Ping(const PolicyPtr& policy, const std::string& remote) {
    return Words(policy->Evaluate({.protocol = v1::PROTOCOL_ICMP, .remote = Ip(remote)}, groups_));
  }
  std::string Ingress(const PolicyPtr& policy, const std::string& peer, uint16_t guest_port) {
    return Words(policy->Evaluate({.direction = v1::DIRECTION_INGRESS,
                                   .protocol = v1::PROTOCOL_TCP,
                                   .remote = Ip(peer),
                                   .port = guest_port},
                                  groups_));
  }
  std::string TcpTo(const PolicyPtr& policy, const std::vector<DomainName>& names, uint16_t port = 443) {
    return Words(policy->Evaluate(
        {.protocol = v1::PROTOCOL_TCP, .remote = Ip("8.8.8.8"), .port = port, .names = names}, groups_));
  }
  std::string Ask(const PolicyPtr& policy, const std::string& name) {
    return Words(policy->EvaluateName(Name(name)));
  }
  std::string Resolver(const PolicyPtr& policy, const std::string& resolver) {
    return Words(policy->EvaluateResolver(v1::PROTOCOL_UDP, Ip(resolver), groups_));
  }
  bool Answer(const PolicyPtr& policy, const std::string& address) {
    return policy->AllowsAnswer(Ip(address), groups_);
  }

  AddressGroups groups_;
};

TEST_F(CompiledPolicyTest, RefusesPoliciesWithoutAKnownPreset) {
  const auto field = [](const std::string& text) { return FieldOf(TryCompile(text).status()); };
  EXPECT_EQ(field(""), "preset");
  EXPECT_EQ(field("preset: 17"), "preset");
  EXPECT_EQ(field("preset: PRESET_ALLOWLIST deny_response: 9"), "deny_response");
  EXPECT_EQ(field("preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW peers { cidr: 'x' } }"),
            "rules[0].peers[0].cidr");
}

TEST_F(CompiledPolicyTest, RejectsUnlessToldToDrop) {
  EXPECT_TRUE(Compile("preset: PRESET_NONE")->rejects());
  EXPECT_TRUE(Compile("preset: PRESET_NONE deny_response: DENY_RESPONSE_REJECT")->rejects());
  EXPECT_FALSE(Compile("preset: PRESET_NONE deny_response: DENY_RESPONSE_DROP")->rejects());
}

TEST_F(CompiledPolicyTest, NoneDeniesEverythingAheadOfRules) {
  const PolicyPtr policy = Compile("preset: PRESET_NONE rules { action: ACTION_ALLOW }");
  EXPECT_EQ(Tcp(policy, "8.8.8.8"), "deny preset PRESET");
  EXPECT_EQ(Ingress(policy, "8.8.8.8", 80), "deny preset PRESET");
  EXPECT_EQ(Ask(policy, "a.example"), "deny preset PRESET");
  EXPECT_EQ(Resolver(policy, "8.8.8.8"), "deny preset PRESET");
  EXPECT_FALSE(Answer(policy, "10.1.2.3"));
}

TEST_F(CompiledPolicyTest, PublicOnlyAndDenylistReachThePublicAlone) {
  for (const char* preset : {"preset: PRESET_PUBLIC_ONLY", "preset: PRESET_DENYLIST"}) {
    const PolicyPtr policy = Compile(preset);
    EXPECT_EQ(Tcp(policy, "8.8.8.8"), "allow preset PRESET");
    EXPECT_EQ(Ping(policy, "2606:4700::1111"), "allow preset PRESET");
    EXPECT_EQ(Tcp(policy, "64:ff9b::8.8.8.8"), "allow preset PRESET");
    for (const char* remote : {"10.1.2.3", "10.0.2.2", "169.254.169.254", "127.0.0.1", "::1", "::ffff:10.1.2.3",
                               "64:ff9b::10.1.2.3", "2002:a01:203::", "255.255.255.255", "ff02::1"}) {
      EXPECT_EQ(Tcp(policy, remote), "deny default DEFAULT") << remote;
    }
    EXPECT_EQ(Ingress(policy, "10.1.2.3", 80), "allow default DEFAULT");
    EXPECT_EQ(Ask(policy, "a.example"), "allow preset PRESET");
  }
}

TEST_F(CompiledPolicyTest, AllowlistReachesNothingOfItself) {
  const PolicyPtr policy = Compile("preset: PRESET_ALLOWLIST");
  EXPECT_EQ(Tcp(policy, "8.8.8.8"), "deny default DEFAULT");
  EXPECT_EQ(Ingress(policy, "8.8.8.8", 80), "allow default DEFAULT");
  EXPECT_EQ(Ask(policy, "a.example"), "deny default DEFAULT");
}

TEST_F(CompiledPolicyTest, AllowAllReachesEverything) {
  const PolicyPtr policy = Compile("preset: PRESET_ALLOW_ALL");
  for (const char* remote : {"8.8.8.8", "10.1.2.3", "10.0.2.2", "169.254.169.254"}) {
    EXPECT_EQ(Tcp(policy, remote, 853), "allow default DEFAULT") << remote;
  }
  EXPECT_EQ(Ingress(policy, "8.8.8.8", 80), "allow default DEFAULT");
  EXPECT_EQ(Ask(policy, "a.example"), "allow default DEFAULT");
}

TEST_F(CompiledPolicyTest, OtherNameServicesNeedARuleOfTheCaller) {
  for (const char* preset : {"PRESET_PUBLIC_ONLY", "PRESET_DENYLIST", "PRESET_ALLOWLIST"}) {
    const PolicyPtr policy = Compile(std::string("preset: ") + preset);
    for (const uint16_t port : {853, 5353, 5355, 137}) {
      EXPECT_EQ(Tcp(policy, "8.8.8.8", port), "deny preset PRESET") << preset << " " << port;
      EXPECT_EQ(Udp(policy, "8.8.8.8", port), "deny preset PRESET") << preset << " " << port;
      EXPECT_EQ(Ingress(policy, "8.8.8.8", port), "allow default DEFAULT") << preset << " " << port;
    }
    const PolicyPtr opened =
        Compile(std::string("preset: ") + preset + " rules { id: 'dot' action: ACTION_ALLOW ports { first: 853 } }");
    EXPECT_EQ(Tcp(opened, "8.8.8.8", 853), "allow dot RULE") << preset;
  }
}

TEST_F(CompiledPolicyTest, UnknownProtocolsAreUnsupportedUnderEveryPreset) {
  for (const char* preset : {"PRESET_ALLOW_ALL", "PRESET_ALLOWLIST", "PRESET_NONE"}) {
    const PolicyPtr policy = Compile(std::string("preset: ") + preset + " rules { action: ACTION_ALLOW }");
    EXPECT_EQ(Words(policy->Evaluate({.remote = Ip("8.8.8.8")}, groups_)), "deny default UNSUPPORTED");
  }
}

TEST_F(CompiledPolicyTest, FirstMatchWins) {
  const PolicyPtr policy = Compile(R"(
      preset: PRESET_ALLOWLIST
      rules { id: 'one' action: ACTION_ALLOW peers { cidr: '10.1.2.3' } }
      rules { id: 'net' action: ACTION_DENY peers { cidr: '10.1.0.0/16' } }
      rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_PRIVATE } }
      rules { id: 'dead' action: ACTION_DENY peers { cidr: '10.1.2.3' } })");
  EXPECT_EQ(Tcp(policy, "10.1.2.3"), "allow one RULE");
  EXPECT_EQ(Tcp(policy, "10.1.2.4"), "deny net RULE");
  EXPECT_EQ(Tcp(policy, "10.2.0.0"), "allow rule-2 RULE");
  EXPECT_EQ(Tcp(policy, "8.8.8.8"), "deny default DEFAULT");
}

TEST_F(CompiledPolicyTest, AnAddressIsAllowedAsSuchByCidrAndGroupRulesAlone) {
  const PolicyPtr policy = Compile(R"(
      preset: PRESET_PUBLIC_ONLY
      rules { action: ACTION_ALLOW peers { cidr: '8.8.8.8' } ports { first: 443 } }
      rules { action: ACTION_DENY peers { cidr: '8.8.0.0/16' } }
      rules { action: ACTION_ALLOW peers { domain: 'a.test' } }
      rules { action: ACTION_ALLOW }
      rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_PUBLIC } })");
  const auto allows = [&](const std::string& remote, uint16_t port) {
    return policy->AllowsAddress({.protocol = v1::PROTOCOL_TCP, .remote = Ip(remote), .port = port}, groups_);
  };
  EXPECT_TRUE(allows("8.8.8.8", 443));
  EXPECT_FALSE(allows("8.8.8.8", 80));
  EXPECT_FALSE(allows("9.9.9.9", 443));  // a rule without peers goes first
}

TEST_F(CompiledPolicyTest, ProtocolsAndPortsLimitARule) {
  const PolicyPtr policy = Compile(R"(
      preset: PRESET_ALLOWLIST
      rules { id: 'web' action: ACTION_ALLOW protocols: PROTOCOL_TCP
              ports { first: 80 } ports { first: 8000 last: 8099 } }
      rules { id: 'echo' action: ACTION_ALLOW ports { first: 7 } }
      rules { id: 'ping' action: ACTION_ALLOW protocols: PROTOCOL_ICMP peers { cidr: '8.8.8.0/24' } })");
  EXPECT_EQ(Tcp(policy, "8.8.8.8", 79), "deny default DEFAULT");
  EXPECT_EQ(Tcp(policy, "8.8.8.8", 80), "allow web RULE");
  EXPECT_EQ(Tcp(policy, "8.8.8.8", 7999), "deny default DEFAULT");
  EXPECT_EQ(Tcp(policy, "8.8.8.8", 8000), "allow web RULE");
  EXPECT_EQ(Tcp(policy, "8.8.8.8", 8099), "allow web RULE");
  EXPECT_EQ(Tcp(policy, "8.8.8.8", 8100), "deny default DEFAULT");
  EXPECT_EQ(Udp(policy, "8.8.8.8", 80), "deny default DEFAULT");
  EXPECT_EQ(Udp(policy, "8.8.8.8", 7), "allow echo RULE");
  EXPECT_EQ(Ping(policy, "8.8.8.8"), "allow ping RULE");
  EXPECT_EQ(Ping(policy, "8.8.4.4"), "deny default DEFAULT");
}

TEST_F(CompiledPolicyTest, DirectionsAreApart) {
  const PolicyPtr policy = Compile(R"(
      preset: PRESET_PUBLIC_ONLY
      rules { id: 'in' action: ACTION_DENY direction: DIRECTION_INGRESS
              peers { cidr: '8.8.8.0/24' } ports { first: 22 } }
      rules { id: 'out' action: ACTION_DENY peers { cidr: '9.9.9.9' } })");
  EXPECT_EQ(Ingress(policy, "8.8.8.8", 22), "deny in RULE");
  EXPECT_EQ(Ingress(policy, "8.8.8.8", 80), "allow default DEFAULT");
  EXPECT_EQ(Tcp(policy, "8.8.8.8", 22), "allow preset PRESET");
  EXPECT_EQ(Tcp(policy, "9.9.9.9"), "deny out RULE");
  EXPECT_EQ(Ingress(policy, "9.9.9.9", 22), "allow default DEFAULT");
  const FlowQuery unspecified = {
      .direction = v1::DIRECTION_UNSPECIFIED, .protocol = v1::PROTOCOL_TCP, .remote = Ip("9.9.9.9"), .port = 1};
  EXPECT_EQ(Words(policy->Evaluate(unspecified, groups_)), "deny out RULE");
}

TEST_F(CompiledPolicyTest, Ipv4CidrsCoverEveryCarrier) {
  const PolicyPtr policy = Compile(R"(
      preset: PRESET_PUBLIC_ONLY
      rules { id: 'no' action: ACTION_DENY peers { cidr: '8.8.8.0/24' } }
      rules { id: 'yes' action: ACTION_ALLOW peers { cidr: '10.1.2.3' } })");
  for (const char* remote : {"::ffff:8.8.8.8", "::8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001::f7f7:f7f7"}) {
    EXPECT_EQ(Tcp(policy, remote), "deny no RULE") << remote;
  }
  for (const char* remote : {"::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::"}) {
    EXPECT_EQ(Tcp(policy, remote), "allow yes RULE") << remote;
  }
}

TEST_F(CompiledPolicyTest, Ipv6CidrsDenyCarriersAsTheyStand) {
  const PolicyPtr policy = Compile(
      "preset: PRESET_ALLOW_ALL rules { id: 'no' action: ACTION_DENY peers { cidr: '::/0' } }");
  for (const char* remote : {"64:ff9b::8.8.8.8", "::ffff:10.1.2.3", "2002:808:808::1", "2606:4700::1"}) {
    EXPECT_EQ(Tcp(policy, remote), "deny no RULE") << remote;
  }
  EXPECT_EQ(Tcp(policy, "8.8.8.8"), "allow default DEFAULT");
}

TEST_F(CompiledPolicyTest, Ipv6CidrsOpenAPrivateCarriedAddressOnlyByNamingIt) {
  const PolicyPtr wide = Compile(R"(
      preset: PRESET_ALLOWLIST
      rules { id: 'all' action: ACTION_ALLOW
              peers { cidr: '::/0' } peers { cidr: '64:ff9b::/96' } peers { cidr: '2002::/16' } })");
  EXPECT_EQ(Tcp(wide, "64:ff9b::8.8.8.8"), "allow all RULE");
  EXPECT_EQ(Tcp(wide, "2002:808:808::1"), "allow all RULE");
  EXPECT_EQ(Tcp(wide, "fd12::1"), "allow all RULE");
  for (const char* remote : {"64:ff9b::10.1.2.3", "64:ff9b::169.254.169.254", "2002:a01:203::", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(Tcp(wide, remote), "deny default DEFAULT") << remote;
  }
  const PolicyPtr exact = Compile(R"(
      preset: PRESET_ALLOWLIST
      rules { id: 'ten' action: ACTION_ALLOW peers { cidr: '64:ff9b::a00:0/104' } })");
  EXPECT_EQ(Tcp(exact, "64:ff9b::10.1.2.3"), "allow ten RULE");
  EXPECT_EQ(Tcp(exact, "64:ff9b::11.1.2.3"), "deny default DEFAULT");
  EXPECT_EQ(Tcp(exact, "10.1.2.3"), "deny default DEFAULT");
}

TEST_F(CompiledPolicyTest, ADenialBehindAnAllowThatDoesNotCountIsFound) {
  const PolicyPtr policy = Compile(R"(
      preset: PRESET_ALLOW_ALL
      rules { id: 'yes' action: ACTION_ALLOW peers { cidr: '64:ff9b::/96' } }
      rules { id: 'no' action: ACTION_DENY peers { cidr: '64:ff9b::/96' } })");
  EXPECT_EQ(Tcp(policy, "64:ff9b::8.8.8.8"), "allow yes RULE");
  EXPECT_EQ(Tcp(policy, "64:ff9b::10.1.2.3"), "deny no RULE");
}

TEST_F(CompiledPolicyTest, DomainPeersMatchTheNamesOfTheAddress) {
  const PolicyPtr policy = Compile(R"(
      preset: PRESET_ALLOWLIST
      rules { id: 'no' action: ACTION_DENY peers { domain: 'ads.example.com' } }
      rules { id: 'exact' action: ACTION_ALLOW peers { domain: 'one.test' } ports { first: 443 } }
      rules { id: 'below' action: ACTION_ALLOW peers { domain: '*.example.com' } })");
  EXPECT_TRUE(policy->has_domain_peers());
  EXPECT_EQ(TcpTo(policy, {}), "deny default DEFAULT");
  EXPECT_EQ(TcpTo(policy, {Name("one.test")}), "allow exact RULE");
  EXPECT_EQ(TcpTo(policy, {Name("one.test")}, 80), "deny default DEFAULT");
  EXPECT_EQ(TcpTo(policy, {Name("a.one.test")}), "deny default DEFAULT");
  EXPECT_EQ(TcpTo(policy, {Name("example.com")}), "allow below RULE");
  EXPECT_EQ(TcpTo(policy, {Name("A.B.Example.COM.")}), "allow below RULE");
  EXPECT_EQ(TcpTo(policy, {Name("evil-example.com")}), "deny default DEFAULT");
  EXPECT_EQ(TcpTo(policy, {Name("other.test"), Name("one.test")}), "allow exact RULE");
  EXPECT_EQ(TcpTo(policy, {Name("one.test"), Name("ads.example.com")}), "deny no RULE");
}

TEST_F(CompiledPolicyTest, DotsInsideLabelsAreNotBoundaries) {
  const PolicyPtr policy = Compile(
      "preset: PRESET_ALLOWLIST rules { id: 'a' action: ACTION_ALLOW peers { domain: '*.example.com' } }");
  const auto wire = [](const std::string& bytes) {
    return DomainName::FromWire(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size())).value();
  };
  EXPECT_EQ(Words(policy->EvaluateName(wire(std::string("\7example\3com\0", 13)))), "allow a RULE");
  EXPECT_EQ(Words(policy->EvaluateName(wire(std::string("\15a.example.com\0", 15)))), "deny default DEFAULT");
  EXPECT_EQ(Words(policy->EvaluateName(wire(std::string("\11x\0example\3com\0", 15)))), "deny default DEFAULT");
}

TEST_F(CompiledPolicyTest, NamesAreJudgedByDomainRulesInOrder) {
  const PolicyPtr policy = Compile(R"(
      preset: PRESET_PUBLIC_ONLY
      rules { id: 'but' action: ACTION_ALLOW peers { domain: 'good.ads.test' }
              protocols: PROTOCOL_TCP ports { first: 443 } }
      rules { id: 'ads' action: ACTION_DENY peers { domain: '*.ads.test' } }
      rules { id: 'half' action: ACTION_DENY peers { domain: 'half.test' } ports { first: 80 } }
      rules { id: 'net' action: ACTION_DENY peers { cidr: '0.0.0.0/0' } })");
  EXPECT_EQ(Ask(policy, "good.ads.test"), "allow but RULE");
  EXPECT_EQ(Ask(policy, "ads.test"), "deny ads RULE");
  EXPECT_EQ(Ask(policy, "x.ads.test"), "deny ads RULE");
  EXPECT_EQ(Ask(policy, "half.test"), "allow preset PRESET");
  EXPECT_EQ(Ask(policy, "other.test"), "allow preset PRESET");
}

TEST_F(CompiledPolicyTest, DenyAnythingRefusesTheNamesThatNoRuleBeforeAllowed) {
  const PolicyPtr policy = Compile(R"(
      preset: PRESET_PUBLIC_ONLY
      rules { id: 'pypi' action: ACTION_ALLOW peers { domain: '*.pypi.org' } }
      rules { id: 'rest' action: ACTION_DENY })");
  EXPECT_EQ(Ask(policy, "files.pypi.org"), "allow pypi RULE");
  EXPECT_EQ(Ask(policy, "example.com"), "deny rest RULE");
}

TEST_F(CompiledPolicyTest, AllowsOfThePublicLetNamesBeAsked) {
  for (const char* peers : {"peers { group: ADDRESS_GROUP_PUBLIC }", "peers { cidr: '0.0.0.0/0' }",
                            "peers { cidr: '::/0' }", "", "peers { domain: 'x.test' } peers { cidr: '::/0' }"}) {
    const PolicyPtr policy = Compile(std::string("preset: PRESET_ALLOWLIST rules { id: 'web' action: ACTION_ALLOW "
                                                 "protocols: PROTOCOL_TCP ports { first: 443 } ") + peers + " }");
    EXPECT_EQ(Ask(policy, "a.example"), "allow web RULE") << peers;
  }
  for (const char* peers : {"peers { group: ADDRESS_GROUP_PRIVATE }", "peers { cidr: '0.0.0.0/1' }"}) {
    const PolicyPtr policy =
        Compile(std::string("preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW ") + peers + " }");
    EXPECT_EQ(Ask(policy, "a.example"), "deny default DEFAULT") << peers;
  }
}

TEST_F(CompiledPolicyTest, IngressRulesSayNothingOfNames) {
  const PolicyPtr policy = Compile(
      "preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW direction: DIRECTION_INGRESS }");
  EXPECT_EQ(Ask(policy, "a.example"), "deny default DEFAULT");
}

TEST_F(CompiledPolicyTest, ResolversAreJudgedByCidrAndGroupRulesOnPort53) {
  const PolicyPtr policy = Compile(R"(
      preset: PRESET_ALLOWLIST
      rules { id: 'all' action: ACTION_DENY }
      rules { id: 'web' action: ACTION_DENY peers { cidr: '9.9.9.9' } ports { first: 443 } }
      rules { id: 'tcp' action: ACTION_DENY peers { cidr: '1.1.1.1' } protocols: PROTOCOL_TCP }
      rules { id: 'ok' action: ACTION_ALLOW peers { cidr: '8.8.8.8' } }
      rules { id: 'no' action: ACTION_DENY peers { group: ADDRESS_GROUP_PUBLIC } ports { first: 53 } })");
  EXPECT_EQ(Resolver(policy, "8.8.8.8"), "allow ok RULE");
  EXPECT_EQ(Resolver(policy, "9.9.9.9"), "deny no RULE");
  EXPECT_EQ(Resolver(policy, "10.0.2.3"), "allow default DEFAULT");
  EXPECT_EQ(Resolver(policy, "64:ff9b::9.9.9.9"), "deny no RULE");
  EXPECT_EQ(Words(policy->EvaluateResolver(v1::PROTOCOL_TCP, Ip("1.1.1.1"), groups_)), "deny tcp RULE");
}

TEST_F(CompiledPolicyTest, AnswersPassWhereACidrOrGroupRuleAllowsThem) {
  const PolicyPtr policy = Compile(R"(
      preset: PRESET_PUBLIC_ONLY
      rules { action: ACTION_ALLOW peers { domain: 'intra.test' } }
      rules { action: ACTION_DENY peers { cidr: '10.1.2.3' } }
      rules { action: ACTION_DENY peers { cidr: '10.1.2.4' } ports { first: 22 } }
      rules { action: ACTION_ALLOW peers { cidr: '10.1.0.0/16' } ports { first: 443 } }
      rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_LINK_LOCAL } })");
  EXPECT_FALSE(Answer(policy, "10.1.2.3"));
  EXPECT_TRUE(Answer(policy, "10.1.2.4"));
  EXPECT_TRUE(Answer(policy, "::ffff:10.1.2.4"));
  EXPECT_FALSE(Answer(policy, "10.2.0.0"));
  EXPECT_TRUE(Answer(policy, "169.254.1.1"));
  EXPECT_FALSE(Answer(policy, "169.254.169.254"));
}

TEST_F(CompiledPolicyTest, AnswersDoNotPassByPresetsAndPeerlessRules) {
  EXPECT_FALSE(Answer(Compile("preset: PRESET_ALLOW_ALL"), "10.1.2.3"));
  EXPECT_FALSE(Answer(Compile("preset: PRESET_ALLOW_ALL rules { action: ACTION_ALLOW }"), "10.1.2.3"));
  const PolicyPtr shadowed = Compile(
      "preset: PRESET_ALLOW_ALL rules { action: ACTION_DENY } "
      "rules { action: ACTION_ALLOW peers { cidr: '10.0.0.0/8' } }");
  EXPECT_FALSE(Answer(shadowed, "10.1.2.3"));
}

TEST_F(CompiledPolicyTest, VerdictsTravelAsProtos) {
  const v1::Verdict proto = Compile("preset: PRESET_PUBLIC_ONLY")
                                ->Evaluate({.protocol = v1::PROTOCOL_TCP, .remote = Ip("10.1.2.3"), .port = 1}, groups_)
                                .ToProto();
  EXPECT_EQ(proto.action(), v1::ACTION_DENY);
  EXPECT_EQ(proto.rule_id(), "default");
  EXPECT_EQ(proto.reason(), v1::Verdict::REASON_DEFAULT);
}

}  // namespace
}  // namespace sluice::policy
