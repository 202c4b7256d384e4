// What sandboxes leave behind, made and deleted or never made: nothing.

#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "tests/e2e/cpu_group.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/leavings.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

namespace fs = std::filesystem;

void ExpectNoCgroupsOf(const std::vector<std::string>& uids) {
  for (const std::string& uid : uids) ExpectNoCgroups(uid);
}

class LifecycleTest : public E2eTest {
 protected:
  static std::multiset<std::string> Now() { return Leavings(lab(), server()); }
  static void ExpectSame(const std::multiset<std::string>& before) {
    EXPECT_EQ(NewLeavings(lab(), server(), before), "");
  }

  // The uid of a sandbox that was made, "" where it was not.
  static std::string MakeAndDelete(const std::string& spec) {
    const absl::StatusOr<v1::Sandbox> made = client().Create(Proto<v1::Sandbox>(spec));
    EXPECT_TRUE(made.ok()) << made.status();
    if (!made.ok()) return "";
    EXPECT_EQ(made->state(), v1::Sandbox::STATE_RUNNING);
    const absl::Status deleted = client().Delete(made->id());
    EXPECT_TRUE(deleted.ok()) << deleted;
    return made->uid();
  }

  // Sandboxes of one kind leave their first use's caches behind them.
  static void WarmUp() { MakeAndDelete("guest { oci {} } network { ports { guest_port: 80 } }"); }
};

TEST_F(LifecycleTest, ASandboxThatRunsShows) {
  WarmUp();
  const std::multiset<std::string> before = Now();
  const std::string id = Create("guest { oci {} } network { ports { guest_port: 80 } }");
  std::multiset<std::string> added = Now();
  for (const std::string& line : before) {
    if (const auto at = added.find(line); at != added.end()) added.erase(at);
  }
  std::set<std::string> kinds;
  for (const std::string& line : added) kinds.insert(line.substr(0, line.find(' ')));
  EXPECT_EQ(kinds, (std::set<std::string>{"descriptor", "file", "process", "socket"}));
  ASSERT_TRUE(client().Delete(id).ok());
  ExpectSame(before);
}

TEST_F(LifecycleTest, FiftySandboxesInARowLeaveNothing) {
  WarmUp();
  const std::multiset<std::string> before = Now();
  std::vector<std::string> uids;
  for (int i = 0; i < 50; ++i) {
    uids.push_back(MakeAndDelete(absl::StrCat("id: 'row-", i, "' guest { oci {} } network { ports { guest_port: 80 } }")));
  }
  ExpectSame(before);
  ExpectNoCgroupsOf(uids);
}

TEST_F(LifecycleTest, FiftySandboxesSideBySideLeaveNothing) {
  WarmUp();
  const std::multiset<std::string> before = Now();
  constexpr int kThreads = 5;
  std::vector<std::vector<std::string>> uids(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([t, &uids = uids[static_cast<size_t>(t)]] {
      for (int i = 0; i < 10; ++i) {
        uids.push_back(MakeAndDelete(absl::StrCat("id: 'side-", t, "-", i, "' guest { oci {} }")));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ExpectSame(before);
  for (const std::vector<std::string>& some : uids) ExpectNoCgroupsOf(some);
}

TEST_F(LifecycleTest, CreationsThatFailLeaveNothing) {
  WarmUp();
  const std::string holder = Create("guest { oci {} } network { ports { guest_port: 80 } }");
  const uint32_t taken = client().Get(holder)->network_status().ports(0).host_port();
  const struct {
    std::string what;
    std::string spec;
    absl::StatusCode code;
  } kFailures[] = {
      {"a taken port",
       absl::StrCat("guest { oci {} } network { ports { guest_port: 1 } ports { guest_port: 80 host_port: ", taken, " } }"),
       absl::StatusCode::kAlreadyExists},
      {"an address of no interface", "guest { oci {} } network { ports { guest_port: 80 host_address: '203.0.113.9' } }",
       absl::StatusCode::kInvalidArgument},
      {"a root that is not there", "guest { oci { rootfs: '/nowhere' } }", absl::StatusCode::kInvalidArgument},
      {"a root that is a file", "guest { oci { rootfs: '/etc/passwd' } }", absl::StatusCode::kInvalidArgument},
      {"a root of the server's own", absl::StrCat("guest { oci { rootfs: '", server().state_dir(), "/audit' } }"),
       absl::StatusCode::kInvalidArgument},
      {"no such program", "guest { oci { args: '/nonexistent' } }", absl::StatusCode::kNotFound},
      {"a program that is none", "guest { oci { args: '/etc/passwd' } }", absl::StatusCode::kPermissionDenied},
      {"a working directory that is none", "guest { oci { args: 'true' working_directory: '/etc/passwd' } }",
       absl::StatusCode::kInvalidArgument},
      {"a user by name", "guest { oci { user: 'root' } }", absl::StatusCode::kInvalidArgument},
      {"no namespace at the path", "guest { netns { path: '/etc/passwd' } }", absl::StatusCode::kInvalidArgument},
      {"another kind of namespace", "guest { netns { path: '/proc/self/ns/uts' } }", absl::StatusCode::kInvalidArgument},
      {"the server's own namespace", absl::StrCat("guest { netns { pid: ", server().pid(), " } }"),
       absl::StatusCode::kInvalidArgument},
      {"a process that is none", "guest { netns { pid: 2147483647 } }", absl::StatusCode::kInvalidArgument},
  };
  const std::multiset<std::string> before = Now();
  for (const auto& failure : kFailures) {
    SCOPED_TRACE(failure.what);
    const auto made = client().Create(Proto<v1::Sandbox>(absl::StrCat("id: 'failed' ", failure.spec)));
    EXPECT_EQ(made.status().code(), failure.code) << made.status();
    EXPECT_TRUE(absl::IsNotFound(client().Get("failed").status()));
    EXPECT_TRUE(absl::IsNotFound(client().Events("failed").status()));
    ExpectSame(before);
  }
  ASSERT_TRUE(client().Delete(holder).ok());
  // The id and the port are free again.
  EXPECT_EQ(Create(absl::StrCat("id: 'failed' ", kFailures[0].spec)), "failed");
}

TEST_F(LifecycleTest, ARuntimeThatFailsLeavesNothing) {
  // It makes the container, and then says that it could not.
  const std::string runtime = server().state_dir() + "-runc";
  ASSERT_TRUE(WriteFile(runtime, "#!/bin/sh\nrunc \"$@\"; code=$?\ncase \"$*\" in *' run '*) exit 1;; esac\nexit $code\n",
                        0755).ok());
  ASSERT_EQ(chmod(runtime.c_str(), 0755), 0);
  const auto other = ServerProcess::Start(lab(), {.resolv_conf = "", .flags = {absl::StrCat("--oci_runtime=", runtime)}});
  ASSERT_TRUE(other.ok()) << other.status();
  SandboxClient other_client((*other)->unix_address());
  const auto made = other_client.Create(Proto<v1::Sandbox>("id: 'first' guest { oci {} }"));
  EXPECT_EQ(made.status().code(), absl::StatusCode::kInternal) << made.status();
  const std::multiset<std::string> before = Leavings(lab(), **other);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(other_client.Create(Proto<v1::Sandbox>("id: 'again' guest { oci {} }")).ok());
    EXPECT_EQ(Leavings(lab(), **other), before);
  }
  for (const std::string& line : before) EXPECT_NE(line.substr(0, 7), "process") << line;
  fs::remove(runtime);
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
