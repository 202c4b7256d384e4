// Names, as a guest's own programs ask for them.

#include <netinet/in.h>
#include <stdlib.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using testing::HasSubstr;

constexpr char kWebAddress[] = "93.184.216.34\n";

class DnsTest : public E2eTest {
 protected:
  std::string CreateWithDns(absl::string_view dns) {
    return Create(absl::StrCat("guest { oci {} } network { dns { ", dns, " } }"));
  }

  // How often the lab's resolver was asked for a name.
  static int Asked(const std::string& name) {
    const absl::StatusOr<int> seen = lab().RequestsSeen("dns", absl::StrCat(" ", name, ". "));
    EXPECT_TRUE(seen.ok()) << seen.status();
    return seen.value_or(-1);
  }

  static std::string Status(const std::string& id, const std::string& name, const std::string& type = "A") {
    return Run(id, DigStatus("8.8.8.8", name, type)).out;
  }
};

TEST_F(DnsTest, AnswersForEveryResolver) {
  const std::string id = CreateOci("");
  for (const char* resolver : {"8.8.8.8", "1.1.1.1", "10.0.2.3", "192.168.77.1", "2606:4700:4700::1111"}) {
    SCOPED_TRACE(resolver);
    EXPECT_EQ(Run(id, Dig(resolver, "v4only.example.com")).out, kWebAddress);
    EXPECT_EQ(Run(id, Dig(resolver, "v4only.example.com", "A", /*tcp=*/true)).out, kWebAddress);
  }
  const v1::AuditEvent event =
      AwaitEvent(id, [](const v1::AuditEvent& e) { return e.dns().name() == "v4only.example.com"; });
  EXPECT_EQ(event.dns().type(), "A");
  EXPECT_EQ(event.dns().response_code(), "NOERROR");
  EXPECT_THAT(event.dns().addresses(), testing::ElementsAre("93.184.216.34"));
  EXPECT_EQ(event.dns().verdict().action(), v1::ACTION_ALLOW);
}

TEST_F(DnsTest, AnswersTheGuestsOwnResolver) {
  const std::string id = CreateOci("");
  EXPECT_THAT(Run(id, {"getent", "ahostsv4", "web.example.com"}).out, HasSubstr("93.184.216.34"));
  EXPECT_THAT(Run(id, {"getent", "ahostsv6", "v6only.example.com"}).out, HasSubstr("2606:2800:220:1::1"));
  EXPECT_EQ(Run(id, Curl("http://cname.test/host")).out, "cname.test\n");
  EXPECT_EQ(Run(id, Dig("8.8.8.8", "web.example.com", "AAAA")).out, "2606:2800:220:1::1\n");
  EXPECT_EQ(Status(id, "nx.test"), "NXDOMAIN\n");
}

TEST_F(DnsTest, TruncatesOverUdpAndAnswersWholeOverTcp) {
  const std::string id = CreateOci("");
  const ExecResult big = Run(id, {"bash", "-c", "dig @8.8.8.8 +time=5 +short big.test A | wc -l"});
  EXPECT_EQ(big.out, "150\n");
}

TEST_F(DnsTest, NamesTheGateway) {
  const std::string id = CreateOci("");
  EXPECT_EQ(Run(id, Dig("8.8.8.8", "host.sluice.internal")).out, "10.0.2.2\n");
  EXPECT_EQ(Run(id, Dig("8.8.8.8", "host.sluice.internal", "AAAA")).out, "fd73:6c75:6963:1::2\n");
  EXPECT_EQ(Asked("host.sluice.internal"), 0);
}

TEST_F(DnsTest, BlocksNamesAndSuffixes) {
  const std::string exact = CreateWithDns("blocked_domains: 'blocked.test'");
  const std::string suffix = CreateWithDns("blocked_domains: '*.blocked.test'");
  const std::string neither = CreateOci("");
  EXPECT_EQ(Status(exact, "blocked.test"), "NXDOMAIN\n");
  EXPECT_EQ(Status(exact, "BLOCKED.test"), "NXDOMAIN\n");
  EXPECT_EQ(Status(suffix, "blocked.test"), "NXDOMAIN\n");
  EXPECT_EQ(Status(suffix, "sub.blocked.test"), "NXDOMAIN\n");
  EXPECT_EQ(Asked("blocked.test"), 0);
  EXPECT_EQ(Asked("sub.blocked.test"), 0);
  EXPECT_EQ(Run(exact, Curl("http://blocked.test/hello")).code, kCurlCannotResolve);
  AwaitEvent(exact, DnsQuery("blocked.test", v1::Verdict::REASON_DNS_BLOCKED));
  EXPECT_EQ(Status(exact, "cname-to-blocked.test"), "NXDOMAIN\n");

  EXPECT_EQ(Run(exact, Dig("8.8.8.8", "sub.blocked.test")).out, kWebAddress);
  EXPECT_EQ(Run(neither, Dig("8.8.8.8", "blocked.test")).out, kWebAddress);
  EXPECT_GT(Asked("blocked.test"), 0);
}

