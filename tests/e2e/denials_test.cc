// Denials, as the guest meets them: at once, with an error that programs know,
// and with the same reason in the audit log, each counted.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

constexpr int kAttempts = 200;
// Of which the slowest are the machine's own.
constexpr double kMedianMs = 5;
constexpr double kSlowMs = 50;
constexpr double kMaySlow = 0.05;

// Prints [[errno's name, milliseconds], ...] of as many attempts.
constexpr absl::string_view kAttempt = R"(
import errno, json, socket, sys, time
kind, address, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ':' in address else socket.AF_INET
results = []
for _ in range(count):
    s = socket.socket(family, socket.SOCK_STREAM if kind == 'tcp' else socket.SOCK_DGRAM)
    s.settimeout(5)
    start = time.monotonic()
    try:
        s.connect((address, port))
        if kind == 'udp':
            s.send(b'ping')
            s.recv(64)
        result = 'open'
    except TimeoutError:
        result = 'timeout'
    except OSError as e:
        result = errno.errorcode[e.errno]
    results.append([result, (time.monotonic() - start) * 1000])
    s.close()
print(json.dumps(results))
)";

class DenialsTest : public E2eTest {
 protected:
  // All fail with `error`, and soon.
  static void ExpectQuick(const std::string& id, const std::string& kind, const std::string& address, int port,
                          const std::string& error) {
    SCOPED_TRACE(absl::StrCat(kind, " ", address));
    const ExecResult result = Run(id, Python(kAttempt, {kind, address, absl::StrCat(port), absl::StrCat(kAttempts)}));
    const auto attempts = nlohmann::json::parse(result.out, nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(attempts.is_array()) << result.out << result.err;
    std::vector<double> times;
    for (const auto& attempt : attempts) {
      EXPECT_EQ(attempt[0], error);
      times.push_back(attempt[1]);
    }
    ASSERT_EQ(times.size(), static_cast<size_t>(kAttempts));
    std::sort(times.begin(), times.end());
    EXPECT_LT(times[kAttempts / 2], kMedianMs);
    EXPECT_LT(times[static_cast<size_t>(kAttempts * (1 - kMaySlow))], kSlowMs);
    RecordProperty(absl::StrCat(kind, "_median_us"), absl::StrCat(static_cast<int>(times[kAttempts / 2] * 1000)));
  }

  // The denials of one remote add up to as many, in a few events.
  static void ExpectTold(const std::vector<v1::AuditEvent>& events, const std::string& address, uint32_t port,
                         v1::Protocol protocol, const std::string& rule_id) {
    SCOPED_TRACE(absl::StrCat(v1::Protocol_Name(protocol), " ", address));
    uint64_t told = 0;
    int count = 0;
    for (const v1::AuditEvent& event : events) {
      if (event.flow().phase() != v1::FlowEvent::PHASE_DENIED || event.flow().remote().address() != address ||
          event.flow().remote().port() != port || event.flow().protocol() != protocol) {
        continue;
      }
      EXPECT_EQ(event.flow().verdict().reason(), v1::Verdict::REASON_RULE);
      EXPECT_EQ(event.flow().verdict().rule_id(), rule_id);
      EXPECT_GE(event.flow().count(), 1u);
      told += event.flow().count();
      ++count;
    }
    EXPECT_EQ(told, static_cast<uint64_t>(kAttempts));
    EXPECT_LT(count, kAttempts / 4);
  }
};

TEST_F(DenialsTest, AreQuickAndLegibleAndEachIsCounted) {
  const std::string id = CreateOci(
      "preset: PRESET_PUBLIC_ONLY rules { id: 'no' action: ACTION_DENY"
      "  peers { cidr: '198.35.26.96' } peers { cidr: '2606:2800:220:1::7' } }");
  ExpectQuick(id, "tcp", "198.35.26.96", 7, "ECONNREFUSED");
  ExpectQuick(id, "tcp", "2606:2800:220:1::7", 7, "ECONNREFUSED");
  ExpectQuick(id, "udp", "198.35.26.96", 7, "EHOSTUNREACH");  // 3/13
  ExpectQuick(id, "udp", "2606:2800:220:1::7", 7, "EACCES");  // 1/1
  // The twin, and what ends the time of folding.
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Run(id, TcpConnect("198.35.26.96", 7)).out, "ping\n");
  EXPECT_EQ(Run(id, UdpEcho("2606:2800:220:1::7")).out, "ping\n");

