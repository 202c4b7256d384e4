// A guest that attacks its worker, in frames of its own making on its TAP: what
// libslirp's advisories are about, floods, spoofed sources, garbage. How long is in
// SLUICE_HOSTILE_SECONDS, and the seed of what is random in SLUICE_HOSTILE_SEED.

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/ip_address.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/probes.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;
using testing::IsEmpty;

constexpr char kAllowed[] = "198.35.26.96";
constexpr char kRefused[] = "93.184.216.35";
constexpr char kRefused6[] = "2606:2800:220:1::2";
constexpr char kHost[] = "203.0.112.7";
constexpr uint16_t kHostilePort = 9;
constexpr uint8_t kUrgent = 0x20;  // RFC 9293 section 3.1
constexpr int kBaselineSeconds = 3;
// Of the worker, whatever its guest does (docs/threat_model.md).
constexpr int64_t kMemoryBound = 320 << 10;  // KiB
constexpr double kLatencyBound = 2;

// Round trips to an echo service, on one connection and every tenth on a new one.
// Prints "ready", then after `seconds` the median in microseconds, and how many
// failed; ends at once when one does.
constexpr char kRoundTrips[] = R"(
import socket, statistics, sys, time
def connect():
  link = socket.create_connection(('198.35.26.96', 7), 10)
  link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
  return link
def trip(link):
  begin = time.monotonic()
  link.sendall(b'x')
  assert link.recv(1) == b'x'
  return time.monotonic() - begin
held, times = connect(), []
print('ready', flush=True)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
  times.append(trip(held))
  if len(times) % 10 == 0:
    with connect() as fresh:
      trip(fresh)
  time.sleep(0.005)
print(round(statistics.median(times) * 1e6), len(times))
)";

// Echoes on the ports whose protocols libslirp knows.
constexpr char kEmulatedServices[] = R"(
import selectors, socket
chosen = selectors.DefaultSelector()
for port in (21, 113, 544, 6667, 7070):
  chosen.register(socket.create_server(('198.35.26.96', port)), selectors.EVENT_READ, True)
print('ready', flush=True)
while True:
  for key, _ in chosen.select():
    if key.data:
      chosen.register(key.fileobj.accept()[0], selectors.EVENT_READ, False)
      continue
    try:
      data = key.fileobj.recv(65536)
      key.fileobj.sendall(data)
    except OSError:
      data = b''
    if not data:
      chosen.unregister(key.fileobj)
      key.fileobj.close()
)";

int FromEnvironment(const char* name, int otherwise) {
  int value = 0;
  const char* const text = getenv(name);
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

class HostileGuestTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    auto guest = lab::Process::Spawn({"unshare", "--net", "sh", "-c", "echo $$ && exec sleep infinity"}, {});
    ASSERT_TRUE(guest.ok()) << guest.status();
    namespace_ = *std::move(guest);
    const auto pid = namespace_->ReadLine(absl::Seconds(30));
    ASSERT_TRUE(pid.ok()) << pid.status();
    hostile_ = Create(absl::StrCat("guest { netns { pid: ", *pid, " } } network { policy { preset: PRESET_ALLOWLIST",
                                   " rules { action: ACTION_ALLOW peers { cidr: '", kAllowed, "' } } } }"));
    other_ = CreateOci("");
    auto services = lab().Spawn(lab::Ns::kInet, Python(kEmulatedServices, {}));
    ASSERT_TRUE(services.ok()) << services.status();
    services_ = *std::move(services);
    ASSERT_EQ(services_->ReadLine(kEventTimeout).value_or("nothing"), "ready");
  }

  std::unique_ptr<lab::Process> Attack(int seconds, int seed) {
    auto attack = lab::Process::Spawn({"nsenter", absl::StrCat("--net=/proc/", namespace_->pid(), "/ns/net"), "--",
                                       "/usr/bin/python3", "-B", Runfile("tests/e2e/hostile_guest.py"), "eth0",
                                       absl::StrCat(seconds), absl::StrCat(seed)},
                                      {});
    EXPECT_TRUE(attack.ok()) << attack.status();
    return attack.ok() ? *std::move(attack) : nullptr;
  }

  // Median round trip of the other sandbox, in microseconds.
  static double Median(GuestExec& trips) {
    const absl::StatusOr<ExecResult> result = trips.Wait();
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return 0;
    EXPECT_EQ(result->code, 0) << result->err;
    const std::vector<std::string> words = absl::StrSplit(result->out, ' ');
    double median = 0;
    EXPECT_TRUE(absl::SimpleAtod(words[0], &median)) << result->out;
    std::cout << "round trip of the other sandbox, us and count: " << result->out << std::flush;
    return median;
  }
  Command RoundTrips(int seconds) const { return Python(kRoundTrips, {absl::StrCat(seconds)}); }

  std::unique_ptr<lab::Process> namespace_;
  std::unique_ptr<lab::Process> services_;
  std::string hostile_;
  std::string other_;
};

