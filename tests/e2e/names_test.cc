// Flows allowed and denied by name, with a guest's own curl and openssl. Each
// denial has its twin, and the far side saw no byte of what was denied.

#include <netinet/in.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/flow/test_client_hello.h"
#include "netsvc/flow/test_quic.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kWeb[] = "93.184.216.34";
constexpr char kShared[] = "93.184.216.35";  // cdn-a.test and cdn-b.test
constexpr char kEcho[] = "198.35.26.96";

std::string Allowlist(const std::vector<std::string>& domains) {
  std::string rule = "preset: PRESET_ALLOWLIST rules { id: 'names' action: ACTION_ALLOW";
  for (const std::string& domain : domains) absl::StrAppend(&rule, " peers { domain: '", domain, "' }");
  return absl::StrCat(rule, " }");
}

// Over IPv4, so that what arrives is counted at one address. The lab's CA is not
// the guest's: who answers does not matter here.
Command Curl4(const std::string& url, const std::vector<std::string>& more = {}) {
  Command command = Curl(url);
  command.insert(command.end() - 1, {"--ipv4", "--insecure"});
  command.insert(command.end() - 1, more.begin(), more.end());
  return command;
}

Command CurlAt(const std::string& name, const std::string& address) {
  return Curl4(absl::StrCat("https://", name, "/hello"), {"--resolve", absl::StrCat(name, ":443:", address)});
}

class NamesTest : public E2eTest {
 protected:
  // The flow to `address`:443 that was ended once its name was known.
  static v1::FlowEvent AwaitEnd(const std::string& id, const std::string& address, v1::Verdict::Reason reason,
                                const std::string& server_name, uint32_t port = 443) {
    const auto closed = InPhase(v1::FlowEvent::PHASE_CLOSED, address, port);
    const v1::AuditEvent event = AwaitEvent(id, [&](const v1::AuditEvent& e) {
      return closed(e) && e.flow().verdict().reason() == reason && e.flow().server_name() == server_name;
    });
    EXPECT_EQ(event.flow().end_cause(), v1::FlowEvent::END_CAUSE_ENDED);
    EXPECT_EQ(event.flow().bytes_to_remote(), 0u);
    return event.flow();
  }

  // Runs a probe whose flow to `address` is ended before a byte of it arrives.
  static void ExpectEnded(const std::string& id, const Command& probe, const std::string& address,
                          uint16_t port = 443) {
    const auto sniffer = Sniff(Sniffer::Where::kInternet);
    ASSERT_NE(sniffer, nullptr);
    const ExecResult result = Run(id, probe);
    EXPECT_NE(result.code, 0) << result.out;
    EXPECT_EQ(DataArrived(*sniffer, address, port), 0);
  }
  static void ExpectPage(const std::string& id, const Command& probe, const std::string& address,
                         uint16_t port = 443) {
    const auto sniffer = Sniff(Sniffer::Where::kInternet);
    ASSERT_NE(sniffer, nullptr);
    const ExecResult result = Run(id, probe);
    EXPECT_THAT(result.out, HasSubstr("hello from the web")) << result.err;
    EXPECT_GT(DataArrived(*sniffer, address, port), 0);
  }

  static int DataArrived(Sniffer& sniffer, const std::string& address, uint16_t port) {
    Sniffer::Match match{.protocol = IPPROTO_TCP, .destination = IpAddress::Parse(address), .port = port};
    match.with_data = true;
    const absl::StatusOr<int> count = sniffer.Count(match);
    EXPECT_TRUE(count.ok()) << count.status();
    return count.value_or(-1);
  }
};

TEST_F(NamesTest, AnAllowlistOfNamesLetsTheseThroughAndNothingElse) {
  const std::string id = CreateOci(Allowlist({"web.example.com"}));
  ExpectPage(id, Curl4("https://web.example.com/hello"), kWeb);
  ExpectPage(id, Curl4("http://web.example.com/hello"), kWeb, 80);
  EXPECT_EQ(Run(id, Curl4("https://other.example.com/hello")).code, kCurlCannotResolve);
  const v1::AuditEvent opened = AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_OPENED, kWeb, 443));
  EXPECT_EQ(opened.flow().verdict().rule_id(), "names");
  EXPECT_THAT(opened.flow().domains(), ElementsAre("web.example.com"));
  const v1::AuditEvent closed = AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_CLOSED, kWeb, 443));
  EXPECT_EQ(closed.flow().server_name(), "web.example.com");
  EXPECT_EQ(closed.flow().end_cause(), v1::FlowEvent::END_CAUSE_FINISHED);

  SetPolicy(id, Allowlist({"web.example.com", "*.example.com"}));
  ExpectPage(id, Curl4("https://other.example.com/hello"), kShared);
}

