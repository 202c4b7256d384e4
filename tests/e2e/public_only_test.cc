// The default policy, from inside a guest: what it reaches, and what it is
// refused. Each denial has its twin: one rule more, and the same probe succeeds.

#include <netinet/in.h>

#include <string>
#include <vector>

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

// Refused "at once": a guest that waits for a timeout of its own waits longer.
constexpr double kAtOnceSeconds = 1.0;

struct Refused {
  std::string address;
  uint16_t port;
  std::string page;
  Sniffer::Where where;
  std::string arrives_at;  // Empty: at `address`.
};

std::string Allowing(const std::string& address) {
  return absl::StrCat("preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '", address, "' } }");
}

double LastNumber(const std::string& text) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  double number = 1e9;
  if (!lines.empty() && !absl::SimpleAtod(lines.back(), &number)) ADD_FAILURE() << text;
  return number;
}

class PublicOnlyTest : public E2eTest {
 protected:
  // The probe is refused at once, and nothing of it arrives anywhere.
  static void ExpectRefused(const std::string& id, const Refused& to, Sniffer& sniffer) {
    ASSERT_TRUE(sniffer.Reset().ok());
    const ExecResult result = Run(id, TimedCurl(Url(to)));
    EXPECT_EQ(result.code, kCurlCannotConnect) << result.err;
    EXPECT_LT(LastNumber(result.out), kAtOnceSeconds);
    EXPECT_EQ(Arrived(sniffer, IPPROTO_TCP, ArrivesAt(to), to.port), 0);
    const v1::AuditEvent event =
        AwaitEvent(id, Denied(to.address, to.port, v1::Verdict::REASON_DEFAULT));
    EXPECT_EQ(event.flow().verdict().rule_id(), "default");
    EXPECT_GE(event.flow().count(), 1u);
  }

  static void ExpectReached(const std::string& id, const Refused& to, Sniffer& sniffer) {
    EXPECT_EQ(Run(id, Curl(Url(to))).out, to.page);
    EXPECT_GT(Arrived(sniffer, IPPROTO_TCP, ArrivesAt(to), to.port), 0);
  }

  static std::string Url(const Refused& to) {
    const bool v6 = absl::StrContains(to.address, ':');
    return absl::StrCat("http://", v6 ? "[" : "", to.address, v6 ? "]" : "", ":", to.port, "/");
  }
  static const std::string& ArrivesAt(const Refused& to) {
    return to.arrives_at.empty() ? to.address : to.arrives_at;
  }

  void ExpectRefusedUnlessAllowed(const std::vector<Refused>& all) {
    const std::string id = CreateOci("");
    for (const Refused& to : all) {
      SCOPED_TRACE(Url(to));
      const auto sniffer = Sniff(to.where);
      ASSERT_NE(sniffer, nullptr);
      ExpectRefused(id, to, *sniffer);
      SetPolicy(id, Allowing(to.address));
      ExpectReached(id, to, *sniffer);
      SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
    }
  }
};

TEST_F(PublicOnlyTest, IsTheDefault) {
  const absl::StatusOr<v1::Sandbox> sandbox = client().Get(Create("guest { oci {} }"));
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_EQ(sandbox->network().policy().preset(), v1::PRESET_PUBLIC_ONLY);
}

TEST_F(PublicOnlyTest, ReachesThePublicWeb) {
  const std::string id = CreateOci("");
  for (const char* host : {"web.example.com", "93.184.216.34", "v4only.example.com", "v6only.example.com",
                           "[2606:2800:220:1::1]"}) {
    SCOPED_TRACE(host);
    const ExecResult result = Run(id, Curl(absl::StrCat("http://", host, "/hello")));
    EXPECT_EQ(result.out, "hello from the web\n") << result.err;
  }
}

TEST_F(PublicOnlyTest, ReachesUdpAndIcmpEcho) {
  const std::string id = CreateOci("");
  for (const char* address : {"198.35.26.96", "2606:2800:220:1::7"}) {
    SCOPED_TRACE(address);
    EXPECT_EQ(Run(id, UdpEcho(address)).out, "ping\n");
    EXPECT_EQ(Run(id, TcpConnect(address, 7)).out, "ping\n");
    const ExecResult ping = Run(id, Ping(address));
    EXPECT_EQ(ping.code, 0) << ping.out << ping.err;
  }
}

