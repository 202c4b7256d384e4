// Nothing that the policy denies comes out of the gateway, whatever the guest
// sends; and nothing that it allows, before the log has told of it.

#include <functional>
#include <iostream>
#include <random>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/policy/random_policy.h"
#include "netsvc/worker/empty_network.h"
#include "netsvc/worker/gateway_witness.h"
#include "netsvc/worker/guest_frames.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::Duration kTime = absl::Seconds(8);
constexpr int kPackets = 300;  // under one policy, and as many under the next

struct Totals {
  uint64_t sent = 0;
  uint64_t passed_on = 0;
  uint64_t opened = 0;
};

void BindSome(policy::RandomPolicy& world, GatewayWitness& witness) {
  std::vector<DomainName> names;
  for (int i = 0; i < 40; ++i) {
    const policy::FlowQuery query = world.Query(names);
    for (const DomainName& name : names) witness.Bind(name, query.remote);
  }
}

void SendPackets(GuestFrames& frames, std::mt19937_64& random, GatewayWitness& witness) {
  for (int i = 0; i < kPackets && witness.problem().empty(); ++i) {
    for (packet::Bytes& frame : frames.Next()) witness.Send(frame);
    if (random() % 4 == 0) witness.AnswerLast();
    if (random() % 64 == 0) witness.Wait(absl::Seconds(70));  // UDP flows expire
  }
}

Totals RunSeed(uint64_t seed) {
  policy::RandomPolicy world({.seed = seed, .world_bits = 1 + static_cast<int>(seed % 4), .group_percent = 20});
  std::mt19937_64 random(seed);
  GatewayWitness witness(world.Policy(static_cast<int>(seed % 12)));
  GuestFrames frames(witness.subnet(), world, seed);
  BindSome(world, witness);
  SendPackets(frames, random, witness);
  witness.ChangePolicy(world.Policy(static_cast<int>(seed % 7)));
  SendPackets(frames, random, witness);
  EXPECT_EQ(witness.problem(), "") << "seed " << seed;
  return {witness.counters().sent, witness.counters().passed_on, witness.counters().opened};
}

// Gives the host stack what it should not get.
class CarelessGateway : public GatewayWitness {
 public:
  using GatewayWitness::GatewayWitness;
  void Leak(packet::Bytes frame) { stack_.Input(frame); }
};

TEST(GatewayWitnessTest, SeesWhatIsDeniedUntoldOrUnsound) {
  v1::NetworkPolicy policy;
  policy.set_preset(v1::PRESET_PUBLIC_ONLY);
  const auto after = [&](const std::function<void(CarelessGateway&)>& act) {
    CarelessGateway gateway(policy);
    act(gateway);
    return gateway.problem();
  };
  const auto syn_to = [](const CarelessGateway& gateway, const char* remote) {
    return packet::TcpFrame({gateway.subnet().guest_mac, gateway.subnet().gateway_mac,
                             {gateway.subnet().ipv4.guest, 4242}, packet::At(remote)},
                            {.flags = packet::kSyn});
  };
  EXPECT_THAT(after([&](auto& gateway) { gateway.Leak(syn_to(gateway, "10.1.2.3:80")); }), HasSubstr("is denied"));
  EXPECT_THAT(after([&](auto& gateway) { gateway.Leak(syn_to(gateway, "8.8.8.8:80")); }), HasSubstr("does not tell"));
  EXPECT_THAT(after([&](auto& gateway) {
                packet::Bytes frame = syn_to(gateway, "8.8.8.8:80");
                gateway.Send(frame);
                gateway.Leak(syn_to(gateway, "8.8.8.8:80"));
              }),
              IsEmpty());
  EXPECT_THAT(after([&](auto& gateway) {
                packet::Bytes frame = syn_to(gateway, "8.8.8.8:80");
                frame.back() ^= 1;
                gateway.Leak(frame);
              }),
              HasSubstr("checksum"));
}

// Each policy has its own seed, so that a failure is had again with that seed alone.
TEST(GatewayPropertyTest, NothingDeniedComesOutAndNothingUntold) {
  if (!EnterEmptyNetwork()) GTEST_SKIP() << "no network of its own to be had here";
  uint64_t seed = std::random_device{}();
  std::cout << "first seed: " << seed << std::endl;
  Totals totals;
  int policies = 0;
  for (const absl::Time end = absl::Now() + kTime; absl::Now() < end && !HasFailure(); ++seed, ++policies) {
    const Totals run = RunSeed(seed);
    totals = {totals.sent + run.sent, totals.passed_on + run.passed_on, totals.opened + run.opened};
  }
  std::cout << policies << " pairs of policies, " << totals.sent << " frames sent, " << totals.passed_on
            << " passed on, " << totals.opened << " flows opened" << std::endl;
  EXPECT_GT(policies, 3);
  EXPECT_GT(totals.opened, 0u);
  EXPECT_GT(totals.passed_on, totals.opened / 2);
}

}  // namespace
}  // namespace sluice