TEST_F(NamesTest, AnAllowedNameIsNoPassToAnAddressThatItNeverLedTo) {
  const std::string id = CreateOci(Allowlist({"web.example.com"}));
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  EXPECT_EQ(Run(id, CurlAt("web.example.com", kShared)).code, kCurlCannotConnect);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, kShared, 443), 0);
  AwaitEvent(id, Denied(kShared, 443, v1::Verdict::REASON_DEFAULT));
  // Nor where another name of the rule did lead there.
  SetPolicy(id, Allowlist({"web.example.com", "cdn-a.test"}));
  ExpectPage(id, Curl4("https://cdn-a.test/hello"), kShared);
  ExpectEnded(id, CurlAt("web.example.com", kShared), kShared);
  AwaitEnd(id, kShared, v1::Verdict::REASON_NAME_MISMATCH, "web.example.com");

  SetPolicy(id, absl::StrCat(Allowlist({"web.example.com"}),
                             " rules { action: ACTION_ALLOW peers { cidr: '93.184.216.35' } }"));
  ExpectPage(id, CurlAt("web.example.com", kShared), kShared);
}

TEST_F(NamesTest, ASharedAddressLetsItsAllowedNameThroughAlone) {
  const std::string id = CreateOci(Allowlist({"cdn-a.test"}));
  ExpectPage(id, Curl4("https://cdn-a.test/hello"), kShared);
  ExpectEnded(id, CurlAt("cdn-b.test", kShared), kShared);
  const v1::FlowEvent ended = AwaitEnd(id, kShared, v1::Verdict::REASON_NAME_MISMATCH, "cdn-b.test");
  EXPECT_THAT(ended.domains(), ElementsAre("cdn-a.test"));
  const Command other_host = Curl4("http://cdn-a.test/hello", {"--header", "Host: cdn-b.test"});
  ExpectEnded(id, other_host, kShared, 80);
  AwaitEnd(id, kShared, v1::Verdict::REASON_NAME_MISMATCH, "cdn-b.test", 80);

  SetPolicy(id, Allowlist({"cdn-a.test", "cdn-b.test"}));
  ExpectPage(id, Curl4("https://cdn-b.test/hello"), kShared);
  ExpectPage(id, CurlAt("cdn-b.test", kShared), kShared);
  ExpectPage(id, other_host, kShared, 80);
}

TEST_F(NamesTest, ADenylistHoldsAgainstAnAddressThatTheGuestBringsAlong) {
  const std::string id = CreateOci(
      "preset: PRESET_DENYLIST rules { id: 'no' action: ACTION_DENY peers { domain: '*.example.com' } }");
  EXPECT_EQ(Run(id, Curl4("https://web.example.com/hello")).code, kCurlCannotResolve);
  ExpectEnded(id, CurlAt("web.example.com", kWeb), kWeb);
  EXPECT_EQ(AwaitEnd(id, kWeb, v1::Verdict::REASON_RULE, "web.example.com").verdict().rule_id(), "no");
  ExpectEnded(id, CurlAt("example.com", kWeb), kWeb);
  // On label boundaries.
  ExpectPage(id, CurlAt("evil-example.com", kWeb), kWeb);
  SetPolicy(id, "preset: PRESET_DENYLIST");
  ExpectPage(id, CurlAt("web.example.com", kWeb), kWeb);
}

TEST_F(NamesTest, ABlockListHoldsAgainstAnAddressThatTheGuestBringsAlong) {
  const std::string blocks = Create("guest { oci {} } network { dns { blocked_domains: 'blocked.test' } }");
  ExpectEnded(blocks, CurlAt("blocked.test", kWeb), kWeb);
  AwaitEnd(blocks, kWeb, v1::Verdict::REASON_DNS_BLOCKED, "blocked.test");
  ExpectPage(blocks, CurlAt("sub.blocked.test", kWeb), kWeb);
  ExpectPage(CreateOci(""), CurlAt("blocked.test", kWeb), kWeb);
}

TEST_F(NamesTest, ServersThatSpeakFirstAreHeardAtOnce) {
  const std::string id = CreateOci(Allowlist({"echo.example.com"}));
  const ExecResult banner = Run(id, {"bash", "-c",
                                     "start=$(date +%s%N); exec 3<>/dev/tcp/echo.example.com/22; head -c 11 <&3;"
                                     "echo; echo $((($(date +%s%N) - start) / 1000000))"});
  EXPECT_THAT(banner.out, HasSubstr("SSH-2.0-lab\n")) << banner.err;
  int milliseconds = -1;
  EXPECT_TRUE(absl::SimpleAtoi(banner.out.substr(banner.out.find('\n') + 1), &milliseconds)) << banner.out;
  EXPECT_LT(milliseconds, 1000);
  // What the guest says then goes by the address.
  EXPECT_EQ(Run(id, TcpConnect("echo.example.com", 7)).out, "ping\n");
  EXPECT_EQ(Run(id, TcpConnect(kWeb, 80)).out, "ECONNREFUSED\n");
}

