// A disk without room for the audit log: what cannot be recorded does not happen.

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/unique_fd.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;
using testing::HasSubstr;

constexpr char kWeb[] = "http://93.184.216.34/hello";
constexpr char kHello[] = "hello from the web\n";

class AuditFullDiskTest : public E2eTest {
 protected:
  static void SetUpTestSuite() {
    StartSuite({.resolv_conf = "", .flags = {"--metrics_listen=127.0.0.1:0"}, .audit_disk_bytes = 1 << 20});
  }

  static std::string Filler() { return server().state_dir() + "/audit/filler"; }
  static void FillDisk() {
    const UniqueFd file(open(Filler().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(file.valid());
    const std::string page(4096, 'x');
    while (write(file.get(), page.data(), page.size()) > 0) {
    }
    ASSERT_EQ(errno, ENOSPC);
  }
  static void MakeSpace() { std::filesystem::remove(Filler()); }

  // What was begun of a page of the log may still be filled: asks until it is.
  static bool BecomesRefused(const std::string& id) {
    for (int i = 0; i < 100; ++i) {
      if (Run(id, Curl(kWeb)).code == kCurlCannotConnect) return true;
    }
    return false;
  }
  static std::string Metrics() {
    return RunOnHost({"curl", "-s", absl::StrCat("http://127.0.0.1:", server().metrics_port(), "/metrics")}).out;
  }
  static std::string AwaitMessage(const std::string& id, bool wanted) {
    const absl::StatusOr<v1::Sandbox> sandbox = client().AwaitSandbox([&](const v1::Sandbox& candidate) {
      return candidate.id() == id && candidate.state_message().empty() != wanted;
    });
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    EXPECT_EQ(sandbox.value_or(v1::Sandbox()).state(), v1::Sandbox::STATE_RUNNING);
    return sandbox.value_or(v1::Sandbox()).state_message();
  }
};

TEST_F(AuditFullDiskTest, NothingNewHappensUntilThereIsRoom) {
  const std::string id = CreateOci("preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Run(id, Curl(kWeb)).out, kHello);  // the twin
  EXPECT_EQ(Run(id, DigStatus("1.1.1.1", "web.example.com")).out, "NOERROR\n");

  FillDisk();
  ASSERT_TRUE(BecomesRefused(id));
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  EXPECT_EQ(Run(id, Curl(kWeb)).code, kCurlCannotConnect);
  EXPECT_EQ(Run(id, DigStatus("1.1.1.1", "other.example.com")).out, "SERVFAIL\n");
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "93.184.216.34", 80), 0);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, "1.1.1.1", 53), 0);
  EXPECT_THAT(AwaitMessage(id, true), HasSubstr("the audit log cannot be written"));
  EXPECT_THAT(Metrics(), HasSubstr("\nsluice_audit_unavailable_sandboxes 1\n"));

  MakeSpace();
  AwaitEvent(id, [](const v1::AuditEvent& event) {
    return absl::StrContains(event.lifecycle().message(), "could not be written");
  });
  EXPECT_EQ(Run(id, Curl(kWeb)).out, kHello);
  EXPECT_EQ(Run(id, DigStatus("1.1.1.1", "other.example.com")).out, "NOERROR\n");
  AwaitMessage(id, false);
  AwaitEvent(id, Denied("93.184.216.34", 80, v1::Verdict::REASON_AUDIT_UNAVAILABLE));
  AwaitEvent(id, DnsQuery("other.example.com", v1::Verdict::REASON_AUDIT_UNAVAILABLE));
  uint64_t last = 0;
  for (const v1::AuditEvent& event : Events(id)) ASSERT_EQ(event.sequence(), ++last) << event.ShortDebugString();
}

TEST_F(AuditFullDiskTest, OpenFlowsGoOn) {
  const std::string id = CreateOci("preset: PRESET_PUBLIC_ONLY");
  GuestExec dialogue(client(), id, TcpDialogue("198.35.26.96", 7));
  ASSERT_EQ(dialogue.ReadLine().value_or(""), "open");
  FillDisk();
  ASSERT_TRUE(BecomesRefused(id));
  dialogue.Write("still there?\n");
  EXPECT_EQ(dialogue.ReadLine().value_or(""), "still there?");
  MakeSpace();
  dialogue.CloseInput();
  EXPECT_TRUE(dialogue.Wait().ok());
  AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_CLOSED, "198.35.26.96", 7));
}

TEST_F(AuditFullDiskTest, GuestsDoNotReachTheMetrics) {
  const std::string id = CreateOci("preset: PRESET_ALLOW_ALL");
  EXPECT_THAT(Metrics(), HasSubstr("sluice_sandboxes{state=\"running\"} 1\n"));
  EXPECT_EQ(Run(id, TcpConnect("10.0.2.2", server().metrics_port())).out, "ECONNREFUSED\n");
  AwaitEvent(id, Denied("10.0.2.2", server().metrics_port(), v1::Verdict::REASON_CONTROL_PLANE));
}

}  // namespace
}  // namespace sluice::e2e
