// The walls around the workers of a real server (netsvc/worker/confinement_test
// tries each of them).

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

constexpr size_t kMaxFile = 64 << 10;

class ConfinementTest : public E2eTest {
 protected:
  // /proc/PID/FILE of a sandbox's worker.
  static std::string OfWorker(const std::string& id, absl::string_view file) {
    return ReadFile(absl::StrCat("/proc/", WorkerOf(id), "/", file), kMaxFile).value_or("");
  }

  // Where it leads, a link.
  static std::string LinkOfWorker(const std::string& id, absl::string_view file) {
    std::error_code error;
    return std::filesystem::read_symlink(absl::StrCat("/proc/", WorkerOf(id), "/", file), error).string();
  }

  static std::string Line(const std::string& text, absl::string_view start) {
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      if (absl::StartsWith(line, start)) return std::string(line);
    }
    return "";
  }
};

TEST_F(ConfinementTest, EachWorkerIsAUserOfItsOwnInAnEmptyRoom) {
  std::set<std::string> users;
  std::set<std::string> outputs;
  for (int i = 0; i < 2; ++i) {
    const std::string id = CreateOci("preset: PRESET_PUBLIC_ONLY");
    // It has a flow behind it, so that no wall went up too late or too early.
    EXPECT_EQ(Run(id, Curl("http://93.184.216.34/")).code, 0);
    const std::string status = OfWorker(id, "status");
    EXPECT_EQ(Line(status, "CapEff:"), "CapEff:\t0000000000000000");
    EXPECT_EQ(Line(status, "CapBnd:"), "CapBnd:\t0000000000000000");
    EXPECT_EQ(Line(status, "NoNewPrivs:"), "NoNewPrivs:\t1");
    EXPECT_EQ(Line(status, "Seccomp:"), "Seccomp:\t2");
    users.insert(Line(status, "Uid:"));
    // What its root shows: its log, its socket's directory, and no more.
    const std::string mounts = OfWorker(id, "mounts");
    EXPECT_EQ(std::count(mounts.begin(), mounts.end(), '\n'), 3) << mounts;
    EXPECT_TRUE(absl::StrContains(mounts, " /log ")) << mounts;
    EXPECT_TRUE(absl::StrContains(mounts, " /run ")) << mounts;
    for (const char* descriptor : {"fd/1", "fd/2"}) outputs.insert(LinkOfWorker(id, descriptor));
  }
  EXPECT_EQ(users.size(), 2u) << *users.begin();
  EXPECT_FALSE(users.contains("Uid:\t0\t0\t0\t0"));
  // A pipe each, and none the server's log.
  EXPECT_EQ(outputs.size(), 2u) << *outputs.begin();
  for (const std::string& output : outputs) EXPECT_TRUE(absl::StartsWith(output, "pipe:[")) << output;
}

}  // namespace
}  // namespace sluice::e2e
