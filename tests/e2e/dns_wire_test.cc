// DNS on the wire, as real clients and hostile ones speak it, and upstreams that
// do not behave.

#include <netinet/in.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;

constexpr char kWebAddress[] = "93.184.216.34";

// Asks two questions at once over one connection, the first in two pieces, and
// prints the names in the order of their answers.
constexpr absl::string_view kPipelined = R"(
import socket, struct, sys, time
def query(number, name):
    wire = b''.join(bytes([len(l)]) + l.encode() for l in name.split('.')) + b'\0'
    message = struct.pack('>HHHHHH', number, 0x0100, 1, 0, 0, 0) + wire + struct.pack('>HH', 1, 1)
    return struct.pack('>H', len(message)) + message
s = socket.create_connection(('8.8.8.8', 53), 10)
both = query(1, 'slow.test') + query(2, 'v4only.example.com')
s.sendall(both[:5])
s.sendall(both[5:])
stream = s.makefile('rb')
for _ in range(2):
    length, = struct.unpack('>H', stream.read(2))
    print(struct.unpack('>H', stream.read(length)[:2])[0])
)";

// Sends datagrams that are no queries, of three kinds, to 8.8.8.8, and prints how
// many; what comes back is read and dropped.
constexpr absl::string_view kFlood = R"(
import random, socket, sys
random.seed(1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setblocking(False)
s.connect(('8.8.8.8', 53))
sent = 0
for i in range(int(sys.argv[1])):
    message = [random.randbytes(7), random.randbytes(600), bytes(12)][i % 3]
    try:
        s.send(message)
        sent += 1
    except BlockingIOError:
        pass
    try:
        s.recv(2048)
    except OSError:
        pass
print(sent)
)";

class DnsWireTest : public E2eTest {
 protected:
  std::string CreateWithDns(absl::string_view dns) {
    return Create(absl::StrCat("guest { oci {} } network { dns { ", dns, " } }"));
  }

  // The resident memory of the server's only worker, in KiB.
  static int64_t WorkerMemory() {
    for (const auto& process : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(process.path() / "status");
      const std::string status((std::istreambuf_iterator<char>(file)), {});
      if (!absl::StrContains(status, "Name:\tsluice-netsvc") ||
          !absl::StrContains(status, absl::StrCat("PPid:\t", server().pid(), "\n"))) {
        continue;
      }
      int64_t kilobytes = 0;
      const std::string after = status.substr(status.find("VmRSS:") + 6);
      EXPECT_TRUE(absl::SimpleAtoi(after.substr(0, after.find("kB")), &kilobytes)) << after;
      return kilobytes;
    }
    ADD_FAILURE() << "no worker";
    return 0;
  }
};

TEST_F(DnsWireTest, AnswersEveryWayThatDigAsks) {
  const std::string id = CreateOci("");
  for (const char* way : {"+notcp", "+tcp", "+noedns", "+bufsize=512", "+bufsize=4096", "+dnssec", "+cookie", "+nsid",
                          "+padding=64", "+norecurse", "+cdflag", "+subnet=0/0"}) {
    SCOPED_TRACE(way);
    EXPECT_EQ(Run(id, {"dig", "@8.8.8.8", "+short", "+tries=1", way, "v4only.example.com"}).out,
              absl::StrCat(kWebAddress, "\n"));
  }
}

TEST_F(DnsWireTest, TruncatesWithoutEdnsAndAnswersWholeOverTcp) {
  const std::string id = CreateOci("");
  const auto count = [&](const std::string& options) {
    return Run(id, {"bash", "-c", absl::StrCat("dig @8.8.8.8 ", options, " +short big.test A | grep -c ^93")}).out;
  };
  EXPECT_EQ(count("+noedns +ignore"), "0\n");
  EXPECT_EQ(count("+bufsize=1232 +ignore"), "0\n");
  EXPECT_EQ(count("+noedns"), "150\n");
  EXPECT_EQ(count("+tcp +noedns"), "150\n");
}