TEST_F(PublicOnlyTest, RefusesThePrivateNetwork) {
  ExpectRefusedUnlessAllowed({{"10.1.2.3", 80, "internal service\n", Sniffer::Where::kLan, ""},
                              {"192.168.77.1", 80, "internal service\n", Sniffer::Where::kLan, ""},
                              {"172.20.0.1", 80, "internal service\n", Sniffer::Where::kLan, ""},
                              {"100.64.1.1", 80, "internal service\n", Sniffer::Where::kLan, ""},
                              {"fd00:10::3", 80, "internal service\n", Sniffer::Where::kLan, ""}});
}

TEST_F(PublicOnlyTest, RefusesMetadataServices) {
  ExpectRefusedUnlessAllowed({{"169.254.169.254", 80, "metadata\n", Sniffer::Where::kLan, ""},
                              {"168.63.129.16", 80, "metadata\n", Sniffer::Where::kLan, ""},
                              {"fd00:ec2::254", 80, "metadata\n", Sniffer::Where::kLan, ""}});
}

TEST_F(PublicOnlyTest, RefusesTheHost) {
  const std::string alias6 = "fd73:6c75:6963:1::2";
  ExpectRefusedUnlessAllowed({{"203.0.112.7", 8080, "host service\n", Sniffer::Where::kHostLoopback, ""},
                              {"10.0.2.2", 8080, "host service\n", Sniffer::Where::kHostLoopback, "127.0.0.1"},
                              {alias6, 8080, "host service\n", Sniffer::Where::kHostLoopback, "::1"}});
}

TEST_F(PublicOnlyTest, RefusesUdpAndIcmpToThePrivateNetwork) {
  const std::string id = CreateOci("");
  const auto sniffer = Sniff(Sniffer::Where::kLan);
  ASSERT_NE(sniffer, nullptr);
  for (const char* address : {"10.1.2.3", "fd00:10::3"}) {
    SCOPED_TRACE(address);
    const bool v6 = absl::StrContains(address, ':');
    const uint8_t icmp = v6 ? uint8_t{IPPROTO_ICMPV6} : uint8_t{IPPROTO_ICMP};
    EXPECT_EQ(Run(id, UdpEcho(address)).out, v6 ? "EACCES\n" : "EHOSTUNREACH\n");
    EXPECT_NE(Run(id, Ping(address)).code, 0);
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, address, 0), 0);
    EXPECT_EQ(Arrived(*sniffer, icmp, address, 0), 0);
    AwaitEvent(id, Denied(address, 7, v1::Verdict::REASON_DEFAULT));
    AwaitEvent(id, Denied(address, 0, v1::Verdict::REASON_DEFAULT));

    SetPolicy(id, Allowing(address));
    EXPECT_EQ(Run(id, UdpEcho(address)).out, "ping\n");
    EXPECT_EQ(Run(id, Ping(address)).code, 0);
    EXPECT_GT(Arrived(*sniffer, IPPROTO_UDP, address, 7), 0);
    EXPECT_GT(Arrived(*sniffer, icmp, address, 0), 0);
    SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  }
}

// An IPv6 address that carries an IPv4 one is judged as that.
TEST_F(PublicOnlyTest, JudgesCarriedAddresses) {
  const std::string id = CreateOci("");
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  for (const char* address : {"64:ff9b::a01:203", "2002:a01:203::1", "64:ff9b::a9fe:a9fe"}) {
    SCOPED_TRACE(address);
    EXPECT_EQ(Run(id, TcpConnect(address, 80)).out, "ECONNREFUSED\n");
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, address, 80), 0);
    AwaitEvent(id, Denied(address, 80, v1::Verdict::REASON_DEFAULT));
  }
  // 93.184.216.34 within: public, though nobody in the lab translates it.
  const std::string carried = "64:ff9b::5db8:d822";
  EXPECT_EQ(Run(id, Curl(absl::StrCat("http://[", carried, "]/"), 1)).code, kCurlTimedOut);
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, carried, 80), 0);
}

TEST_F(PublicOnlyTest, TellsTheGuestThatAPortIsClosed) {
  const std::string id = CreateOci("");
  const ExecResult result = Run(id, TimedCurl("http://93.184.216.34:81/"));
  EXPECT_EQ(result.code, kCurlCannotConnect) << result.err;
  EXPECT_EQ(Run(id, TcpConnect("93.184.216.34", 81)).out, "ECONNREFUSED\n");
  EXPECT_LT(LastNumber(result.out), kAtOnceSeconds);
}

}  // namespace
}  // namespace sluice::e2e
