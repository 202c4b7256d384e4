#include "server/core/audit_archive.h"

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "netsvc/base/clock.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr absl::Duration kMaxAge = absl::Hours(24);

class AuditArchiveTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = absl::StrCat(testing::TempDir(), "/archive-", getpid());
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
    fs::create_directories(directory_);
    Open({});
  }

  void Open(const std::vector<v1::Sandbox>& live) { archive_ = AuditArchive::Open(directory_, kMaxAge, clock_, live); }

  // `audit`: its own retention, in text form.
  static v1::Sandbox Box(const std::string& uid, const std::string& audit = "") {
    v1::Sandbox sandbox;
    sandbox.set_id(absl::StrCat("box-", uid));
    sandbox.set_uid(uid);
    v1::AuditConfig config;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(audit, &config)) << audit;
    if (!audit.empty()) *sandbox.mutable_network()->mutable_audit() = config;
    return sandbox;
  }
  void AddDeleted(const v1::Sandbox& sandbox) {
    ASSERT_TRUE(archive_->Add(sandbox).ok());
    archive_->MarkDeleted(sandbox.uid());
  }

  // The uids of what it knows, and of what is on the disk.
  std::vector<std::string> Logs() const {
    std::vector<std::string> uids;
    for (const AuditLogInfo& log : archive_->Logs()) uids.push_back(log.sandbox_uid);
    return uids;
  }
  std::vector<std::string> Directories() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      if (entry.is_directory()) names.push_back(entry.path().filename());
    }
    return names;
  }
  void AdvanceAndPrune(absl::Duration by) {
    clock_.Advance(by);
    archive_->Prune();
  }

  FakeClock clock_;
  std::string directory_;
  std::unique_ptr<AuditArchive> archive_;
};

TEST_F(AuditArchiveTest, KeepsTheLogOfADeletedSandboxForItsOwnTime) {
  ASSERT_TRUE(archive_->Add(Box("live", "max_age { seconds: 60 }")).ok());
  AddDeleted(Box("brief", "max_age { seconds: 60 }"));
  AddDeleted(Box("plain"));
  AddDeleted(Box("bytes", "max_bytes: 65536"));
  AdvanceAndPrune(absl::Minutes(1));
  EXPECT_THAT(Logs(), UnorderedElementsAre("live", "brief", "plain", "bytes"));
  AdvanceAndPrune(absl::Seconds(1));
  EXPECT_THAT(Logs(), UnorderedElementsAre("live", "plain", "bytes"));
  EXPECT_THAT(Directories(), UnorderedElementsAre("live", "plain", "bytes"));
  AdvanceAndPrune(kMaxAge);
  EXPECT_THAT(Directories(), UnorderedElementsAre("live")) << "as long as its sandbox is there";
}

TEST_F(AuditArchiveTest, NoLogIsKeptForLongerThanTheServerSays) {
  AddDeleted(Box("long", "max_age { seconds: 8640000 }"));
  AdvanceAndPrune(kMaxAge);
  EXPECT_THAT(Logs(), UnorderedElementsAre("long"));
  AdvanceAndPrune(absl::Seconds(1));
  EXPECT_THAT(Directories(), IsEmpty());
}

TEST_F(AuditArchiveTest, ALaterServerGoesByTheSameTime) {
  AddDeleted(Box("brief", "max_age { seconds: 600 }"));
  AddDeleted(Box("plain"));
  clock_.Advance(absl::Minutes(10));
  Open({});
  EXPECT_THAT(Logs(), UnorderedElementsAre("brief", "plain"));
  clock_.Advance(absl::Seconds(1));
  Open({});
  EXPECT_THAT(Directories(), UnorderedElementsAre("plain"));
}

TEST_F(AuditArchiveTest, GoesByTheTimeThatTheSandboxHadLast) {
  ASSERT_TRUE(archive_->Add(Box("less")).ok());
  ASSERT_TRUE(archive_->Add(Box("more", "max_age { seconds: 60 }")).ok());
  ASSERT_TRUE(archive_->Update(Box("less", "max_age { seconds: 60 }")).ok());
  ASSERT_TRUE(archive_->Update(Box("more")).ok());
  archive_->MarkDeleted("less");
  archive_->MarkDeleted("more");
  AdvanceAndPrune(absl::Minutes(2));
  EXPECT_THAT(Directories(), UnorderedElementsAre("more"));
}

TEST_F(AuditArchiveTest, ASandboxThatALaterServerFindsHasItsOwnTimeToo) {
  ASSERT_TRUE(archive_->Add(Box("box")).ok());
  Open({Box("box", "max_age { seconds: 60 }")});
  archive_->MarkDeleted("box");
  AdvanceAndPrune(absl::Minutes(2));
  EXPECT_THAT(Directories(), IsEmpty());
}

TEST_F(AuditArchiveTest, ReadsNotesWithFieldsThatItDoesNotKnow) {
  AddDeleted(Box("box"));
  ASSERT_TRUE(WriteFile(directory_ + "/box.json", R"({"id": "box-box", "uid": "box", "of_a_later_server": 1})", 0600).ok());
  Open({});
  EXPECT_THAT(Logs(), UnorderedElementsAre("box"));
  ASSERT_TRUE(WriteFile(directory_ + "/box.json", R"({"id": "box-box", "uid": "another"})", 0600).ok());
  Open({});
  EXPECT_THAT(Directories(), IsEmpty()) << "a note of another log";
}

}  // namespace
}  // namespace sluice
