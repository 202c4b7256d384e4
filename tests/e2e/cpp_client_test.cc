// The C++ client library against the real server.

#include <netinet/in.h>
#include <signal.h>

#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "clients/cpp/channel.h"
#include "clients/cpp/sandbox_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using client::AuditStream;
using client::Policy;
using client::Sandbox;
using client::SandboxBuilder;
using testing::HasSubstr;

class CppClientTest : public E2eTest {
 protected:
  // What it makes goes with what is returned.
  static absl::StatusOr<Sandbox> Make(const SandboxBuilder& builder) {
    absl::StatusOr<Sandbox> sandbox = builder.Create(channel());
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    return sandbox;
  }
  static std::shared_ptr<grpc::Channel> channel() {
    static const auto channel = client::Connect(server().unix_address());
    return channel;
  }
  static bool Exists(const std::string& id) { return Sandbox::Open(channel(), id).ok(); }
  static int FetchCode(const Sandbox& sandbox, absl::string_view url) {
    const auto curl = sandbox.Exec(Curl(url));
    EXPECT_TRUE(curl.ok()) << curl.status();
    return curl.ok() ? curl->code : -1;
  }
};

TEST_F(CppClientTest, ASandboxGoesWithItsObjectUnlessDetached) {
  {
    const auto sandbox = Make(SandboxBuilder("scoped"));
    EXPECT_TRUE(Exists("scoped"));
    const absl::Status again = SandboxBuilder("scoped").Create(channel()).status();
    EXPECT_TRUE(absl::IsAlreadyExists(again)) << again;
  }
  EXPECT_FALSE(Exists("scoped"));
  {
    DeleteLater("kept");
    auto sandbox = Make(SandboxBuilder("kept"));
    EXPECT_EQ(sandbox->Detach(), "kept");
  }
  EXPECT_TRUE(Exists("kept"));
}

TEST_F(CppClientTest, MovesTakeTheSandboxAlong) {
  auto first = Make(SandboxBuilder("first"));
  auto second = Make(SandboxBuilder("second"));
  Sandbox moved = *std::move(first);
  EXPECT_TRUE(Exists("first"));
  moved = *std::move(second);
  EXPECT_FALSE(Exists("first"));
  EXPECT_TRUE(moved.Delete().ok());
  EXPECT_FALSE(Exists("second"));
}

TEST_F(CppClientTest, ProgramsRunWithInputAndOutput) {
  const auto sandbox = Make(SandboxBuilder());
  const std::string megabytes(3 << 20, 'x');
  const auto cat = sandbox->Exec({"sh", "-c", "cat; echo $A >&2; pwd >&2; exit 7"},
                                 {.env = {{"A", "b"}}, .working_directory = "/tmp", .input = megabytes});
  ASSERT_TRUE(cat.ok()) << cat.status();
  EXPECT_EQ(cat->code, 7);
  EXPECT_TRUE(cat->out == megabytes) << cat->out.size();
  EXPECT_EQ(cat->err, "b\n/tmp\n");
  EXPECT_EQ(sandbox->Exec({"sh", "-c", "kill -TERM $$"})->signal, SIGTERM);
}

TEST_F(CppClientTest, OutputIsBoundedOrStreamed) {
  const auto sandbox = Make(SandboxBuilder());
  const std::vector<std::string> megabyte = {"head", "-c", "1048576", "/dev/zero"};
  EXPECT_TRUE(absl::IsResourceExhausted(sandbox->Exec(megabyte, {.max_output_bytes = 1000}).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(sandbox->Exec({"cat", "/dev/zero"}, {.max_output_bytes = 1000}).status()));
  size_t bytes = 0;
  const auto streamed = sandbox->Exec(
      megabyte, {.on_stdout = [&bytes](absl::string_view data) { bytes += data.size(); }, .max_output_bytes = 0});
  ASSERT_TRUE(streamed.ok()) << streamed.status();
  EXPECT_EQ(bytes, 1048576u);
  EXPECT_TRUE(absl::IsDeadlineExceeded(sandbox->Exec({"sleep", "60"}, {.timeout = absl::Seconds(1)}).status()));
}

TEST_F(CppClientTest, FilesAreWrittenAndRead) {
  const auto sandbox = Make(SandboxBuilder());
  const std::string script = "#!/bin/sh\necho ran\n" + std::string(100'000, '#');
  EXPECT_TRUE(sandbox->WriteFile("/tmp/run.sh", script, 0755).ok());
  EXPECT_TRUE(sandbox->ReadFile("/tmp/run.sh").value_or("") == script);
  EXPECT_EQ(sandbox->Exec({"/tmp/run.sh"})->out, "ran\n");
  EXPECT_TRUE(absl::IsResourceExhausted(sandbox->ReadFile("/tmp/run.sh", 1000).status()));
  EXPECT_TRUE(absl::IsNotFound(sandbox->ReadFile("/tmp/none").status()));
  EXPECT_TRUE(absl::IsNotFound(sandbox->WriteFile("/none/x", script)));
}

TEST_F(CppClientTest, AllowIsAnAllowListAndAPolicyIsChangedAtOnce) {
  const auto sandbox = Make(SandboxBuilder().allow("10.1.2.3:80"));
  const auto sniffer = Sniff(lab::Sniffer::Where::kInternet);
  EXPECT_EQ(FetchCode(*sandbox, "http://10.1.2.3/"), 0);
  EXPECT_EQ(FetchCode(*sandbox, "http://93.184.216.34/"), kCurlCannotConnect);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "93.184.216.34", 80), 0);

  const auto generation =
      sandbox->SetNetworkPolicy(Policy().preset(v1::PRESET_PUBLIC_ONLY).deny("10.0.0.0/8"));
  ASSERT_TRUE(generation.ok()) << generation.status();
  EXPECT_EQ(*generation, 2u);
  EXPECT_EQ(FetchCode(*sandbox, "http://93.184.216.34/"), 0);
  EXPECT_EQ(FetchCode(*sandbox, "http://10.1.2.3/"), kCurlCannotConnect);
  EXPECT_TRUE(absl::IsInvalidArgument(sandbox->SetNetworkPolicy(Policy().allow("http://x")).status()));
}

