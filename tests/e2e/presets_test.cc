// The other presets, the two ways to answer a denial, and what no policy allows.

#include <netinet/in.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;

constexpr char kHello[] = "hello from the web\n";
constexpr char kWeb[] = "http://93.184.216.34/hello";
constexpr char kOtherWeb[] = "http://93.184.216.35/hello";

class PresetsTest : public E2eTest {
 protected:
  static void ExpectPage(const std::string& id, const std::string& url, const std::string& page) {
    const ExecResult result = Run(id, Curl(url));
    EXPECT_EQ(result.out, page) << url << ": " << result.err;
  }
  static void ExpectRefused(const std::string& id, const std::string& url) {
    const ExecResult result = Run(id, Curl(url));
    EXPECT_EQ(result.code, kCurlCannotConnect) << url << ": " << result.err;
  }
};

TEST_F(PresetsTest, AllowAllReachesEverything) {
  const std::string id = CreateOci("preset: PRESET_ALLOW_ALL");
  ExpectPage(id, kWeb, kHello);
  for (const char* address : {"10.1.2.3", "192.168.77.1", "172.20.0.1", "[fd00:10::3]"}) {
    ExpectPage(id, absl::StrCat("http://", address, "/"), "internal service\n");
  }
  ExpectPage(id, "http://169.254.169.254/", "metadata\n");
  for (const char* host : {"203.0.112.7", "10.0.2.2", "[fd73:6c75:6963:1::2]", "host.sluice.internal"}) {
    ExpectPage(id, absl::StrCat("http://", host, ":8080/"), "host service\n");
  }
  EXPECT_EQ(Run(id, UdpEcho("10.1.2.3")).out, "ping\n");
  EXPECT_EQ(Run(id, Ping("10.1.2.3")).code, 0);
}

TEST_F(PresetsTest, NoGuestReachesTheServer) {
  const std::string id = CreateOci("preset: PRESET_ALLOW_ALL rules { action: ACTION_ALLOW }");
  const auto sniffer = Sniff(Sniffer::Where::kHostLoopback);
  ASSERT_NE(sniffer, nullptr);
  const uint16_t port = server().tcp_port();
  for (const char* alias : {"10.0.2.2", "fd73:6c75:6963:1::2", "203.0.112.7"}) {
    SCOPED_TRACE(alias);
    EXPECT_EQ(Run(id, TcpConnect(alias, port)).out, "ECONNREFUSED\n");
    AwaitEvent(id, Denied(alias, port, v1::Verdict::REASON_CONTROL_PLANE));
  }
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "127.0.0.1", port), 0);
  // The twin: another port of the same address.
  ExpectPage(id, "http://10.0.2.2:8080/", "host service\n");
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, "127.0.0.1", 8080), 0);
}

TEST_F(PresetsTest, NoneHasNoInterface) {
  const std::string id = CreateOci("preset: PRESET_NONE");
  const ExecResult links = Run(id, {"ip", "-j", "link"});
  const auto parsed = nlohmann::json::parse(links.out, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(parsed.is_array()) << links.out << links.err;
  ASSERT_EQ(parsed.size(), 1u) << links.out;
  EXPECT_EQ(parsed[0].value("ifname", ""), "lo");
  EXPECT_EQ(Run(id, {"echo", "it works"}).out, "it works\n");
  EXPECT_NE(Run(id, Curl(kWeb, 3)).code, 0);
}

TEST_F(PresetsTest, AllowlistAllowsItsRulesAlone) {
  const std::string id = CreateOci(
      "preset: PRESET_ALLOWLIST rules { id: 'web' action: ACTION_ALLOW peers { cidr: '93.184.216.34' }"
      "                                 protocols: PROTOCOL_TCP ports { first: 80 } }");
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  ExpectPage(id, kWeb, kHello);
  EXPECT_EQ(AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_OPENED, "93.184.216.34", 80)).flow().verdict().rule_id(),
            "web");

  ExpectRefused(id, kOtherWeb);
  ExpectRefused(id, "https://93.184.216.34/hello");
  EXPECT_EQ(Run(id, UdpEcho("198.35.26.96")).out, "EHOSTUNREACH\n");
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "93.184.216.35", 0), 0);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "93.184.216.34", 443), 0);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, "198.35.26.96", 0), 0);
  AwaitEvent(id, Denied("93.184.216.35", 80, v1::Verdict::REASON_DEFAULT));

  SetPolicy(id, "preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_PUBLIC } }");
  ExpectPage(id, kOtherWeb, kHello);
  EXPECT_EQ(Run(id, UdpEcho("198.35.26.96")).out, "ping\n");
}

TEST_F(PresetsTest, DenylistDeniesItsRulesToo) {
  const std::string id = CreateOci(
      "preset: PRESET_DENYLIST rules { id: 'other' action: ACTION_DENY peers { cidr: '93.184.216.35' } }");
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  ExpectPage(id, kWeb, kHello);
  ExpectRefused(id, kOtherWeb);
  ExpectRefused(id, "http://10.1.2.3/");
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "93.184.216.35", 0), 0);
  const v1::AuditEvent denied = AwaitEvent(id, Denied("93.184.216.35", 80, v1::Verdict::REASON_RULE));
  EXPECT_EQ(denied.flow().verdict().rule_id(), "other");
  AwaitEvent(id, Denied("10.1.2.3", 80, v1::Verdict::REASON_DEFAULT));

  SetPolicy(id, "preset: PRESET_DENYLIST");
  ExpectPage(id, kOtherWeb, kHello);
}

TEST_F(PresetsTest, TheFirstRuleThatMatchesDecides) {
  const std::string id = CreateOci(
      "preset: PRESET_PUBLIC_ONLY"
      " rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3' } ports { first: 80 } }"
      " rules { id: 'all' action: ACTION_DENY }");
  ExpectPage(id, "http://10.1.2.3/", "internal service\n");
  ExpectRefused(id, kWeb);
  EXPECT_EQ(AwaitEvent(id, Denied("93.184.216.34", 80, v1::Verdict::REASON_RULE)).flow().verdict().rule_id(), "all");
}

TEST_F(PresetsTest, DropIsSilent) {
  const std::string id = CreateOci("preset: PRESET_PUBLIC_ONLY deny_response: DENY_RESPONSE_DROP");
  const auto sniffer = Sniff(Sniffer::Where::kLan);
  ASSERT_NE(sniffer, nullptr);
  EXPECT_EQ(Run(id, Curl("http://10.1.2.3/", 2)).code, kCurlTimedOut);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "10.1.2.3", 0), 0);
  AwaitEvent(id, Denied("10.1.2.3", 80, v1::Verdict::REASON_DEFAULT));

  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY deny_response: DENY_RESPONSE_REJECT");
  ExpectRefused(id, "http://10.1.2.3/");
}

// DNS over TLS goes round the interceptor.
TEST_F(PresetsTest, RefusesDnsOverTlsUnlessARuleAllowsIt) {
  const std::string id = CreateOci("");
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  ASSERT_EQ(Run(id, TcpConnect("1.1.1.1", 853)).out, "ECONNREFUSED\n");
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "1.1.1.1", 853), 0);
  AwaitEvent(id, Denied("1.1.1.1", 853, v1::Verdict::REASON_PRESET));

  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW ports { first: 853 } }");
  Run(id, TcpConnect("1.1.1.1", 853));
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, "1.1.1.1", 853), 0);
}

}  // namespace
}  // namespace sluice::e2e