  const std::vector<v1::AuditEvent> events = Events(id);
  for (const v1::Protocol protocol : {v1::PROTOCOL_TCP, v1::PROTOCOL_UDP}) {
    for (const char* address : {"198.35.26.96", "2606:2800:220:1::7"}) ExpectTold(events, address, 7, protocol, "no");
  }
}

TEST_F(DenialsTest, ADeniedPingIsToldWhy) {
  const std::string id = CreateOci(
      "preset: PRESET_PUBLIC_ONLY rules { id: 'no-ping' action: ACTION_DENY protocols: PROTOCOL_ICMP }");
  for (const char* address : {"198.35.26.96", "2606:2800:220:1::7"}) {
    SCOPED_TRACE(address);
    const ExecResult ping = Run(id, Ping(address));
    EXPECT_EQ(ping.code, 1) << ping.out << ping.err;
    const bool told = ping.out.find("Packet filtered") != std::string::npos ||
                      ping.out.find("Administratively prohibited") != std::string::npos;
    EXPECT_TRUE(told) << ping.out;
    const v1::AuditEvent event = AwaitEvent(id, [address](const v1::AuditEvent& e) {
      return e.flow().phase() == v1::FlowEvent::PHASE_DENIED && e.flow().remote().address() == address;
    });
    EXPECT_EQ(event.flow().protocol(), v1::PROTOCOL_ICMP);
    EXPECT_EQ(event.flow().verdict().rule_id(), "no-ping");
  }
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Run(id, Ping("198.35.26.96")).code, 0);
}

TEST_F(DenialsTest, APingThatTheHostDoesNotLetOutIsToldWhy) {
  const std::string id = CreateOci("");
  std::string range = RunOnHost({"sysctl", "-n", "net.ipv4.ping_group_range"}).out;
  absl::StripTrailingAsciiWhitespace(&range);
  EXPECT_EQ(RunOnHost({"sysctl", "-qw", "net.ipv4.ping_group_range=1 0"}).exit_code, 0) << "nobody";
  for (const char* address : {"198.35.26.96", "2606:2800:220:1::7"}) {
    SCOPED_TRACE(address);
    EXPECT_EQ(Run(id, Ping(address)).code, 1);
    const v1::AuditEvent event = AwaitEvent(id, [address](const v1::AuditEvent& e) {
      return e.flow().phase() == v1::FlowEvent::PHASE_DENIED && e.flow().remote().address() == address;
    });
    EXPECT_EQ(event.flow().protocol(), v1::PROTOCOL_ICMP);
    EXPECT_EQ(event.flow().verdict().reason(), v1::Verdict::REASON_UNSUPPORTED);
  }
  EXPECT_EQ(RunOnHost({"sysctl", "-qw", absl::StrCat("net.ipv4.ping_group_range=", range)}).exit_code, 0);
  EXPECT_EQ(Run(id, Ping("198.35.26.96")).code, 0) << "as soon as the host lets it";
}

TEST_F(DenialsTest, ADeniedNameIsNxdomain) {
  const std::string id = CreateOci("preset: PRESET_ALLOWLIST");
  EXPECT_EQ(Run(id, DigStatus("10.0.2.3", "web.example.com")).out, "NXDOMAIN\n");
  const v1::AuditEvent event = AwaitEvent(id, DnsQuery("web.example.com", v1::Verdict::REASON_DEFAULT));
  EXPECT_EQ(event.dns().verdict().rule_id(), "default");
  EXPECT_EQ(event.dns().response_code(), "NXDOMAIN");
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Run(id, DigStatus("10.0.2.3", "web.example.com")).out, "NOERROR\n");
}

}  // namespace
}  // namespace sluice::e2e
