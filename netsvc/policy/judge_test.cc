#include "netsvc/policy/judge.h"

#include <string>

#include "gtest/gtest.h"

namespace sluice::policy {
namespace {

constexpr uint16_t kApiPort = 7443;

IpAddress Ip(const std::string& text) { return IpAddress::Parse(text).value(); }

// Everything that a caller can write is allowed.
std::shared_ptr<const CompiledPolicy> AllowEverything() {
  v1::NetworkPolicy policy;
  policy.set_preset(v1::PRESET_ALLOW_ALL);
  policy.add_rules()->set_action(v1::ACTION_ALLOW);
  return CompiledPolicy::Compile(policy).value();
}

class JudgeTest : public testing::Test {
 protected:
  JudgeTest()
      : groups_({.gateway = {IpPrefix::Parse("10.0.2.2").value()}}),
        judge_(groups_, {{Ip("127.0.0.1"), kApiPort}}, AllowEverything()) {
    groups_.SetHostAddresses({Ip("203.0.113.9")});
  }

  v1::Verdict::Reason Reason(const FlowQuery& query) { return judge_.Evaluate(query).reason; }
  v1::Verdict::Reason Tcp(const std::string& remote, uint16_t port) {
    return Reason({.protocol = v1::PROTOCOL_TCP, .remote = Ip(remote), .port = port});
  }

  AddressGroups groups_;
  Judge judge_;
};

TEST_F(JudgeTest, TheServersListenersAreDeniedWhateverThePolicy) {
  for (const char* remote : {"10.0.2.2", "127.0.0.1", "127.9.9.9", "203.0.113.9", "::1", "::ffff:10.0.2.2",
                             "64:ff9b::203.0.113.9", "0.0.0.0", "::", "::ffff:0.0.0.0"}) {
    EXPECT_EQ(Tcp(remote, kApiPort), v1::Verdict::REASON_CONTROL_PLANE) << remote;
    EXPECT_EQ(Tcp(remote, kApiPort + 1), v1::Verdict::REASON_RULE) << remote;
  }
}

TEST_F(JudgeTest, OtherHostsProtocolsAndDirectionsAreThePolicysOwn) {
  EXPECT_EQ(Tcp("203.0.113.10", kApiPort), v1::Verdict::REASON_RULE);
  EXPECT_EQ(Reason({.protocol = v1::PROTOCOL_UDP, .remote = Ip("10.0.2.2"), .port = kApiPort}),
            v1::Verdict::REASON_RULE);
  const FlowQuery ingress = {
      .direction = v1::DIRECTION_INGRESS, .protocol = v1::PROTOCOL_TCP, .remote = Ip("10.0.2.2"), .port = kApiPort};
  EXPECT_EQ(Reason(ingress), v1::Verdict::REASON_DEFAULT);
}

TEST_F(JudgeTest, JudgesByThePolicyInForce) {
  v1::NetworkPolicy allowlist;
  allowlist.set_preset(v1::PRESET_ALLOWLIST);
  EXPECT_EQ(Tcp("8.8.8.8", 443), v1::Verdict::REASON_RULE);
  judge_.SetPolicy(CompiledPolicy::Compile(allowlist).value());
  EXPECT_EQ(Tcp("8.8.8.8", 443), v1::Verdict::REASON_DEFAULT);
  EXPECT_EQ(Tcp("10.0.2.2", kApiPort), v1::Verdict::REASON_CONTROL_PLANE);
}

}  // namespace
}  // namespace sluice::policy
