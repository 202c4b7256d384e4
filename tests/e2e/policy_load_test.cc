// A policy that changes under load: thousands of packets a second, many flows
// open and new ones coming. What counts is what the far side sees, by the clock.

#include <netinet/in.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/probes.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;

constexpr char kEcho[] = "198.35.26.96";
constexpr int kSinkPort = 9009;
constexpr int kFlows = 1000;
constexpr int kBulkFlows = 20;
constexpr uint8_t kTcpRst = 4;
// Five a second: how long a slow machine may take to send what is waited for.
constexpr int kMaxPings = 100;

// Opens flows to the echo service and fills those to the sink, prints "open",
// and then keeps all of them busy, with new connections and datagrams beside
// them. Prints "ended N" once N flows of the first ones have been reset and none
// is left.
constexpr absl::string_view kLoad = R"(
import socket, sys
address, echo, sink, count, bulk = sys.argv[1], 7, int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
flows, reset, told = set(), 0, False
for i in range(count + bulk):
    s = socket.create_connection((address, echo if i < count else sink), 20)
    s.setblocking(False)
    flows.add(s)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setblocking(False)
udp.connect((address, echo))
print('open', flush=True)
block = b'x' * 65536
def tick():
    try:
        udp.send(b'tick')
        udp.recv(65536)
    except OSError:
        pass
while True:
    for i, s in enumerate(list(flows)):
        if i % 50 == 0:
            tick()
        try:
            s.send(block if s.getpeername()[1] == sink else block[:500])
            s.recv(65536)
        except BlockingIOError:
            pass
        except OSError:
            reset += 1
            flows.discard(s)
            s.close()
    if not flows and not told:
        told = True
        print('ended', reset, flush=True)
    new = socket.socket()
    new.settimeout(5)
    try:
        new.connect((address, echo))
        new.send(b'new')
        if not told:
            new.setblocking(False)
            flows.add(new)
    except OSError:
        pass
    tick()
)";

// Reads a little of each connection, "BYTES" at a time, again and again, so that
// much is queued. Sends nothing, and says so at once where it is told "shut".
constexpr absl::string_view kSink = R"(
import select, socket, sys
amount, shut = int(sys.argv[3]), 'shut' in sys.argv
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
server.bind((sys.argv[1], int(sys.argv[2])))
server.listen(128)
print('ready', flush=True)
flows = []
while True:
    if select.select([server], [], [], 0.005)[0]:
        flows.append(server.accept()[0])
        flows[-1].setblocking(False)
        if shut:
            flows[-1].shutdown(socket.SHUT_WR)
    for s in list(flows):
        try:
            if not s.recv(amount):
                flows.remove(s)
        except BlockingIOError:
            pass
        except OSError:
            flows.remove(s)
)";

// Sends as many bytes and closes, to a remote that has closed its side already.
constexpr absl::string_view kSendAndClose = R"(
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
assert s.recv(1) == b''
s.sendall(b'x' * int(sys.argv[3]))
)";

class PolicyLoadTest : public E2eTest {
 protected:
  static void ExpectLine(const absl::StatusOr<std::string>& line, const std::string& wanted) {
    ASSERT_TRUE(line.ok()) << line.status();
    EXPECT_EQ(*line, wanted);
  }

  // On the echo service's host.
  static std::unique_ptr<lab::Process> StartSink(const std::vector<std::string>& how) {
    std::vector<std::string> args = {kEcho, absl::StrCat(kSinkPort)};
    args.insert(args.end(), how.begin(), how.end());
    auto sink = lab().Spawn(lab::Ns::kInet, Python(kSink, args));
    EXPECT_TRUE(sink.ok()) << sink.status();
    if (!sink.ok()) return nullptr;
    ExpectLine((*sink)->ReadLine(absl::Seconds(10)), "ready");
    return *std::move(sink);
  }

  // What of the guest's the echo service's host got after `time`, but for RSTs,
  // which the kernel answers with for flows that are no more.
  static std::vector<Sniffer::Packet> After(Sniffer& sniffer, absl::Time time) {
    const auto packets = sniffer.Packets({.protocol = {}, .destination = IpAddress::Parse(kEcho), .port = {}});
    EXPECT_TRUE(packets.ok()) << packets.status();
    std::vector<Sniffer::Packet> after;
    if (!packets.ok()) return after;
    for (const Sniffer::Packet& packet : *packets) {
      if (packet.time > time && !(packet.tcp_flags & kTcpRst)) after.push_back(packet);
    }
    return after;
  }

