// How long a name leads to an address. The times here are the product's own: a pair
// lives for a minute at least, so what needs it to be over waits for that together.

#include <netinet/in.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/dns/bindings.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;
using testing::ElementsAre;

constexpr char kWeb[] = "93.184.216.34";
constexpr char kEcho[] = "198.35.26.96";
constexpr char kInternal[] = "10.1.2.3";
constexpr char kSilentResolver[] = "149.112.112.13";
// TTL 1 in the lab's zones.
constexpr char kShort[] = "short.test";
constexpr char kShortEcho[] = "short-echo.test";

std::string AllowName(const std::string& name, const std::string& id = "names") {
  return absl::StrCat("preset: PRESET_ALLOWLIST rules { id: '", id, "' action: ACTION_ALLOW peers { domain: '", name,
                      "' } }");
}

Command Page(const std::string& name) {
  Command command = Curl(absl::StrCat("http://", name, "/hello"));
  command.insert(command.end() - 1, "--ipv4");
  return command;
}

// As a client that has kept the address.
Command PageAt(const std::string& name, const std::string& address) {
  Command command = Page(name);
  command.insert(command.end() - 1, {"--resolve", absl::StrCat(name, ":80:", address)});
  return command;
}

class BindingLifeTest : public E2eTest {
 protected:
  // How often the lab's resolver was asked for the addresses of a name.
  static int Asked(const std::string& name) {
    const absl::StatusOr<int> seen = lab().RequestsSeen("dns", absl::StrCat(" ", name, ". A IN"));
    EXPECT_TRUE(seen.ok()) << seen.status();
    return seen.value_or(-1);
  }

  static void ExpectWeb(const std::string& id, const Command& probe) {
    const ExecResult result = Run(id, probe);
    EXPECT_EQ(result.out, kWebPage) << result.err;
  }

  // A probe of the web server's port that is refused, and of which nothing arrives.
  static void ExpectRefused(const std::string& id, const Command& probe) {
    const auto sniffer = Sniff(Sniffer::Where::kInternet);
    ASSERT_NE(sniffer, nullptr);
    EXPECT_EQ(Run(id, probe).code, kCurlCannotConnect);
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, kWeb, 80), 0);
  }

  static void ExpectLine(GuestExec& program, const std::string& line) {
    const absl::StatusOr<std::string> read = program.ReadLine();
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, line);
  }

  static constexpr char kWebPage[] = "hello from the web\n";
};

TEST_F(BindingLifeTest, AFlippingNameLeadsWhereItsAllowedAnswersSaid) {
  const std::string id = CreateOci(AllowName("*.flip.test"));
  const auto lan = Sniff(Sniffer::Where::kLan);
  ASSERT_NE(lan, nullptr);
  ExpectWeb(id, Page("a.flip.test"));
  EXPECT_EQ(Asked("a.flip.test"), 1) << "nobody asks again between the answer and the flow";
  // Private now, and TTL 0: asked for each time.
  EXPECT_EQ(Run(id, Page("a.flip.test")).code, kCurlCannotResolve);
  EXPECT_EQ(Asked("a.flip.test"), 2);
  AwaitEvent(id, DnsQuery("a.flip.test", v1::Verdict::REASON_DNS_REBINDING));
  ExpectWeb(id, PageAt("a.flip.test", kWeb));
  EXPECT_EQ(Run(id, PageAt("a.flip.test", kInternal)).code, kCurlCannotConnect);
  AwaitEvent(id, Denied(kInternal, 80, v1::Verdict::REASON_DEFAULT));
  EXPECT_EQ(Arrived(*lan, IPPROTO_TCP, kInternal, 80), 0);

  const std::string trusts = Create(absl::StrCat("guest { oci {} } network { policy { ", AllowName("*.flip.test"),
                                                 " } dns { rebinding_protection: false } }"));
  ExpectWeb(trusts, Page("b.flip.test"));
  EXPECT_EQ(Run(trusts, PageAt("b.flip.test", kInternal)).code, kCurlCannotConnect) << "it does not lead there yet";
  EXPECT_EQ(Arrived(*lan, IPPROTO_TCP, kInternal, 80), 0);
  EXPECT_EQ(Run(trusts, Page("b.flip.test")).out, "internal service\n");
  EXPECT_EQ(Run(trusts, PageAt("b.flip.test", kInternal)).out, "internal service\n");
  ExpectWeb(trusts, PageAt("b.flip.test", kWeb));
  EXPECT_GT(Arrived(*lan, IPPROTO_TCP, kInternal, 80), 0);
}