TEST_F(CppClientTest, ABlockedNameIsRefusedUnderEveryPolicy) {
  const auto sandbox = Make(SandboxBuilder().block("*.web.example.com").preset(v1::PRESET_ALLOW_ALL));
  const auto sniffer = Sniff(lab::Sniffer::Where::kInternet);
  EXPECT_EQ(FetchCode(*sandbox, "http://web.example.com/hello"), kCurlCannotResolve);
  EXPECT_TRUE(sandbox->SetNetworkPolicy(Policy().allow("web.example.com")).ok());
  EXPECT_EQ(FetchCode(*sandbox, "http://web.example.com/hello"), kCurlCannotResolve);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "93.184.216.34", 80), 0);
  AwaitEvent(sandbox->id(), DnsQuery("web.example.com", v1::Verdict::REASON_DNS_BLOCKED));

  const auto unblocked = Make(SandboxBuilder().allow("web.example.com"));
  EXPECT_EQ(FetchCode(*unblocked, "http://web.example.com/hello"), 0);
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, "93.184.216.34", 80), 0);
}

TEST_F(CppClientTest, PortsComeAndGo) {
  const auto sandbox = Make(SandboxBuilder().port(0, 80).port_udp(0, 53));
  const auto ports = sandbox->Get()->network_status().ports();
  ASSERT_EQ(ports.size(), 2);
  EXPECT_EQ(ports[1].protocol(), v1::PROTOCOL_UDP);
  EXPECT_TRUE(absl::IsAlreadyExists(sandbox->PublishPort(ports[0].host_port(), 81).status()));
  const auto published = sandbox->PublishPort(0, 81);
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_NE(published->host_port(), 0u);
  EXPECT_TRUE(sandbox->UnpublishPort(*published).ok());
  EXPECT_TRUE(absl::IsNotFound(sandbox->UnpublishPort(*published)));
}

TEST_F(CppClientTest, AuditGoesOnAfterACursorAndStopsWhenToldTo) {
  const auto sandbox = Make(SandboxBuilder());
  EXPECT_EQ(FetchCode(*sandbox, "http://10.1.2.3/"), kCurlCannotConnect);
  client::AuditOptions denied;
  denied.filter.set_action(v1::ACTION_DENY);
  denied.follow = true;
  std::string cursor;
  {
    AuditStream audit = sandbox->Audit(denied);
    const v1::StreamAuditEventsResponse* item = audit.Next();
    ASSERT_NE(item, nullptr) << audit.Finish();
    EXPECT_EQ(item->event().flow().remote().address(), "10.1.2.3");
    cursor = item->cursor();
  }
  EXPECT_EQ(FetchCode(*sandbox, "http://172.20.0.1/"), kCurlCannotConnect);
  denied.cursor = cursor;
  AuditStream audit = sandbox->Audit(denied);
  const v1::StreamAuditEventsResponse* item = audit.Next();
  ASSERT_NE(item, nullptr) << audit.Finish();
  EXPECT_EQ(item->event().flow().remote().address(), "172.20.0.1");
  std::thread stopper([&audit] { audit.Cancel(); });
  EXPECT_EQ(audit.Next(), nullptr);
  stopper.join();
  EXPECT_TRUE(absl::IsCancelled(audit.Finish()));
}

TEST_F(CppClientTest, ErrorsAreTheServersOwn) {
  EXPECT_THAT(SandboxBuilder("Not-An-Id").Create(channel()).status().message(), HasSubstr("sandbox.id: "));
  const auto sandbox = Make(SandboxBuilder());
  const absl::Status missing = sandbox->Exec({"no-such-program"}).status();
  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_THAT(missing.message(), HasSubstr("there is no program no-such-program"));
  EXPECT_TRUE(absl::IsNotFound(Sandbox::Open(channel(), "nobody").status()));
  const auto nowhere = client::Connect("unix:/nowhere/api.sock");
  EXPECT_TRUE(absl::IsUnavailable(SandboxBuilder().Create(nowhere).status()));
}

}  // namespace
}  // namespace sluice::e2e