  static int CountOf(const std::vector<Sniffer::Packet>& packets, uint8_t protocol) {
    int count = 0;
    for (const Sniffer::Packet& packet : packets) count += packet.protocol == protocol;
    return count;
  }
};

TEST_F(PolicyLoadTest, NothingIsJudgedByTheOldPolicyAfterTheAnswer) {
  const auto sink = StartSink({"4096"});
  const std::string id = CreateOci("");
  GuestExec load(client(), id,
                 Python(kLoad, {kEcho, absl::StrCat(kSinkPort), absl::StrCat(kFlows), absl::StrCat(kBulkFlows)}));
  ExpectLine(load.ReadLine(), "open");
  GuestExec ping(client(), id, {"ping", "-n", "-i", "0.2", kEcho});
  ASSERT_TRUE(ping.ReadLine().ok());  // its header
  ASSERT_TRUE(ping.ReadLine().ok());  // an answer
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);

  // The twin: a change that denies nothing of it. All goes on.
  const v1::SetNetworkPolicyResponse same = SetPolicy(
      id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_DENY peers { cidr: '93.184.216.35' } }");
  const absl::Time changed = absl::Now();
  EXPECT_EQ(same.flows_closed(), 0u);
  std::vector<Sniffer::Packet> on;
  for (int i = 0; i < kMaxPings && !(CountOf(on, IPPROTO_TCP) > kFlows && CountOf(on, IPPROTO_UDP) > 0); ++i) {
    ASSERT_TRUE(ping.ReadLine().ok());
    on = After(*sniffer, changed);
  }
  EXPECT_GT(CountOf(on, IPPROTO_TCP), kFlows);
  EXPECT_GT(CountOf(on, IPPROTO_UDP), 0);
  EXPECT_GT(CountOf(on, IPPROTO_ICMP), 0);

  ASSERT_TRUE(sniffer->Reset().ok());
  const v1::SetNetworkPolicyResponse denied = SetPolicy(
      id, "preset: PRESET_PUBLIC_ONLY rules { id: 'no-echo' action: ACTION_DENY peers { cidr: '198.35.26.96' } }");
  const absl::Time answered = absl::Now();
  // TCP, and one flow each of UDP and ICMP.
  EXPECT_GE(denied.flows_closed(), static_cast<uint64_t>(kFlows + kBulkFlows + 2));
  const absl::StatusOr<std::string> ended = load.ReadLine();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->substr(0, 6), "ended ");
  // The guest goes on trying, and the sink goes on reading, meanwhile.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ECONNREFUSED\n");
  const std::vector<Sniffer::Packet> late = After(*sniffer, answered);
  EXPECT_TRUE(late.empty()) << late.size() << " packets, the first after " << late[0].time - answered << ": "
                            << late[0].ToString();

  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ping\n");
  EXPECT_GT(After(*sniffer, answered).size(), 0u);
}

// A connection that is over for the guest, while the host still sends what it had
// of it to a remote that reads slowly.
TEST_F(PolicyLoadTest, NorIsWhatIsQueuedOfAClosedConnection) {
  const auto sink = StartSink({"256", "shut"});
  const std::string id = CreateOci("");
  EXPECT_EQ(Run(id, Python(kSendAndClose, {kEcho, absl::StrCat(kSinkPort), "400000"})).err, "");
  const v1::AuditEvent closed = AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_CLOSED, kEcho, kSinkPort));
  EXPECT_EQ(closed.flow().end_cause(), v1::FlowEvent::END_CAUSE_FINISHED);
  EXPECT_EQ(closed.flow().bytes_to_remote(), 400'000u);
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);

  // The twin: data goes on coming. How long must one wait for it?
  const absl::Time start = absl::Now();
  int data = 0;
  for (int i = 0; i < kMaxPings && data < 3; ++i) {
    Run(id, {"true"});
    data = CountOf(After(*sniffer, start), IPPROTO_TCP);
  }
  ASSERT_GE(data, 3);
  const absl::Duration patience = 2 * (absl::Now() - start);

  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_DENY peers { cidr: '198.35.26.96' } }");
  const absl::Time answered = absl::Now();
  while (absl::Now() < answered + patience) Run(id, {"true"});
  EXPECT_EQ(After(*sniffer, answered).size(), 0u);
}

}  // namespace
}  // namespace sluice::e2e
