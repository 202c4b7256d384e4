// Network namespaces of someone else, who may be root in them and send what no
// stack would.

#include <netinet/in.h>
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;
using testing::HasSubstr;
using testing::Not;

constexpr char kGuest[] = "10.0.2.15";
constexpr char kGuest6[] = "fd73:6c75:6963:1::f";
constexpr char kEcho[] = "198.35.26.96";
constexpr char kEcho6[] = "2606:2800:220:1::7";

class NetnsTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    auto guest = lab::Process::Spawn(
        {"unshare", "--net", "sh", "-c", "ip link set lo up && echo $$ && exec sleep infinity"}, {});
    ASSERT_TRUE(guest.ok()) << guest.status();
    guest_ = *std::move(guest);
    const auto pid = guest_->ReadLine(absl::Seconds(30));
    ASSERT_TRUE(pid.ok() && absl::SimpleAtoi(*pid, &pid_)) << pid.status();
  }

  std::string Path() const { return absl::StrCat("/proc/", pid_, "/ns/net"); }
  std::string CreateByPid(absl::string_view network = "") {
    return Create(absl::StrCat("guest { netns { pid: ", pid_, " } } network { ", network, " }"));
  }

  // Runs a command in the namespace, as root.
  lab::CommandResult Inside(const Command& command) const {
    Command inside = {"nsenter", absl::StrCat("--net=", Path()), "--"};
    inside.insert(inside.end(), command.begin(), command.end());
    const auto result = lab::RunCommand(inside, absl::Seconds(30));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(lab::CommandResult{.exit_code = -1, .out = "", .err = ""});
  }
  std::string Links() const { return Inside({"ip", "-brief", "link"}).out; }

  // Sends one frame that is not the kernel's.
  void SendFrame(const std::string& protocol, const std::string& source, const std::string& destination, int port,
                 const std::string& mac = "") const {
    Command command = {"/usr/bin/python3", Runfile("tests/e2e/raw_frame.py"), "eth0", protocol, source, destination,
                       absl::StrCat(port)};
    if (!mac.empty()) command.push_back(mac);
    const lab::CommandResult result = Inside(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }

  std::unique_ptr<lab::Process> guest_;
  int pid_ = 0;
};

TEST_F(NetnsTest, IsAttachedByPathOrPidAndLeftAsItWas) {
  const std::string before = Links();
  for (const std::string& where : {absl::StrCat("path: '", Path(), "'"), absl::StrCat("pid: ", pid_)}) {
    SCOPED_TRACE(where);
    const std::string id = Create(absl::StrCat("guest { netns { ", where, " interface_name: 'net7' } }"));
    const std::string addresses = Inside({"ip", "-brief", "address"}).out;
    EXPECT_THAT(addresses, HasSubstr("net7"));
    EXPECT_THAT(addresses, HasSubstr("10.0.2.15/24"));
    EXPECT_THAT(addresses, HasSubstr("fd73:6c75:6963:1::f/64"));
    EXPECT_EQ(Inside(Curl("http://93.184.216.34/hello")).out, "hello from the web\n");
    EXPECT_EQ(Inside(Dig("10.0.2.3", "web.example.com")).out, "93.184.216.34\n");
    EXPECT_EQ(Inside(Curl("http://10.1.2.3/")).exit_code, kCurlCannotConnect);
    AwaitEvent(id, Denied("10.1.2.3", 80, v1::Verdict::REASON_DEFAULT));
    SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3' } }");
    EXPECT_EQ(Inside(Curl("http://10.1.2.3/")).out, "internal service\n");
    ASSERT_TRUE(client().Delete(id).ok());
    EXPECT_EQ(Links(), before);
  }
}

TEST_F(NetnsTest, HasNoInterfaceUnderNone) {
  const std::string before = Links();
  const std::string id = CreateByPid("policy { preset: PRESET_NONE }");
  EXPECT_EQ(Links(), before);
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Inside(Curl("http://93.184.216.34/hello")).out, "hello from the web\n");
  SetPolicy(id, "preset: PRESET_NONE");
  EXPECT_EQ(Links(), before);
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Inside(Curl("http://93.184.216.34/hello")).out, "hello from the web\n");
}

