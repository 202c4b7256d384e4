// Policies that change under open flows.

#include <netinet/in.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/probes.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;

constexpr char kEcho[] = "198.35.26.96";
constexpr char kDenyEcho[] =
    "preset: PRESET_PUBLIC_ONLY rules { id: 'no-echo' action: ACTION_DENY peers { cidr: '198.35.26.96' } }";

class LivePolicyTest : public E2eTest {
 protected:
  static v1::SetNetworkPolicyRequest Request(const std::string& id, absl::string_view policy) {
    v1::SetNetworkPolicyRequest request;
    request.set_sandbox_id(id);
    *request.mutable_policy() = Proto<v1::NetworkPolicy>(policy);
    return request;
  }

  static void ExpectLine(GuestExec& program, const std::string& line) {
    const absl::StatusOr<std::string> read = program.ReadLine();
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, line);
  }
};

TEST_F(LivePolicyTest, EndsTheOpenFlowsThatItDenies) {
  const std::string id = CreateOci("");
  GuestExec dialogue(client(), id, TcpDialogue(kEcho, 7));
  ExpectLine(dialogue, "open");
  dialogue.Write("one\n");
  ExpectLine(dialogue, "one");

  const v1::SetNetworkPolicyResponse changed = SetPolicy(id, kDenyEcho);
  EXPECT_EQ(changed.policy_generation(), 2u);
  EXPECT_EQ(changed.flows_closed(), 1u);
  ExpectLine(dialogue, "ECONNRESET");
  const v1::AuditEvent closed = AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_CLOSED, kEcho, 7));
  EXPECT_EQ(closed.flow().end_cause(), v1::FlowEvent::END_CAUSE_ENDED);
  EXPECT_EQ(closed.flow().verdict().reason(), v1::Verdict::REASON_POLICY_CHANGED);
  EXPECT_EQ(closed.flow().verdict().rule_id(), "no-echo");
  EXPECT_EQ(closed.flow().bytes_to_remote(), 4u);
  EXPECT_EQ(closed.flow().bytes_to_guest(), 4u);

  // From the answer on nothing gets there, and everything again once it may.
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ECONNREFUSED\n");
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, kEcho, 7), 0);
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ping\n");
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, kEcho, 7), 0);
}

TEST_F(LivePolicyTest, KeepsOpenFlowsWhereAsked) {
  const std::string id = CreateOci("");
  GuestExec dialogue(client(), id, TcpDialogue(kEcho, 7));
  ExpectLine(dialogue, "open");
  v1::SetNetworkPolicyRequest request = Request(id, kDenyEcho);
  request.set_keep_open_flows(true);
  const absl::StatusOr<v1::SetNetworkPolicyResponse> changed = client().SetPolicy(request);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->flows_closed(), 0u);
  dialogue.Write("still\n");
  ExpectLine(dialogue, "still");
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ECONNREFUSED\n");
}

TEST_F(LivePolicyTest, MindsTheExpectedGenerationAndChangesNothingOnAnError) {
  const std::string id = CreateOci("");
  v1::SetNetworkPolicyRequest request = Request(id, kDenyEcho);
  request.set_expected_generation(7);
  EXPECT_TRUE(absl::IsAborted(client().SetPolicy(request).status()));
  request = Request(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_DENY peers { cidr: '10.0.0.1/8' } }");
  EXPECT_TRUE(absl::IsInvalidArgument(client().SetPolicy(request).status()));
  EXPECT_EQ(client().Get(id)->network_status().policy_generation(), 1u);
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ping\n");
  request = Request(id, kDenyEcho);
  request.set_expected_generation(1);
  EXPECT_TRUE(client().SetPolicy(request).ok());
}

// A network namespace of the test's own, gone with it.
class GuestNamespace {
 public:
  explicit GuestNamespace(const std::string& name) : name_(name) { Ip({"netns", "add", name_}); }
  ~GuestNamespace() { Ip({"netns", "delete", name_}); }
  std::string path() const { return absl::StrCat("/run/netns/", name_); }
  // What a command prints inside.
  std::string Run(std::vector<std::string> command) const {
    command.insert(command.begin(), {"netns", "exec", name_});
    return Ip(std::move(command));
  }

 private:
  static std::string Ip(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "ip");
    const auto result = lab::RunCommand(arguments, absl::Seconds(20));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->out : "";
  }
  const std::string name_;
};

TEST_F(LivePolicyTest, ANamespacesInterfaceGoesWithNoneAndComesBack) {
  const GuestNamespace guest(absl::StrCat(lab().name(), "-guest"));
  const std::string id = Create(absl::StrCat("guest { netns { path: '", guest.path(), "' } }"));
  EXPECT_EQ(guest.Run(TcpConnect(kEcho, 7)), "ping\n");
  SetPolicy(id, "preset: PRESET_NONE");
  EXPECT_EQ(guest.Run({"ip", "-br", "link", "show", "type", "tun"}), "");
  EXPECT_EQ(guest.Run(TcpConnect(kEcho, 7)), "ENETUNREACH\n");
  SetPolicy(id, kDenyEcho);
  EXPECT_EQ(guest.Run(TcpConnect(kEcho, 7)), "ECONNREFUSED\n");
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(guest.Run(TcpConnect(kEcho, 7)), "ping\n");
}

TEST_F(LivePolicyTest, TheInterfaceGoesWithNoneAndComesBack) {
  const std::string id = CreateOci("");
  SetPolicy(id, "preset: PRESET_NONE");
  EXPECT_EQ(Run(id, {"ls", "/sys/class/net"}).out, "lo\n");
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ping\n");
}

}  // namespace
}  // namespace sluice::e2e