TEST_F(DnsWireTest, ManyConnectionsAtOnce) {
  const std::string id = CreateOci("");
  const ExecResult all = Run(id, {"bash", "-c",
                                  "for i in $(seq 40); do dig @8.8.8.8 +tcp +short v4only.example.com & done; wait"});
  EXPECT_EQ(all.out.size(), 40 * (std::string(kWebAddress).size() + 1)) << all.out;
}

TEST_F(DnsWireTest, AnswersOutOfOrderWithinAConnection) {
  const std::string id = CreateOci("");
  EXPECT_EQ(Run(id, Python(kPipelined, {})).out, "2\n1\n");
}

TEST_F(DnsWireTest, TheResolverThatTheGuestNamesHearsNothing) {
  const std::string id = CreateOci("");
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  for (const bool tcp : {false, true}) {
    EXPECT_EQ(Run(id, Dig("8.8.8.8", tcp ? "web.example.com" : "v4only.example.com", "A", tcp)).out,
              absl::StrCat(kWebAddress, "\n"));
  }
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, "8.8.8.8", 0), 0);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "8.8.8.8", 0), 0);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, "1.1.1.1", 53), 2) << "the host's own resolver, once for each name";
}

TEST_F(DnsWireTest, DnsOverTlsIsRefusedUnlessARuleAllowsIt) {
  const std::string id = CreateOci("");
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  const Command tls = {"bash", "-c",
                       "openssl s_client -connect 8.8.8.8:853 </dev/null 2>&1 | grep -o 'Connection refused' | sort -u"};
  EXPECT_EQ(Run(id, tls).out, "Connection refused\n");
  EXPECT_EQ(Run(id, UdpEcho("8.8.8.8", 853)).out, "EHOSTUNREACH\n") << "DNS over QUIC";
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "8.8.8.8", 853) + Arrived(*sniffer, IPPROTO_UDP, "8.8.8.8", 853), 0);
  AwaitEvent(id, Denied("8.8.8.8", 853, v1::Verdict::REASON_PRESET));
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW ports { first: 853 } }");
  Run(id, tls);
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, "8.8.8.8", 853), 0);
}

TEST_F(DnsWireTest, AsksTheSandboxesOwnResolvers) {
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  for (const char* resolver : {"9.9.9.9", "2606:4700:4700::1111"}) {
    SCOPED_TRACE(resolver);
    const std::string id = CreateWithDns(absl::StrCat("nameservers: '", resolver, "'"));
    EXPECT_EQ(Run(id, Dig("8.8.8.8", "v4only.example.com")).out, absl::StrCat(kWebAddress, "\n"));
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, resolver, 53), 1);
  }
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, "1.1.1.1", 53), 0);
}

TEST_F(DnsWireTest, AsksOnceForWhatTheCacheHas) {
  const std::string id = CreateOci("");
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  for (int i = 0; i < 5; ++i) Run(id, Dig("8.8.8.8", "v4only.example.com"));
  for (int i = 0; i < 5; ++i) Run(id, Dig("1.1.1.1", "nx.test", "A", /*tcp=*/true));
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, "1.1.1.1", 53), 2);
  const v1::AuditEvent event = AwaitEvent(id, [](const v1::AuditEvent& e) { return e.dns().from_cache(); });
  EXPECT_EQ(event.dns().name(), "v4only.example.com");
  EXPECT_THAT(event.dns().addresses(), testing::ElementsAre(kWebAddress));
  // Judged as it is now, not as it was when it came.
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_DENY peers { cidr: '8.8.8.8' } }");
  EXPECT_EQ(Run(id, DigStatus("8.8.8.8", "v4only.example.com")).out, "NXDOMAIN\n");
  EXPECT_EQ(Run(id, DigStatus("1.1.1.1", "v4only.example.com")).out, "NOERROR\n");
}