// What the attacking program says, by its first word, and the most memory that its
// worker had meanwhile.
struct Outcome {
  std::map<std::string, std::string> said;
  int64_t most_memory = 0;
};

// What reached the internet: how much that may, and the first of what may not.
struct FarSide {
  static constexpr size_t kMost = 10;

  void Look(Sniffer& sniffer) {
    const auto packets = sniffer.Take();
    EXPECT_TRUE(packets.ok()) << packets.status();
    if (!packets.ok()) return;
    for (const Sniffer::Packet& packet : *packets) {
      if (IsWrong(packet) && wrong.size() < kMost) wrong.push_back(packet.ToString());
      if (packet.destination.address == kTo) ++allowed;
    }
  }

  static bool IsWrong(const Sniffer::Packet& packet) {
    if (packet.destination.address == kNever || packet.destination.address == kNever6) return true;
    if (packet.destination.address != kTo) return false;
    return packet.source.address != kFrom || packet.destination.port == kHostilePort || (packet.tcp_flags & kUrgent) != 0;
  }

  static const inline IpAddress kTo = *IpAddress::Parse(kAllowed);
  static const inline IpAddress kFrom = *IpAddress::Parse(kHost);
  static const inline IpAddress kNever = *IpAddress::Parse(kRefused);
  static const inline IpAddress kNever6 = *IpAddress::Parse(kRefused6);
  int allowed = 0;
  std::vector<std::string> wrong;
};

TEST_F(HostileGuestTest, HarmsNobodyAndNothingOfItComesOut) {
  const int seconds = FromEnvironment("SLUICE_HOSTILE_SECONDS", 12);
  const int seed = FromEnvironment("SLUICE_HOSTILE_SEED", static_cast<int>(std::random_device()() >> 1));
  std::cout << "SLUICE_HOSTILE_SEED=" << seed << "\n";
  const pid_t worker = WorkerOf(hostile_);
  GuestExec quiet(client(), other_, RoundTrips(kBaselineSeconds));
  ASSERT_EQ(quiet.ReadLine().value_or("nothing"), "ready");
  const double before = Median(quiet);
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);

  GuestExec trips(client(), other_, RoundTrips(seconds), absl::Seconds(seconds) + kCallTimeout);
  ASSERT_EQ(trips.ReadLine().value_or("nothing"), "ready");
  const auto attack = Attack(seconds, seed);
  ASSERT_NE(attack, nullptr);
  Outcome outcome;
  FarSide far_side;
  const absl::Time deadline = absl::Now() + absl::Seconds(seconds) + kCallTimeout;
  while (!outcome.said.contains("rewritten") && absl::Now() < deadline) {
    const absl::StatusOr<std::string> line = attack->ReadLine(absl::Milliseconds(50));
    if (!line.ok() && !absl::IsDeadlineExceeded(line.status())) break;
    if (line.ok()) outcome.said.insert(absl::StrSplit(*line, absl::MaxSplits(' ', 1)));
    outcome.most_memory = std::max(outcome.most_memory, WorkerMemory(hostile_));
    far_side.Look(*sniffer);
  }
  const double during = Median(trips);
  std::cout << "most memory of the worker: " << outcome.most_memory << " KiB\n";
  for (const auto& [what, result] : outcome.said) std::cout << what << " " << result << "\n";

  // It lives, in bounds, and serves its own guest still.
  EXPECT_EQ(WorkerOf(hostile_), worker);
  EXPECT_EQ(kill(worker, 0), 0);
  EXPECT_EQ(client().Get(hostile_)->state(), v1::Sandbox::STATE_RUNNING);
  EXPECT_EQ(outcome.said["honest"], "1000 bytes back");
  EXPECT_LE(outcome.most_memory, kMemoryBound);
  // Nobody else noticed much.
  EXPECT_LE(during, kLatencyBound * before);
  // Nothing came back that should not, nothing was changed on its way, and nothing
  // came out but what is allowed of the same floods.
  EXPECT_EQ(outcome.said["leaked"], "0");
  EXPECT_EQ(outcome.said["rewritten"], "0");
  far_side.Look(*sniffer);
  EXPECT_THAT(far_side.wrong, IsEmpty());
  EXPECT_GT(far_side.allowed, 1000);
}

}  // namespace
}  // namespace sluice::e2e
