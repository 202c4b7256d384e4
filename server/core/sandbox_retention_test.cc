// How much of a sandbox's audit log is kept: as its worker and the archive are told.

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "server/core/sandbox_manager_fixture.h"

namespace sluice {
namespace {

using testing::IsEmpty;

class SandboxRetentionTest : public SandboxManagerFixture {
 protected:
  void SetUp() override {
    SandboxManagerFixture::SetUp();
    host_network_.audit.set_max_bytes(100'000);
    host_network_.audit.set_max_age_seconds(3600);
    Restart();
  }
  absl::StatusOr<v1::Sandbox> CreateWith(const std::string& id, const std::string& audit) {
    return Create(absl::StrCat("sandbox { id: '", id, "' guest { oci {} } network { audit { ", audit, " } } }"));
  }
  absl::StatusOr<v1::Sandbox> UpdateTo(const std::string& audit) {
    return Update(absl::StrCat("sandbox { id: 'web' network { audit { ", audit, " } } } update_mask { paths: 'network.audit' }"));
  }
  // What the last worker was told, in bytes and seconds.
  std::string Told() const {
    return absl::StrCat(host_.config().audit().max_bytes(), " ", host_.config().audit().max_age_seconds());
  }
};

TEST_F(SandboxRetentionTest, ASandboxMayHaveLessOfItsLogKept) {
  ASSERT_TRUE(CreateWith("web", "max_bytes: 70000").ok());
  EXPECT_EQ(Told(), "70000 3600");
  EXPECT_EQ(Get("web").network().audit().max_bytes(), 70'000u);
  ASSERT_TRUE(CreateNamed("other").ok());
  EXPECT_EQ(Told(), "100000 3600");
  EXPECT_FALSE(Get("other").network().has_audit());
}

TEST_F(SandboxRetentionTest, NoSandboxHasMoreKeptThanTheServerKeeps) {
  EXPECT_EQ(FieldOf(CreateWith("web", "max_bytes: 100001").status()), "sandbox.network.audit.max_bytes");
  EXPECT_EQ(FieldOf(CreateWith("web", "max_age { seconds: 3601 }").status()), "sandbox.network.audit.max_age");
  ExpectNothing();
  ASSERT_TRUE(CreateWith("web", "max_bytes: 100000 max_age { seconds: 3600 }").ok());
  EXPECT_EQ(FieldOf(UpdateTo("max_bytes: 100001").status()), "sandbox.network.audit.max_bytes");
  EXPECT_EQ(FieldOf(UpdateTo("max_age { seconds: 3601 }").status()), "sandbox.network.audit.max_age");
  EXPECT_EQ(Told(), "100000 3600");
}

TEST_F(SandboxRetentionTest, ChangesWhileTheSandboxRuns) {
  ASSERT_TRUE(CreateNamed("web").ok());
  const absl::StatusOr<v1::Sandbox> updated = UpdateTo("max_bytes: 70000 max_age { seconds: 60 }");
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->network().audit().max_age().seconds(), 60);
  EXPECT_EQ(Told(), "70000 60");
  ASSERT_TRUE(UpdateTo("").ok());
  EXPECT_EQ(Told(), "100000 3600");
}

TEST_F(SandboxRetentionTest, OutlivesServersAndWorkers) {
  ASSERT_TRUE(CreateWith("web", "max_bytes: 70000 max_age { seconds: 60 }").ok());
  Restart();
  EXPECT_EQ(Told(), "70000 60");
  EXPECT_EQ(Get("web").network().audit().max_bytes(), 70'000u);
  host_.EndWorker("the worker process was killed");
  Settle("web");
  EXPECT_EQ(host_.config().replaces(), "the worker process was killed");
  EXPECT_EQ(Told(), "70000 60");
  ASSERT_TRUE(Delete("web").ok());
  clock_.Advance(absl::Seconds(61));
  audit_->Prune();
  EXPECT_THAT(Files(), IsEmpty()) << "its log was kept for a minute";
}

TEST_F(SandboxRetentionTest, ALaterServersFlagsAreTheMost) {
  ASSERT_TRUE(CreateWith("web", "max_bytes: 90000").ok());
  host_network_.audit.set_max_bytes(80'000);
  Restart();
  EXPECT_EQ(Told(), "80000 3600");
  EXPECT_EQ(Get("web").network().audit().max_bytes(), 90'000u) << "as it was asked for";
  EXPECT_TRUE(Update("sandbox { id: 'web' labels { key: 'a' value: 'b' } } update_mask { paths: 'labels' }").ok())
      << "it is in no other change's way";
  EXPECT_EQ(FieldOf(UpdateTo("max_bytes: 90001").status()), "sandbox.network.audit.max_bytes");
  host_network_.audit.set_max_bytes(100'000);
  Restart();
  EXPECT_EQ(Told(), "90000 3600");
}

}  // namespace
}  // namespace sluice
