// Block lists that the server was given as files.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/operator_file.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

constexpr absl::Duration kReloadTimeout = absl::Seconds(20);

// A server of its own beside the suite's, with one list, "ads".
class BlockListsTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    list_.Replace("# ads\n0.0.0.0 blocked.test\n||wild.test^\n<junk>\n");
    ServerProcess::Options options;
    options.flags = {absl::StrCat("--dns_block_list=ads=", list_.path())};
    auto server = ServerProcess::Start(lab(), options);
    ASSERT_TRUE(server.ok()) << server.status();
    listing_ = *std::move(server);
    client_ = std::make_unique<SandboxClient>(listing_->unix_address());
  }

  void TearDown() override {
    if (listing_ != nullptr) {
      EXPECT_TRUE(listing_->Stop().ok());
    }
    E2eTest::TearDown();
  }

  std::string CreateHere(const std::string& dns) {
    const auto sandbox =
        client_->Create(Proto<v1::Sandbox>(absl::StrCat("guest { oci {} } network { dns { ", dns, " } }")));
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    return sandbox.ok() ? sandbox->id() : "";
  }

  std::string Status(const std::string& id, const std::string& name) {
    const auto result = RunInGuest(*client_, id, DigStatus("8.8.8.8", name));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->out : "";
  }

  // Nothing tells a guest when its lists have changed: asks until then.
  std::string AwaitStatus(const std::string& id, const std::string& name, const std::string& wanted) {
    const absl::Time deadline = absl::Now() + kReloadTimeout;
    std::string last;
    while (last != wanted && absl::Now() < deadline) last = Status(id, name);
    return last;
  }

  static int Asked(const std::string& name) {
    const absl::StatusOr<int> seen = lab().RequestsSeen("dns", absl::StrCat(" ", name, ". "));
    EXPECT_TRUE(seen.ok()) << seen.status();
    return seen.value_or(-1);
  }

  const OperatorFile list_{"ads.list"};
  std::unique_ptr<ServerProcess> listing_;
  std::unique_ptr<SandboxClient> client_;
};

TEST_F(BlockListsTest, BlocksUntilTheFileSaysOtherwise) {
  const std::string blocked = CreateHere("block_lists: 'ads'");
  EXPECT_EQ(Status(blocked, "blocked.test"), "NXDOMAIN\n");
  EXPECT_EQ(Status(blocked, "any.wild.test"), "NXDOMAIN\n");
  EXPECT_EQ(Asked("blocked.test"), 0);
  EXPECT_EQ(Asked("any.wild.test"), 0);
  const auto event = client_->AwaitEvent(blocked, DnsQuery("blocked.test", v1::Verdict::REASON_DNS_BLOCKED));
  EXPECT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(Status(blocked, "cname-to-blocked.test"), "NXDOMAIN\n");
  // A plain name is itself alone.
  EXPECT_EQ(Status(blocked, "sub.blocked.test"), "NOERROR\n");

  list_.Replace("other.test\n");
  EXPECT_EQ(AwaitStatus(blocked, "blocked.test", "NOERROR\n"), "NOERROR\n");
  EXPECT_EQ(Asked("blocked.test"), 1);
  EXPECT_EQ(Status(blocked, "any.wild.test"), "NOERROR\n");

  list_.Replace("blocked.test\n");
  EXPECT_EQ(AwaitStatus(blocked, "blocked.test", "NXDOMAIN\n"), "NXDOMAIN\n");
}

TEST_F(BlockListsTest, AChangedFileEndsTheOpenFlowsOfItsNames) {
  const std::string lists = CreateHere("block_lists: 'ads'");
  const std::string has_none = CreateHere("");
  GuestExec ends(*client_, lists, TcpDialogue("echo.example.com", 7));
  GuestExec stays(*client_, has_none, TcpDialogue("echo.example.com", 7));
  for (GuestExec* dialogue : {&ends, &stays}) ASSERT_EQ(dialogue->ReadLine().value_or(""), "open");
  list_.Replace("echo.example.com\n");
  EXPECT_EQ(ends.ReadLine().value_or(""), "ECONNRESET");
  const auto closed = client_->AwaitEvent(lists, [](const v1::AuditEvent& event) {
    return event.flow().verdict().reason() == v1::Verdict::REASON_DNS_BLOCKED;
  });
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_EQ(closed->flow().end_cause(), v1::FlowEvent::END_CAUSE_ENDED);
  stays.Write("still\n");
  EXPECT_EQ(stays.ReadLine().value_or(""), "still");
}

TEST_F(BlockListsTest, OnlySandboxesThatNameAListHaveIt) {
  const std::string id = CreateHere("");
  EXPECT_EQ(Status(id, "any.wild.test"), "NOERROR\n");
}

TEST_F(BlockListsTest, RefusesListsThatTheServerDoesNotHave) {
  grpc::ClientContext context;
  SetTimeout(kCallTimeout, context);
  v1::CreateSandboxRequest request;
  *request.mutable_sandbox() = Proto<v1::Sandbox>("guest { oci {} } network { dns { block_lists: ['ads', 'adz'] } }");
  v1::CreateSandboxResponse response;
  const grpc::Status status = client_->sandboxes().CreateSandbox(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_EQ(BadField(status), "sandbox.network.dns.block_lists[1]");
}

}  // namespace
}  // namespace sluice::e2e