TEST_F(DnsWireTest, RefusesPrivateAddressesBesideTheAnswer) {
  const std::string id = CreateOci("");
  EXPECT_EQ(Run(id, DigStatus("8.8.8.8", "extra.test", "MX")).out, "NXDOMAIN\n");
  AwaitEvent(id, DnsQuery("extra.test", v1::Verdict::REASON_DNS_REBINDING));
  const std::string exempt = CreateWithDns("rebinding_exempt_domains: 'extra.test'");
  EXPECT_EQ(Run(exempt, DigStatus("8.8.8.8", "extra.test", "MX")).out, "NOERROR\n");
}

TEST_F(DnsWireTest, UpstreamsThatMisbehaveHurtTheirOwnNamesAlone) {
  const std::string id = CreateWithDns("nameservers: '8.8.4.4' query_timeout { nanos: 300000000 }");
  for (const char* name : {"garbage.test", "short.test", "wrong-id.test", "wrong-name.test", "silent.test",
                           "refused.test", "servfail.test"}) {
    SCOPED_TRACE(name);
    const ExecResult both = Run(id, {"bash", "-c",
                                     R"(dig @8.8.8.8 +time=9 +tries=1 $0 > /tmp/bad &
                                        dig @8.8.8.8 +time=9 +tries=1 +short $0.flip.test
                                        wait; grep -c SERVFAIL /tmp/bad)",
                                     name});
    EXPECT_EQ(both.out, absl::StrCat(kWebAddress, "\n1\n"));
  }
  EXPECT_EQ(Run(id, DigStatus("8.8.8.8", "many.test")).out, "NOERROR\n");
  EXPECT_EQ(Run(id, DigStatus("8.8.8.8", "loop.test")).out, "NOERROR\n");
}

TEST_F(DnsWireTest, LimitsQueriesAndNames) {
  const std::string rate = CreateWithDns("max_queries_per_second: 3");
  const ExecResult flood = Run(rate, {"bash", "-c",
                                      "for i in $(seq 60); do echo n$i.test; done > /tmp/names; "
                                      "dig @8.8.8.8 +tries=1 -f /tmp/names | grep -c REFUSED"});
  int refused = 0;
  ASSERT_TRUE(absl::SimpleAtoi(flood.out, &refused)) << flood.out;
  EXPECT_GT(refused, 30);
  AwaitEvent(rate, [](const v1::AuditEvent& e) {
    return e.dns().verdict().reason() == v1::Verdict::REASON_DNS_BUDGET && e.dns().count() > 1;
  });

  const std::string names = CreateWithDns("max_names_per_domain: 3");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Run(names, DigStatus("8.8.8.8", absl::StrCat("n", i, ".x.test"))).out, "NXDOMAIN\n");
  }
  EXPECT_EQ(Run(names, DigStatus("8.8.8.8", "n4.y.x.test")).out, "REFUSED\n");
  AwaitEvent(names, DnsQuery("n4.y.x.test", v1::Verdict::REASON_DNS_BUDGET));
  EXPECT_EQ(Run(names, DigStatus("8.8.8.8", "v4only.example.com")).out, "NOERROR\n");
}

TEST_F(DnsWireTest, AFloodOfMalformedMessagesCostsNeitherMemoryNorEvents) {
  const std::string id = CreateOci("");
  Run(id, Python(kFlood, {"3000"}));
  const int64_t before = WorkerMemory();
  const absl::Time start = absl::Now();
  Run(id, Python(kFlood, {"60000"}));
  EXPECT_EQ(Run(id, DigStatus("8.8.8.8", "v4only.example.com")).out, "NOERROR\n");
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  EXPECT_LT(WorkerMemory() - before, 4'096) << "KiB, at " << before;
  int events = 0;
  for (const v1::AuditEvent& event : Events(id)) {
    events += event.dns().verdict().reason() == v1::Verdict::REASON_MALFORMED ? 1 : 0;
  }
  EXPECT_GT(events, 0);
  EXPECT_LE(events, seconds + 6) << "one a second, the first flood's among them";
}

}  // namespace
}  // namespace sluice::e2e
