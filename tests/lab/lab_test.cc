#include "tests/lab/lab.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/lab/process.h"

namespace sluice::lab {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAreArray;

// One lab for the tests that only look.
class LabTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto lab = Lab::Create();
    ASSERT_TRUE(lab.ok()) << lab.status();
    lab_ = std::move(lab)->release();
  }
  static void TearDownTestSuite() {
    delete lab_;
    lab_ = nullptr;
  }

  // What a command prints on the lab host; its failure fails the test.
  static std::string Output(const std::vector<std::string>& argv) {
    const auto result = lab_->RunInHost(argv);
    if (!result.ok()) {
      ADD_FAILURE() << result.status();
      return "";
    }
    EXPECT_EQ(result->exit_code, 0) << absl::StrJoin(argv, " ") << ": " << result->err;
    return result->out;
  }

  static std::string Curl(const std::string& url) {
    return Output({"curl", "--silent", "--show-error", "--globoff", "--max-time", "10", url});
  }

  // The answer's records, or its status where there are none.
  static std::vector<std::string> Dig(const std::string& resolver, const std::string& name, const std::string& type) {
    const std::string out = Output({"dig", absl::StrCat("@", resolver), "+time=10", "+tries=1", "+noall", "+answer",
                                    "+comments", name, type});
    std::vector<std::string> records;
    std::string status;
    for (absl::string_view line : absl::StrSplit(out, '\n', absl::SkipEmpty())) {
      const size_t at = line.find("status: ");
      if (at != absl::string_view::npos) status = std::string(line.substr(at + 8, line.find(',', at) - at - 8));
      if (absl::StartsWith(line, ";")) continue;
      // Name, TTL, class, type, then the data.
      const std::vector<std::string> fields = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
      records.push_back(absl::StrJoin(fields.begin() + 4, fields.end(), " "));
    }
    return records.empty() ? std::vector<std::string>{status} : records;
  }

  static Lab* lab_;
};

Lab* LabTest::lab_ = nullptr;

TEST_F(LabTest, ServesTheWebByEveryAddress) {
  for (const char* address : {"93.184.216.34", "93.184.216.35", "[2606:2800:220:1::1]", "[2606:2800:220:1::35]"}) {
    EXPECT_EQ(Curl(absl::StrCat("http://", address, "/hello")), "hello from the web\n");
    EXPECT_EQ(Curl(absl::StrCat("https://", address, "/hello")), "hello from the web\n");
  }
}

TEST_F(LabTest, ServesTheWebByName) {
  EXPECT_EQ(Curl("http://v4only.example.com/ip"), "203.0.112.7\n");
  EXPECT_EQ(Curl("http://v6only.example.com/ip"), "2606:2800:300::7\n");
  for (const char* name : {"web.example.com", "other.example.com", "cdn-a.test", "cdn-b.test", "cname.test"}) {
    EXPECT_EQ(Curl(absl::StrCat("https://", name, "/sni")), absl::StrCat(name, "\n"));
  }
}

TEST_F(LabTest, ServesTenMegabytes) {
  EXPECT_EQ(Curl("http://web.example.com/big").size(), 10u << 20);
}

TEST_F(LabTest, ServesTheLan) {
  for (const char* address : {"10.1.2.3", "192.168.77.1", "172.20.0.1", "100.64.1.1", "[fd00:10::3]"}) {
    EXPECT_EQ(Curl(absl::StrCat("http://", address, "/")), "internal service\n");
  }
  for (const char* address :
       {"169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "[fd00:ec2::254]"}) {
    EXPECT_EQ(Curl(absl::StrCat("http://", address, "/")), "metadata\n");
  }
}

TEST_F(LabTest, ServesOnTheHostItself) {
  for (const char* address : {"127.0.0.1", "[::1]", "203.0.112.7"}) {
    EXPECT_EQ(Curl(absl::StrCat("http://", address, ":8080/")), "host service\n");
  }
}

TEST_F(LabTest, EchoesAndGreets) {
  for (const char* address : {"198.35.26.96", "2606:2800:220:1::7", "10.1.2.3", "fd00:ec2::254"}) {
    for (const char* protocol : {"tcp", "udp"}) {
      const std::string dialogue =
          absl::StrCat("exec 3<>/dev/", protocol, "/", address, "/7 && echo ping >&3 && head -c 5 <&3");
      EXPECT_EQ(Output({"bash", "-c", dialogue}), "ping\n") << address << " " << protocol;
    }
    EXPECT_EQ(Output({"bash", "-c", absl::StrCat("head -n 1 </dev/tcp/", address, "/22")}), "SSH-2.0-lab\r\n");
  }
}

TEST_F(LabTest, EchoesHundredsAtOnce) {
  constexpr char kDialogue[] = R"py(
import socket
socks = [socket.create_connection(('198.35.26.96', 7), 20) for _ in range(500)]
for s in socks: s.sendall(b'ping')
assert all(s.recv(4) == b'ping' for s in socks)
)py";
  Output({"/usr/bin/python3", "-c", kDialogue});
}

