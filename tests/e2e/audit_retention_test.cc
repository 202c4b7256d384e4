// One sandbox has less of its audit log kept than the server keeps of the others.

#include <signal.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/e2e/audit_follower.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"
#include "tests/e2e/restart_fixture.h"

namespace sluice::e2e {
namespace {

// Connections that are denied, each an event of some 200 bytes.
constexpr int kLoad = 3'000;
constexpr uint64_t kLess = 64 << 10;  // bytes; the load writes several times as much
// With the segment that is being written, an eighth, and the last write.
constexpr uint64_t kLessOnDisk = kLess + kLess / 4;
constexpr char kLessOfIt[] = "audit { max_bytes: 65536 }";

class RetentionTest : public RestartFixture {
 protected:
  static void Load(const std::string& id) {
    const ExecResult result = Run(id, RefusedConnects(kLoad));
    EXPECT_EQ(result.code, 0) << result.err;
  }
  static uint64_t LogBytes(const std::string& id) {
    uint64_t bytes = 0;
    const std::string directory = absl::StrCat(server().state_dir(), "/audit/", Get(id).uid());
    for (const auto& segment : std::filesystem::directory_iterator(directory)) {
      std::error_code gone;  // retention may be at work
      const uint64_t size = segment.file_size(gone);
      if (!gone) bytes += size;
    }
    return bytes;
  }
};

TEST_F(RetentionTest, OneSandboxHasLessKeptThanTheOthers) {
  const std::string less = Create(absl::StrCat("guest { oci {} } network { ", kLessOfIt, " }"));
  const std::string twin = CreateOci("");
  EXPECT_EQ(Get(less).network().audit().max_bytes(), kLess);
  std::map<std::string, std::unique_ptr<AuditFollower>> before;
  for (const std::string& id : {less, twin}) {
    before[id] = std::make_unique<AuditFollower>(client(), id);
    before[id]->ReadTo(1);
    Load(id);
    SetPolicy(id, "preset: PRESET_ALLOW_ALL");
  }
  EXPECT_LE(LogBytes(less), kLessOnDisk);
  EXPECT_GT(LogBytes(twin), 2 * kLessOnDisk);

  AuditFollower of_twin(client(), twin, 2 * kCallTimeout, before[twin]->cursor());
  of_twin.ReadToPolicy(2);
  EXPECT_EQ(of_twin.first(), before[twin]->last() + 1);
  EXPECT_EQ(of_twin.lost(), 0u);
  EXPECT_GE(of_twin.denied(), kLoad - 1u);
  AuditFollower of_less(client(), less, 2 * kCallTimeout, before[less]->cursor());
  of_less.ReadToPolicy(2);
  EXPECT_EQ(of_less.first(), before[less]->last() + 1);
  EXPECT_GT(of_less.lost(), 0u);
  EXPECT_EQ(of_less.events() + of_less.lost(), of_less.last() - before[less]->last());
  AuditFollower late(client(), less);
  late.ReadTo(of_less.last());
  EXPECT_EQ(late.first(), of_less.last_lost() + 1) << "it was told that what is before is gone";
}

TEST_F(RetentionTest, ChangesAtOnceAndOutlivesServerAndWorker) {
  const std::string id = CreateOci("");
  Load(id);
  ASSERT_GT(LogBytes(id), 2 * kLessOnDisk);
  const v1::Sandbox updated = Update(id, absl::StrCat("network { ", kLessOfIt, " }"), "paths: 'network.audit'");
  EXPECT_EQ(updated.network().audit().max_bytes(), kLess);
  EXPECT_LE(LogBytes(id), kLess);
  Load(id);
  EXPECT_LE(LogBytes(id), kLessOnDisk);

  ASSERT_NO_FATAL_FAILURE(KillAndStartServer());
  EXPECT_EQ(Get(id).network().audit().max_bytes(), kLess);
  Load(id);
  EXPECT_LE(LogBytes(id), kLessOnDisk) << "the worker was adopted";
  const pid_t worker = WorkerOf(Get(id));
  ASSERT_EQ(kill(worker, SIGKILL), 0);
  ASSERT_NO_FATAL_FAILURE(AwaitReplaced(Get(id), worker));
  Load(id);
  EXPECT_LE(LogBytes(id), kLessOnDisk) << "another worker took its place";

  Update(id, "", "paths: 'network.audit'");
  EXPECT_FALSE(Get(id).network().has_audit());
  Load(id);
  EXPECT_GT(LogBytes(id), 2 * kLessOnDisk) << "as much as of the others";
}

TEST_F(RetentionTest, NoSandboxHasMoreKeptThanTheServerKeeps) {
  const std::string id = CreateOci("");
  const struct {
    const char* audit;
    const char* field;
  } kCases[] = {{"max_bytes: 268435457", "sandbox.network.audit.max_bytes"},
                {"max_bytes: 65535", "sandbox.network.audit.max_bytes"},
                {"max_age { seconds: 604801 }", "sandbox.network.audit.max_age"},
                {"max_age { seconds: 59 }", "sandbox.network.audit.max_age"}};
  for (const auto& [audit, field] : kCases) {
    SCOPED_TRACE(audit);
    const std::string network = absl::StrCat("network { audit { ", audit, " } }");
    const grpc::Status updated = TryUpdate(id, network, "paths: 'network.audit'");
    EXPECT_EQ(updated.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(BadField(updated), field);
    const absl::Status created =
        client().Create(Proto<v1::Sandbox>(absl::StrCat("guest { oci {} } ", network))).status();
    EXPECT_TRUE(absl::IsInvalidArgument(created)) << created;
  }
  Update(id, "network { audit { max_bytes: 268435456 max_age { seconds: 604800 } } }", "paths: 'network.audit'");
}

}  // namespace
}  // namespace sluice::e2e