TEST_F(DnsTest, RefusesRebinding) {
  const std::string protects = CreateOci("");
  const std::string trusts = CreateWithDns("rebinding_protection: false");
  for (const char* name : {"rebind.test", "mixed.test", "rebind-meta.test", "rebind-loop.test", "rebind-host.test",
                           "cname-rebind.test"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(Status(protects, name), "NXDOMAIN\n");
    AwaitEvent(protects, DnsQuery(name, v1::Verdict::REASON_DNS_REBINDING));
    EXPECT_EQ(Status(trusts, name), "NOERROR\n");
  }
  for (const char* name : {"rebind6.test", "mapped.test", "nat64.test", "6to4.test"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(Status(protects, name, "AAAA"), "NXDOMAIN\n");
    EXPECT_EQ(Status(trusts, name, "AAAA"), "NOERROR\n");
  }
  EXPECT_EQ(Status(protects, "hints.test", "HTTPS"), "NXDOMAIN\n");
  EXPECT_EQ(Run(protects, Dig("8.8.8.8", "nat64-public.test", "AAAA")).out, "64:ff9b::5db8:d822\n");
  // The name is no way round the policy either.
  EXPECT_EQ(Run(trusts, Curl("http://rebind.test/")).code, kCurlCannotConnect);
}

TEST_F(DnsTest, RebindingPassesWhereARuleAllowsTheAddress) {
  const std::string id = CreateOci("rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3' } }");
  EXPECT_EQ(Run(id, Curl("http://rebind.test/")).out, "internal service\n");
  EXPECT_EQ(Status(id, "rebind-lan.test"), "NXDOMAIN\n");
}

TEST_F(DnsTest, GoesOnToTheNextResolver) {
  for (const char* first : {"149.112.112.13", "149.112.112.11", "149.112.112.12"}) {
    SCOPED_TRACE(first);
    const std::string id = CreateWithDns(
        absl::StrCat("nameservers: '", first, "' nameservers: '1.1.1.1' query_timeout { seconds: 1 }"));
    EXPECT_EQ(Run(id, Dig("8.8.8.8", "v4only.example.com")).out, kWebAddress);
  }
}

TEST_F(DnsTest, SaysServfailWhereNoResolverAnswers) {
  const std::string id = CreateWithDns("nameservers: '149.112.112.13' query_timeout { seconds: 1 }");
  EXPECT_EQ(Status(id, "v4only.example.com"), "SERVFAIL\n");
}

TEST_F(DnsTest, FollowsTheHostsResolvConf) {
  const std::string path = absl::StrCat(getenv("TEST_TMPDIR"), "/resolv.conf");
  ASSERT_TRUE(WriteFile(path, "nameserver 149.112.112.12\n").ok());
  ServerProcess::Options options;
  options.resolv_conf = path;
  auto second = ServerProcess::Start(lab(), options);
  ASSERT_TRUE(second.ok()) << second.status();
  SandboxClient client((*second)->unix_address());
  const absl::StatusOr<v1::Sandbox> sandbox = client.Create(Proto<v1::Sandbox>("guest { oci {} }"));
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  const auto status = [&] { return RunInGuest(client, sandbox->id(), DigStatus("8.8.8.8", "v4only.example.com")); };
  EXPECT_EQ(status()->out, "SERVFAIL\n");
  ASSERT_TRUE(WriteFile(path, "nameserver 1.1.1.1\n").ok());
  // Nothing tells a client when the server has read the file: ask until then.
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  std::string last;
  while (last != "NOERROR\n" && absl::Now() < deadline) last = status()->out;
  EXPECT_EQ(last, "NOERROR\n");
  EXPECT_TRUE((*second)->Stop().ok());
}

}  // namespace
}  // namespace sluice::e2e