TEST_F(LabTest, AnswersPingWithoutPrivileges) {
  Output({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "ping", "-c1", "-W10", "1.1.1.1"});
  Output({"ping", "-c1", "-W10", "2606:4700:4700::1111"});
}

struct DnsCase {
  const char* name;
  const char* type;
  std::vector<std::string> records;
};

TEST_F(LabTest, AnswersEachName) {
  const std::vector<DnsCase> cases = {
      {"web.example.com", "A", {"93.184.216.34"}},
      {"web.example.com", "AAAA", {"2606:2800:220:1::1"}},
      {"other.example.com", "A", {"93.184.216.35"}},
      {"cdn-a.test", "A", {"93.184.216.35"}},
      {"cdn-b.test", "A", {"93.184.216.35"}},
      {"rebind.test", "A", {"10.1.2.3"}},
      {"rebind-meta.test", "A", {"169.254.169.254"}},
      {"rebind-host.test", "A", {"203.0.112.7"}},
      {"rebind6.test", "AAAA", {"fd00:10::3"}},
      {"mixed.test", "A", {"93.184.216.34", "10.1.2.3"}},
      {"nat64.test", "AAAA", {"64:ff9b::a01:203"}},
      {"mapped.test", "AAAA", {"::ffff:10.1.2.3"}},
      {"cname.test", "A", {"web.example.com.", "93.184.216.34"}},
      {"cname-to-blocked.test", "A", {"blocked.test.", "93.184.216.34"}},
      {"cname-rebind.test", "A", {"rebind.test.", "10.1.2.3"}},
      {"hints.test", "HTTPS", {"1 . alpn=\"h2\" ipv4hint=10.1.2.3"}},
      {"noaaaa.test", "AAAA", {"NOERROR"}},
      {"nx.test", "A", {"NXDOMAIN"}},
      {"nowhere.invalid-tld", "A", {"NXDOMAIN"}},
      {"slow.test", "A", {"93.184.216.34"}},
      {"any.wild.test", "A", {"93.184.216.34"}},
  };
  for (const DnsCase& c : cases) {
    EXPECT_THAT(Dig("1.1.1.1", c.name, c.type), UnorderedElementsAreArray(c.records)) << c.name << " " << c.type;
  }
}

TEST_F(LabTest, AnswersAtEachResolver) {
  for (const char* resolver : {"1.1.1.1", "8.8.8.8", "9.9.9.9", "2606:2800:220:1::53", "2606:4700:4700::1111"}) {
    EXPECT_EQ(Dig(resolver, "v4only.example.com", "A"), std::vector<std::string>{"93.184.216.34"});
    EXPECT_EQ(Output({"dig", "+short", "+tcp", absl::StrCat("@", resolver), "v4only.example.com"}), "93.184.216.34\n");
  }
}

TEST_F(LabTest, FlipsFromPublicToPrivate) {
  for (const char* address : {"93.184.216.34", "10.1.2.3", "93.184.216.34"}) {
    EXPECT_EQ(Dig("1.1.1.1", "here.flip.test", "A"), std::vector<std::string>{address});
  }
  EXPECT_THAT(Output({"dig", "@1.1.1.1", "ttl.flip.test"}), HasSubstr("ttl.flip.test.\t\t0\tIN\tA"));
}

TEST_F(LabTest, NeedsTcpForABigAnswer) {
  EXPECT_EQ(Dig("1.1.1.1", "big.test", "A").size(), 150u);
  EXPECT_THAT(Output({"dig", "+ignore", "@1.1.1.1", "big.test"}), HasSubstr("flags: qr tc"));
}

TEST_F(LabTest, PutsAPrivateAddressBesideTheAnswer) {
  const std::string out = Output({"dig", "@1.1.1.1", "priv-additional.test", "MX", "+noall", "+additional"});
  EXPECT_THAT(out, HasSubstr("10.1.2.3"));
}