TEST_F(NetnsTest, RunsNoProgramsOfTheServers) {
  const absl::StatusOr<ExecResult> result = RunInGuest(client(), CreateByPid(), {"true"});
  EXPECT_TRUE(absl::IsFailedPrecondition(result.status())) << result.status();
}

TEST_F(NetnsTest, HasOneSandboxAtATime) {
  const std::string first = CreateByPid();
  const std::string spec = absl::StrCat("guest { netns { pid: ", pid_, " } }");
  EXPECT_TRUE(absl::IsAlreadyExists(client().Create(Proto<v1::Sandbox>(spec)).status()));
  const std::string other = absl::StrCat("guest { netns { pid: ", pid_, " interface_name: 'eth1' } }");
  EXPECT_TRUE(absl::IsAlreadyExists(client().Create(Proto<v1::Sandbox>(other)).status()));
  EXPECT_THAT(Links(), Not(HasSubstr("eth1")));
  EXPECT_EQ(Inside(Curl("http://93.184.216.34/hello")).out, "hello from the web\n") << "the first is unharmed";
}

TEST_F(NetnsTest, IsDeletedThoughItsLastProcessIsGone) {
  const std::string id = CreateByPid();
  ASSERT_TRUE(guest_->Signal(SIGKILL).ok());
  ASSERT_TRUE(guest_->Wait(absl::Seconds(30)).ok());
  EXPECT_TRUE(client().Delete(id).ok());
}

// What a stack sends to its own loopback never leaves it; a raw frame does.
TEST_F(NetnsTest, RawFramesToLoopbackAreDenied) {
  const std::string id = CreateByPid();
  const auto sniffer = Sniff(Sniffer::Where::kHostLoopback);
  ASSERT_NE(sniffer, nullptr);
  for (const auto& [source, destination] : {std::pair(kGuest, "127.0.0.1"), std::pair(kGuest6, "::1")}) {
    SCOPED_TRACE(destination);
    for (const char* protocol : {"udp", "tcp"}) SendFrame(protocol, source, destination, 8080);
    AwaitEvent(id, Denied(destination, 8080, v1::Verdict::REASON_DEFAULT));
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, destination, 8080), 0);
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, destination, 8080), 0);
    SetPolicy(id, absl::StrCat("preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '", destination,
                               "' } }"));
    for (const char* protocol : {"udp", "tcp"}) {
      SendFrame(protocol, source, destination, 8080);
      AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_OPENED, destination, 8080));
    }
    SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  }
}

TEST_F(NetnsTest, RawFramesArriveWhereTheyMay) {
  CreateByPid();
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  for (const auto& [source, destination] : {std::pair(kGuest, kEcho), std::pair(kGuest6, kEcho6)}) {
    SCOPED_TRACE(destination);
    SendFrame("udp", source, destination, 7);
    while (Arrived(*sniffer, IPPROTO_UDP, destination, 7) == 0) {
    }
  }
}

TEST_F(NetnsTest, FramesWithAForgedSenderGoNowhere) {
  const std::string id = CreateByPid();
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  const struct {
    const char* source;
    const char* destination;
    const char* mac;
  } kForged[] = {{"10.0.2.99", kEcho, ""},     {"127.0.0.1", kEcho, ""},           {"198.35.26.96", kEcho, ""},
                 {"10.0.2.2", kEcho, ""},      {"0.0.0.0", kEcho, ""},             {kGuest, kEcho, "02:00:00:00:00:01"},
                 {"fd73:6c75:6963:1::2", kEcho6, ""}, {"::1", kEcho6, ""}, {kGuest6, kEcho6, "02:00:00:00:00:01"}};
  for (const auto& forged : kForged) {
    for (const char* protocol : {"udp", "tcp"}) SendFrame(protocol, forged.source, forged.destination, 7, forged.mac);
  }
  // Frames keep their order, so what comes after them says that they are through.
  SendFrame("udp", kGuest, kEcho, 9);
  AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_OPENED, kEcho, 9));
  for (const char* destination : {kEcho, kEcho6}) {
    SCOPED_TRACE(destination);
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, destination, 7), 0);
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, destination, 7), 0);
  }
  AwaitEvent(id, [](const v1::AuditEvent& event) {
    return event.flow().phase() == v1::FlowEvent::PHASE_DENIED &&
           event.flow().verdict().reason() == v1::Verdict::REASON_MALFORMED;
  });
}

}  // namespace
}  // namespace sluice::e2e
