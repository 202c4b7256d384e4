// Connections that end, stall and break in every way, through a real worker.

#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

constexpr char kV4[] = "198.35.26.96";
constexpr char kV6[] = "2606:2800:220:1::7";
// The lab's internet drops it, unless told otherwise.
constexpr char kBlackHole[] = "151.101.0.1";

// Of the cases that last. The soak has more of them.
int Seconds() {
  const char* const seconds = std::getenv("SLUICE_FLOW_SECONDS");
  return seconds == nullptr ? 5 : std::atoi(seconds);
}

class FlowsTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    auto far_side = lab().Spawn(lab::Ns::kInet, FlowCases({"serve", kV4, kV6}));
    ASSERT_TRUE(far_side.ok()) << far_side.status();
    far_side_ = *std::move(far_side);
    EXPECT_EQ(far_side_->ReadLine(kEventTimeout).value_or("nothing"), "ready");
  }

  // What the guest's end prints.
  static std::string Case(const std::string& id, const std::string& name, const std::string& address, int count = 0) {
    const ExecResult result = Run(id, FlowCases({name, address, absl::StrCat(count)}), kCallTimeout + absl::Seconds(Seconds()));
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  }
  // The same over both families.
  static void ExpectBoth(const std::string& id, const std::string& name, const std::string& expected) {
    for (const char* address : {kV4, kV6}) EXPECT_EQ(Case(id, name, address), expected + "\n") << name << " " << address;
  }

 private:
  std::unique_ptr<lab::Process> far_side_;
};

TEST_F(FlowsTest, ConnectionsEndAsTheirEndsSay) {
  const std::string id = CreateOci("");
  ExpectBoth(id, "half-closed-by-guest", "whole");
  ExpectBoth(id, "half-closed-by-remote", "whole");
  ExpectBoth(id, "both-close", "1 byte, 0 bytes");
  ExpectBoth(id, "reset-by-remote", "reset");
  ExpectBoth(id, "reset-by-guest", "reset");
}

TEST_F(FlowsTest, ASlowReaderHoldsUpNobodyElse) {
  const std::string id = CreateOci("");
  ExpectBoth(id, "slow-guest", "whole, lively");
  ExpectBoth(id, "slow-remote", "whole, lively");
}

TEST_F(FlowsTest, WhoReadsSlowlyCostsNoMemoryAndHoldsUpNobodyElse) {
  const std::string id = CreateOci("");
  for (const char* name : {"trickling-guest", "trickling-remote"}) {
    for (const char* address : {kV4, kV6}) {
      const int64_t before = WorkerMemory(id);
      EXPECT_EQ(Case(id, name, address, Seconds() / 2), "18000000 bytes, lively\n") << name << " " << address;
      EXPECT_LT(WorkerMemory(id), before + 4096) << name << " " << address;
    }
  }
}

TEST_F(FlowsTest, WhatComesInAloneKeepsItsFlow) {
  const std::string id = CreateOci("");
  EXPECT_EQ(Case(id, "udp-inbound-only", kV4, Seconds()), absl::StrCat(Seconds(), "\n"));
}

TEST_F(FlowsTest, SixtyFourKilobytesAndOneAtEveryMtu) {
  for (const int mtu : {1280, 1500, 9000, 16384, 16425, 65520}) {
    SCOPED_TRACE(mtu);
    const std::string id = Create(absl::StrCat("guest { oci {} } network { interface { mtu: ", mtu, " } }"));
    ExpectBoth(id, "echo-64k-and-1", "whole");
    EXPECT_TRUE(client().Delete(id).ok());
  }
}

TEST_F(FlowsTest, ManyHalfClosedConnectionsLeaveRoomForAnother) {
  EXPECT_EQ(Case(CreateOci(""), "many-half-closed", kV4, 300), "300, then whole\n");
}

TEST_F(FlowsTest, WhatCannotBeReachedIsSeenAsThat) {
  const std::string id = CreateOci("");
  ExpectBoth(id, "refused", "at once");
  ExpectBoth(id, "udp-unreachable", "unreachable");
}

TEST_F(FlowsTest, ABlackHoleIsSilent) {
  const std::string id = CreateOci("");
  const auto ip = [](const Command& arguments) {
    Command command = {"ip"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto result = lab().RunIn(lab::Ns::kInet, command);
    EXPECT_TRUE(result.ok() && result->exit_code == 0) << (result.ok() ? result->err : result.status().ToString());
  };
  ip({"route", "add", "blackhole", kBlackHole});
  EXPECT_EQ(Case(id, "black-hole", kBlackHole), "silence\n");
  ip({"route", "del", "blackhole", kBlackHole});
  ip({"address", "add", absl::StrCat(kBlackHole, "/32"), "dev", "lo"});
  EXPECT_EQ(Case(id, "black-hole", kBlackHole), "error 111\n");  // refused
  ip({"address", "del", absl::StrCat(kBlackHole, "/32"), "dev", "lo"});
}

TEST_F(FlowsTest, LargeDatagramsPassBothWays) {
  const std::string id = CreateOci("");
  for (const int size : {1, 1472, 1473, 9000, 65'507}) EXPECT_EQ(Case(id, "udp-echo", kV4, size), "whole\n") << size;
  for (const int size : {1, 1452, 1453, 9000, 16'376}) EXPECT_EQ(Case(id, "udp-echo", kV6, size), "whole\n") << size;
}

TEST_F(FlowsTest, WithoutARouteOnTheHostConnectionsFailFast) {
  const std::string id = CreateOci("");
  const auto route = [&](const char* action) {
    const lab::CommandResult result = RunOnHost({"ip", "-6", "route", action, "unreachable", "2606:2800:220:99::/64"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
  };
  route("add");
  EXPECT_EQ(Case(id, "unreachable", "2606:2800:220:99::1").substr(0, 7), "at once");
  route("del");
}

}  // namespace
}  // namespace sluice::e2e