TEST_F(LabTest, MisbehavesWhereAsked) {
  EXPECT_EQ(Dig("8.8.4.4", "refused.test", "A"), std::vector<std::string>{"REFUSED"});
  EXPECT_EQ(Dig("149.112.112.11", "web.example.com", "A"), std::vector<std::string>{"REFUSED"});
  EXPECT_EQ(Dig("149.112.112.12", "web.example.com", "A"), std::vector<std::string>{"SERVFAIL"});
  const auto silence = lab_->RunInHost({"dig", "+time=1", "+tries=1", "@149.112.112.13", "web.example.com"});
  ASSERT_TRUE(silence.ok()) << silence.status();
  EXPECT_EQ(silence->exit_code, 9);  // dig's own: no reply.
}

TEST_F(LabTest, LogsWhatArrives) {
  Curl("http://10.1.2.3/by-this-mark");
  EXPECT_TRUE(lab_->AwaitRequests("internal", 1, "by-this-mark").ok());
  EXPECT_EQ(lab_->RequestsSeen("web", "by-this-mark").value(), 0);
  Dig("1.1.1.1", "logged.wild.test", "A");
  EXPECT_EQ(lab_->RequestsSeen("dns", "logged.wild.test").value(), 1);
  EXPECT_EQ(lab_->RequestsSeen("no-such-service").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(LabTest, GivesResolversAndCaToCommands) {
  EXPECT_EQ(Output({"cat", "/etc/resolv.conf"}), "nameserver 1.1.1.1\nnameserver 9.9.9.9\n");
  EXPECT_EQ(Output({"printenv", "SSL_CERT_FILE"}), lab_->Path("tls/ca.pem") + "\n");
}

// --- labs of their own --------------------------------------------------------

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

// Processes whose command line names the lab's run directory.
std::string ProcessesOf(const std::string& run_dir) {
  const auto found = RunCommand({"pgrep", "--full", "--list-full", run_dir}, Lab::kCommandTimeout);
  return found.ok() ? found->out : found.status().ToString();
}

TEST(LabLifeTest, StartsTwiceAtOnceAndLeavesNothing) {
  auto first = Lab::Create();
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = Lab::Create();
  ASSERT_TRUE(second.ok()) << second.status();
  // A program of the test's own goes too.
  auto daemon = (*first)->Spawn(Ns::kLan, {"cat", "/dev/zero"});
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  EXPECT_NE(ProcessesOf((*first)->Path("")), "");

  ASSERT_TRUE((*first)->Down().ok());
  EXPECT_FALSE(Exists((*first)->Path("")));
  for (Ns ns : {Ns::kHost, Ns::kInet, Ns::kLan}) EXPECT_FALSE(Exists((*first)->NetnsPath(ns)));
  EXPECT_EQ(ProcessesOf((*first)->Path("")), "");
  EXPECT_TRUE((*daemon)->Wait(Lab::kCommandTimeout).ok());

  const auto still = (*second)->RunInHost({"curl", "--silent", "http://web.example.com/hello"});
  ASSERT_TRUE(still.ok()) << still.status();
  EXPECT_EQ(still->out, "hello from the web\n");
}

TEST(LabLifeTest, ClosesPingSocketsWhereAsked) {
  auto lab = Lab::Create({.script_dir = "", .ping_sockets = false});
  ASSERT_TRUE(lab.ok()) << lab.status();
  const auto range = (*lab)->RunInHost({"sysctl", "-n", "net.ipv4.ping_group_range"});
  ASSERT_TRUE(range.ok()) << range.status();
  EXPECT_EQ(range->out, "1\t0\n");
}

TEST(LabLifeTest, SweepsAwayWhatACrashLeft) {
  const std::string scripts = absl::StrCat(getenv("TEST_SRCDIR"), "/", getenv("TEST_WORKSPACE"), "/tests/lab/");
  const std::string name = absl::StrCat("orphan-", getpid());
  // Its owner is the shell, which is gone at once.
  const auto up = RunCommand({"sh", "-c", absl::StrCat("SLUICE_LAB_OWNER=$$ ", scripts, "up ", name, "; true")},
                             absl::Minutes(1));
  ASSERT_TRUE(up.ok()) << up.status();
  ASSERT_EQ(up->exit_code, 0) << up->err;
  ASSERT_TRUE(Exists(absl::StrCat("/run/sluice-lab/", name)));

  auto next = Lab::Create();
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_FALSE(Exists(absl::StrCat("/run/sluice-lab/", name)));
  EXPECT_FALSE(Exists(absl::StrCat("/run/netns/sluice-lab-", name, "-host")));
  EXPECT_EQ(ProcessesOf(absl::StrCat("/run/sluice-lab/", name, "/")), "");
}

}  // namespace
}  // namespace sluice::lab
