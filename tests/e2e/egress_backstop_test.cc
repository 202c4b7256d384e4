// The second wall around a worker of a real server: what the kernel says to a process
// that stands where the worker stands, which its guest may have taken over.
// (//server/worker:egress_backstop_test tries the wall alone.)

#include <signal.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/operator_file.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

constexpr char kWeb[] = "93.184.216.34";
constexpr char kLan[] = "10.1.2.3";
constexpr char kMetadata[] = "169.254.169.254";
constexpr char kConnected[] = "connected\n";
constexpr char kRefused[] = "Operation not permitted\n";
constexpr char kAllowLan[] = "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3' } }";
constexpr absl::Duration kSoon = absl::Seconds(10);
constexpr size_t kMaxFile = 64 << 10;

class EgressBackstopTest : public E2eTest {
 protected:
  static void SetUpTestSuite() {
    Floor().Replace("rules: []\n");
    StartSuite({.resolv_conf = "", .flags = {absl::StrCat("--floor_policy=", Floor().path())}, .leave_sandboxes = true});
  }

  void SetUp() override {
    E2eTest::SetUp();
    id_ = CreateOci("preset: PRESET_PUBLIC_ONLY");
    cgroup_ = CgroupOfWorker();
    if (cgroup_.empty()) GTEST_SKIP() << "no egress backstop on this machine";
  }

  static OperatorFile Floor() { return OperatorFile("floor.yaml"); }

  // The worker's below the mount of cgroup2; "" where it stands behind no wall.
  std::string CgroupOfWorker() const {
    const std::string text = ReadFile(absl::StrCat("/proc/", WorkerOf(id_), "/cgroup"), kMaxFile).value_or("");
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      if (absl::StartsWith(line, "0::") && absl::StrContains(line, "sluice-worker-")) return std::string(line.substr(3));
    }
    return "";
  }

  // Connects to port 80 from there.
  std::string Connect(const std::string& address) const {
    return RunOnHost(Python(R"(
import os, socket, sys
mounts = [line.split() for line in open("/proc/self/mounts")]
home = next(m[1] for m in mounts if m[2] == "cgroup2")
open(home + sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
try:
  socket.create_connection((sys.argv[2], 80), 5)
  print("connected")
except OSError as e:
  print(os.strerror(e.errno))
)",
                            {cgroup_, address}))
        .out;
  }
  std::string ConnectOnce(const std::string& address, const std::string& wanted) const {
    const absl::Time deadline = absl::Now() + kSoon;
    std::string said;
    do {
      said = Connect(address);
    } while (said != wanted && absl::Now() < deadline);
    return said;
  }

  std::string id_;
  std::string cgroup_;  // the sandbox's, whichever worker it has
};

TEST_F(EgressBackstopTest, RefusesWhatThePolicyCanNeverAllow) {
  EXPECT_EQ(Connect(kWeb), kConnected);
  EXPECT_EQ(Connect(kLan), kRefused);
  EXPECT_EQ(Connect(kMetadata), kRefused);
  SetPolicy(id_, kAllowLan);
  EXPECT_EQ(Connect(kLan), kConnected);
  EXPECT_EQ(Connect(kMetadata), kRefused);
}

TEST_F(EgressBackstopTest, StandsWhileNoServerRunsAndIsTheNextOnes) {
  ASSERT_TRUE(server().End(SIGKILL).ok());
  EXPECT_EQ(Connect(kLan), kRefused);
  EXPECT_EQ(Connect(kWeb), kConnected);
  ASSERT_NO_FATAL_FAILURE(StartServer());
  EXPECT_EQ(Connect(kLan), kRefused);
  SetPolicy(id_, kAllowLan);
  EXPECT_EQ(Connect(kLan), kConnected);
  EXPECT_EQ(Connect(kMetadata), kRefused);
  SetPolicy(id_, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Connect(kLan), kRefused);
}

TEST_F(EgressBackstopTest, StandsAroundTheWorkerThatTakesAnothersPlace) {
  const pid_t first = WorkerOf(id_);
  ASSERT_EQ(kill(first, SIGKILL), 0);
  const absl::Time deadline = absl::Now() + kSoon;
  while (Run(id_, Curl(absl::StrCat("http://", kWeb, "/hello"))).code != 0) ASSERT_LT(absl::Now(), deadline);
  ASSERT_NE(WorkerOf(id_), first);
  EXPECT_EQ(CgroupOfWorker(), cgroup_);
  EXPECT_EQ(Connect(kWeb), kConnected);
  EXPECT_EQ(Connect(kLan), kRefused);
}

TEST_F(EgressBackstopTest, FollowsTheOperatorsFloor) {
  SetPolicy(id_, kAllowLan);
  ASSERT_EQ(Connect(kLan), kConnected);
  Floor().Replace("rules: [{id: no-lan, action: ACTION_DENY, peers: [{cidr: 10.0.0.0/8}]}]\n");
  EXPECT_EQ(ConnectOnce(kLan, kRefused), kRefused);
  EXPECT_EQ(Connect(kWeb), kConnected);
  Floor().Replace("rules: []\n");
  EXPECT_EQ(ConnectOnce(kLan, kConnected), kConnected);
}

}  // namespace
}  // namespace sluice::e2e