TEST_F(NamesTest, AHelloWithoutANameEndsAFlowThatItsNameAllowed) {
  const std::string id = CreateOci(Allowlist({"web.example.com"}));
  const auto hello = [](const std::string& option) -> Command {
    return {"bash", "-c",
            absl::StrCat("openssl s_client -4 -connect web.example.com:443 -brief ", option, " </dev/null 2>&1")};
  };
  ExpectEnded(id, hello("-noservername"), kWeb);
  AwaitEnd(id, kWeb, v1::Verdict::REASON_NAME_MISMATCH, "");
  EXPECT_THAT(Run(id, hello("-servername web.example.com")).out, HasSubstr("CONNECTION ESTABLISHED"));
}

TEST_F(NamesTest, ARequestInPiecesIsPutTogether) {
  // Nagle's algorithm keeps the second piece back until the first is acknowledged.
  constexpr absl::string_view kPieces = R"(
import socket, sys
s = socket.create_connection(('web.example.com', 80), 5)
for piece in (b'GET /hello HT', b'TP/1.1\r\nHo', b'st: ' + sys.argv[1].encode(), b'\r\nConnection: close\r\n\r\n'):
    s.send(piece)
print(s.recv(65536).decode())
)";
  const std::string id = CreateOci(Allowlist({"web.example.com"}));
  EXPECT_THAT(Run(id, Python(kPieces, {"web.example.com"})).out, HasSubstr("hello from the web"));
  const ExecResult other = Run(id, Python(kPieces, {"other.example.com"}));
  EXPECT_THAT(other.out, Not(HasSubstr("hello")));
  EXPECT_THAT(other.err, HasSubstr("Error"));
}

// A QUIC client's first datagram to `address`: prints "sent", and the errno of the
// second send, which an ICMP error that came back fails.
Command QuicHello(const std::string& address, const std::string& server_name) {
  constexpr absl::string_view kSend = R"(
import errno, select, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 443))
s.send(bytes.fromhex(sys.argv[2]))
print('sent')
poll = select.poll()
poll.register(s, 0)
if poll.poll(500):
    print(errno.errorcode[s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])
)";
  flow::InitialPacket initial;
  initial.frames = flow::CryptoFrame(0, flow::RealHandshake({.server_name = server_name}));
  const flow::Bytes bytes = flow::Seal(initial);
  return Python(kSend, {address, absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), bytes.size()})});
}

TEST_F(NamesTest, QuicIsHeldToNamesToo) {
  const std::string id = CreateOci(Allowlist({"cdn-a.test"}));
  EXPECT_EQ(Run(id, Dig("8.8.8.8", "cdn-a.test")).out, absl::StrCat(kShared, "\n"));
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  EXPECT_EQ(Run(id, QuicHello(kShared, "cdn-b.test")).out, "sent\nEHOSTUNREACH\n");
  AwaitEnd(id, kShared, v1::Verdict::REASON_NAME_MISMATCH, "cdn-b.test");
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, kShared, 443), 0);
  // Nobody listens there; but it arrives.
  EXPECT_THAT(Run(id, QuicHello(kShared, "cdn-a.test")).out, HasSubstr("sent"));
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, kShared, 443), 1);
}

TEST_F(NamesTest, AddressesThatWereNotResolvedAreRefusedWhereTheyMustBe) {
  const std::string id = Create("guest { oci {} } network { dns { require_resolved_addresses: true } }");
  const std::string by_address = absl::StrCat("http://", kWeb, "/hello");
  EXPECT_EQ(Run(id, Curl4(by_address)).code, kCurlCannotConnect);
  AwaitEvent(id, Denied(kWeb, 80, v1::Verdict::REASON_NOT_RESOLVED));
  ExpectPage(id, Curl4("http://web.example.com/hello"), kWeb, 80);
  ExpectPage(id, Curl4(by_address), kWeb, 80);
  const std::string by_other_address = absl::StrCat("http://", kShared, "/hello");
  EXPECT_EQ(Run(id, Curl4(by_other_address)).code, kCurlCannotConnect);
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '93.184.216.0/24' } }");
  ExpectPage(id, Curl4(by_other_address), kShared, 80);
}

TEST_F(NamesTest, AChangedPolicyForgetsTheNamesThatItDenies) {
  const std::string id = CreateOci(Allowlist({"cdn-a.test", "cdn-b.test"}));
  ExpectPage(id, Curl4("https://cdn-a.test/hello"), kShared);
  ExpectPage(id, Curl4("https://cdn-b.test/hello"), kShared);
  SetPolicy(id, Allowlist({"cdn-a.test"}));
  ExpectPage(id, CurlAt("cdn-a.test", kShared), kShared);
  ExpectEnded(id, CurlAt("cdn-b.test", kShared), kShared);
  SetPolicy(id, Allowlist({"web.example.com"}));
  EXPECT_EQ(Run(id, CurlAt("cdn-a.test", kShared)).code, kCurlCannotConnect);
}

}  // namespace
}  // namespace sluice::e2e
