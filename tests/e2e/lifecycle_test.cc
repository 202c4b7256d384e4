// What sandboxes leave behind: nothing.

#include <dirent.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

constexpr absl::Duration kCommandTimeout = absl::Seconds(10);

// Everything on the host that a sandbox could leave.
std::set<std::string> Leavings() {
  std::set<std::string> found;
  const auto add = [&found](const std::string& what, const std::vector<std::string>& command) {
    const auto result = lab::RunCommand(command, kCommandTimeout, "");
    ASSERT_TRUE(result.ok()) << result.status();
    found.insert(absl::StrCat(what, ":\n", result->out));
  };
  add("links", {"ip", "-o", "link"});
  add("namespaces", {"ls", "/run/netns"});
  add("mounts", {"cat", "/proc/self/mounts"});
  add("workers", {"pgrep", "-c", "sluice-netsvc"});
  add("cgroups", {"find", "/sys/fs/cgroup", "-maxdepth", "4", "-name", "sluice-*"});
  return found;
}

TEST(LeavingsTest, TheListIsNotEmpty) { EXPECT_EQ(Leavings().size(), 5u); }

class LifecycleTest : public E2eTest {};

TEST_F(LifecycleTest, FiftySandboxesInARowLeaveNothing) {
  const std::set<std::string> before = Leavings();
  for (int i = 0; i < 50; ++i) {
    const v1::Sandbox spec = Proto<v1::Sandbox>(absl::StrCat("id: 'row-", i, "' guest { oci {} }"));
    const absl::StatusOr<v1::Sandbox> made = client().Create(spec);
    ASSERT_TRUE(made.ok()) << made.status();
    ASSERT_EQ(made->state(), v1::Sandbox::STATE_RUNNING);
    ASSERT_TRUE(client().Delete(made->id()).ok());
  }
  EXPECT_EQ(Leavings(), before);
}

TEST_F(LifecycleTest, ACreationThatFailsLeavesNothing) {
  const std::set<std::string> before = Leavings();
  const std::string first = Create("guest { oci {} } network { ports { host_port: 0 guest_port: 80 } }");
  const uint32_t taken = client().Get(first)->network_status().ports(0).host_port();
  const std::string spec =
      absl::StrCat("id: 'second' guest { oci {} } network { ports { host_port: ", taken, " guest_port: 80 } }");
  EXPECT_TRUE(absl::IsAlreadyExists(client().Create(Proto<v1::Sandbox>(spec)).status()));
  EXPECT_TRUE(absl::IsNotFound(client().Get("second").status()));
  const auto bad_program = Proto<v1::Sandbox>("id: 'third' guest { oci { args: '/nonexistent' } }");
  EXPECT_FALSE(client().Create(bad_program).ok());
  EXPECT_TRUE(absl::IsNotFound(client().Get("third").status()));
  ASSERT_TRUE(client().Delete(first).ok());
  EXPECT_EQ(Leavings(), before);
  // The id and the port are free again.
  EXPECT_EQ(Create(spec), "second");
}

TEST_F(LifecycleTest, AGuestThatEndsShowsAsStopped) {
  const std::string id = Create("guest { oci { args: 'true' } }");
  const auto stopped = client().AwaitSandbox(
      [&id](const v1::Sandbox& sandbox) { return sandbox.id() == id && sandbox.state() == v1::Sandbox::STATE_STOPPED; });
  EXPECT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_TRUE(absl::IsNotFound(client().Delete("nobody")));
}

}  // namespace
}  // namespace sluice::e2e