TEST_F(BindingLifeTest, WhenItsTimeIsOverANameIsResolvedAgain) {
  const std::string keeps = CreateOci(AllowName(kShort));
  const std::string moves = CreateOci(AllowName("moves.flip.test"));
  const std::string silent = CreateOci(AllowName(kShort));
  const std::string lives = CreateOci(AllowName(kShortEcho));
  for (const std::string& id : {keeps, silent}) ExpectWeb(id, Page(kShort));
  ExpectWeb(moves, Page("moves.flip.test"));
  GuestExec dialogue(client(), lives, TcpDialogue(kShortEcho, 7), 2 * kCallTimeout);
  ExpectLine(dialogue, "open");
  const absl::Time over = absl::Now() + dns::Bindings::kMinLife + absl::Seconds(1);
  const int asked = Asked(kShort);
  ExpectWeb(keeps, PageAt(kShort, kWeb));
  ExpectWeb(moves, PageAt("moves.flip.test", kWeb));
  EXPECT_EQ(Asked(kShort), asked) << "not as long as it lives";
  absl::SleepFor(over - absl::Now());

  {
    SCOPED_TRACE("a client that kept the address goes on");
    ExpectWeb(keeps, PageAt(kShort, kWeb));
    EXPECT_EQ(Asked(kShort), asked + 1);
    ExpectWeb(keeps, PageAt(kShort, kWeb));
    EXPECT_EQ(Asked(kShort), asked + 1) << "it lives again";
  }
  {
    SCOPED_TRACE("a name that moved away stops matching");
    ExpectRefused(moves, PageAt("moves.flip.test", kWeb));
    EXPECT_EQ(Asked("moves.flip.test"), 2);
    AwaitEvent(moves, Denied(kWeb, 80, v1::Verdict::REASON_DEFAULT));
    SetPolicy(moves, absl::StrCat(AllowName("moves.flip.test"),
                                  " rules { action: ACTION_ALLOW peers { cidr: '93.184.216.34' } }"));
    ExpectWeb(moves, PageAt("moves.flip.test", kWeb));
  }
  {
    SCOPED_TRACE("where nobody answers nothing is taken for granted");
    Update(silent, absl::StrCat("network { dns { nameservers: '", kSilentResolver, "' } }"), "paths: 'network.dns'");
    ExpectRefused(silent, PageAt(kShort, kWeb));
    const v1::AuditEvent denied = AwaitEvent(silent, Denied(kWeb, 80, v1::Verdict::REASON_RESOLUTION_FAILED));
    EXPECT_THAT(denied.flow().domains(), ElementsAre(kShort));
    Update(silent, "", "paths: 'network.dns'");
    ExpectWeb(silent, PageAt(kShort, kWeb));
  }
  {
    SCOPED_TRACE("a flow outlives the time of its name");
    dialogue.Write("still\n");
    ExpectLine(dialogue, "still");
    EXPECT_EQ(SetPolicy(lives, AllowName("*.test", "wider")).flows_closed(), 0u);
    dialogue.Write("allowed\n");
    ExpectLine(dialogue, "allowed");
    EXPECT_EQ(Run(lives, TcpConnect(kEcho, 7)).out, "ping\n") << "resolved again for this one";
    EXPECT_EQ(SetPolicy(lives, AllowName(kShort)).flows_closed(), 1u);
    ExpectLine(dialogue, "ECONNRESET");
    EXPECT_EQ(Run(lives, TcpConnect(kEcho, 7)).out, "ECONNREFUSED\n");
  }
}

}  // namespace
}  // namespace sluice::e2e
