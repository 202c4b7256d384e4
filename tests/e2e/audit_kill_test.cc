// Workers and servers killed in the middle of load: every number of the log is
// accounted for, in the log and by a follower that comes back with its cursor, and
// whatever reached the far side is in it. SLUICE_AUDIT_KILLS: how often.

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/guest_exec.h"

namespace sluice::e2e {
namespace {

constexpr char kAddress[] = "93.184.216.34";
constexpr char kLoad[] = "while :; do curl -s -m 2 http://93.184.216.34/hello >/dev/null; done";

int Kills() {
  int kills = 0;
  const char* const wanted = getenv("SLUICE_AUDIT_KILLS");
  return wanted != nullptr && absl::SimpleAtoi(wanted, &kills) ? kills : 3;
}

bool IsOpened(const v1::AuditEvent& event) { return event.flow().phase() == v1::FlowEvent::PHASE_OPENED; }

// Reads a sandbox's log, and goes on where it was.
class Reader {
 public:
  explicit Reader(std::string id) : id_(std::move(id)) {}

  // Until `done(event)`, or to the log's end where nothing follows.
  template <typename Done>
  grpc::Status Read(SandboxClient& client, bool follow, Done done) {
    v1::StreamAuditEventsRequest request;
    request.add_sandbox_ids(id_);
    request.set_cursor(cursor_);
    request.set_follow(follow);
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    const auto stream = client.audit().StreamAuditEvents(&context, request);
    v1::StreamAuditEventsResponse response;
    while (stream->Read(&response)) {
      EXPECT_FALSE(response.has_lost()) << response.ShortDebugString();
      cursor_ = response.cursor();
      if (!response.has_event()) continue;
      events_.push_back(response.event());
      if (!done(response.event())) continue;
      context.TryCancel();
      break;
    }
    return stream->Finish();
  }
  // Follows until there are so many flows more.
  void AwaitFlows(SandboxClient& client, int flows) {
    Read(client, true, [&flows](const v1::AuditEvent& event) { return IsOpened(event) && --flows == 0; });
    ASSERT_EQ(flows, 0);
  }
  void ReadOn(SandboxClient& client) {
    const auto read = [&] { return Read(client, false, [](const v1::AuditEvent&) { return false; }); };
    grpc::Status status = read();
    // gRPC may try the connection to a server that was killed once more.
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) status = read();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  const std::vector<v1::AuditEvent>& events() const { return events_; }

 private:
  const std::string id_;
  std::string cursor_;
  std::vector<v1::AuditEvent> events_;
};

class AuditKillTest : public E2eTest {
 protected:
  static void ExpectDense(const std::vector<v1::AuditEvent>& events) {
    uint64_t last = 0;
    for (const v1::AuditEvent& event : events) ASSERT_EQ(event.sequence(), ++last) << event.ShortDebugString();
    EXPECT_GT(last, 0u);
  }

  // Each connection that arrived is one that the log tells of.
  static void ExpectAllTold(lab::Sniffer& sniffer, const std::vector<v1::AuditEvent>& events) {
    size_t told = 0;
    for (const v1::AuditEvent& event : events) {
      if (IsOpened(event) && event.flow().remote().address() == kAddress) ++told;
    }
    const auto packets =
        sniffer.Packets({.protocol = IPPROTO_TCP, .destination = IpAddress::Parse(kAddress), .port = 80});
    ASSERT_TRUE(packets.ok()) << packets.status();
    std::set<std::string> arrived;
    for (const lab::Sniffer::Packet& packet : *packets) arrived.insert(packet.source.ToString());
    EXPECT_GT(arrived.size(), 0u);
    EXPECT_LE(arrived.size(), told);
  }
};

TEST_F(AuditKillTest, WorkerKilledUnderLoad) {
  for (int i = 0; i < Kills(); ++i) {
    const auto sniffer = Sniff(lab::Sniffer::Where::kInternet);
    ASSERT_NE(sniffer, nullptr);
    const std::string id = CreateOci("preset: PRESET_PUBLIC_ONLY");
    GuestExec load(client(), id, {"sh", "-c", kLoad});
    Reader reader(id);
    ASSERT_NO_FATAL_FAILURE(reader.AwaitFlows(client(), 10));
    ASSERT_NO_FATAL_FAILURE(reader.AwaitFlows(client(), 5 + i % 7));
    ASSERT_EQ(kill(WorkerOf(id), SIGKILL), 0);
    // Another takes its place, and goes on with its log.
    AwaitEvent(id, [](const v1::AuditEvent& event) {
      return event.lifecycle().state() == v1::Sandbox::STATE_DEGRADED;
    });
    ASSERT_NO_FATAL_FAILURE(reader.AwaitFlows(client(), 5));
    reader.ReadOn(client());
    ExpectDense(reader.events());
    ExpectAllTold(*sniffer, reader.events());
    EXPECT_TRUE(client().Delete(id).ok());
    reader.ReadOn(client());  // readable by its id, though the sandbox is gone
    ExpectDense(reader.events());
  }
}

TEST_F(AuditKillTest, ServerKilledUnderLoad) {
  for (int i = 0; i < Kills(); ++i) {
    const auto sniffer = Sniff(lab::Sniffer::Where::kInternet);
    ASSERT_NE(sniffer, nullptr);
    SandboxClient before(server().unix_address());
    const absl::StatusOr<v1::Sandbox> created = before.Create(Proto<v1::Sandbox>("guest { oci {} }"));
    ASSERT_TRUE(created.ok()) << created.status();
    GuestExec load(before, created->id(), {"sh", "-c", kLoad});
    Reader reader(created->id());
    ASSERT_NO_FATAL_FAILURE(reader.AwaitFlows(before, 10 + i % 7));
    const absl::Status restarted = server().KillAndRestart();
    ASSERT_TRUE(restarted.ok()) << restarted;
    SandboxClient after(server().unix_address());
    reader.ReadOn(after);
    ExpectDense(reader.events());
    ExpectAllTold(*sniffer, reader.events());
    after.Delete(created->id()).IgnoreError();  // there, or gone with its server
  }
}

TEST_F(AuditKillTest, ServerThatStopsEndsStreamsAtOnce) {
  auto other = ServerProcess::Start(lab());
  ASSERT_TRUE(other.ok()) << other.status();
  SandboxClient follower((*other)->unix_address());
  v1::StreamAuditEventsRequest request;
  request.set_follow(true);
  grpc::ClientContext context;
  SetTimeout(kCallTimeout, context);
  const auto stream = follower.audit().StreamAuditEvents(&context, request);
  ASSERT_TRUE(follower.Create(Proto<v1::Sandbox>("guest { oci {} }")).ok());
  v1::StreamAuditEventsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_EQ(kill((*other)->pid(), SIGTERM), 0);
  const absl::Time asked = absl::Now();
  while (stream->Read(&response)) {
  }
  EXPECT_LT(absl::Now() - asked, absl::Seconds(3));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace sluice::e2e
