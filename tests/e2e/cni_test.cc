// sluice-cni, called as container runtimes call it.

#include <netinet/in.h>
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr char kContainer[] = "2f1c4a9e8d7b6c5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c8b7a6f5e4d3c2b1a";

class CniTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    auto guest = lab::Process::Spawn({"unshare", "--net", "sh", "-c", "ip link set lo up && echo $$ && exec sleep infinity"}, {});
    ASSERT_TRUE(guest.ok()) << guest.status();
    guest_ = *std::move(guest);
    const auto pid = guest_->ReadLine(absl::Seconds(30));
    int number = 0;
    ASSERT_TRUE(pid.ok() && absl::SimpleAtoi(*pid, &number)) << pid.status();
    netns_ = absl::StrCat("/proc/", number, "/ns/net");
    config_ = {{"cniVersion", "1.0.0"}, {"name", "sandboxed"}, {"type", "sluice-cni"}, {"server", server().unix_address()}};
  }
  void TearDown() override {
    EXPECT_EQ(Plugin("DEL").exit_code, 0);
    E2eTest::TearDown();
  }

  lab::CommandResult Plugin(const std::string& command) { return PluginWith(command, netns_); }
  lab::CommandResult PluginWith(const std::string& command, const std::string& netns) {
    return RunOnHost({"env", absl::StrCat("CNI_COMMAND=", command), absl::StrCat("CNI_CONTAINERID=", kContainer),
                      absl::StrCat("CNI_NETNS=", netns), "CNI_IFNAME=net1", "CNI_PATH=/usr/lib/cni", "sh", "-c",
                      "printf '%s' \"$1\" | \"$0\"", Runfile("clients/cni/sluice-cni"), config_.dump()});
  }
  json Said(const std::string& command) {
    const lab::CommandResult result = Plugin(command);
    const json said = json::parse(result.out, nullptr, false);
    EXPECT_TRUE(said.is_object()) << result.out << result.err;
    return said.is_object() ? said : json::object();
  }
  int Code(const std::string& command) { return Said(command).value("code", 0); }

  lab::CommandResult Inside(Command command) {
    command.insert(command.begin(), {"nsenter", absl::StrCat("--net=", netns_), "--"});
    return RunOnHost(command);
  }

  std::unique_ptr<lab::Process> guest_;
  std::string netns_;
  json config_;
};

TEST_F(CniTest, AttachesChecksAndDetaches) {
  config_["policy"] = {{"preset", "PRESET_PUBLIC_ONLY"}};
  const json result = Said("ADD");
  EXPECT_EQ(result["cniVersion"], "1.0.0");
  EXPECT_EQ(result["interfaces"][0]["name"], "net1");
  EXPECT_EQ(result["ips"][0]["address"], "10.0.2.15/24");
  EXPECT_EQ(result["dns"]["nameservers"][0], "10.0.2.3");
  EXPECT_THAT(Inside({"ip", "-brief", "address"}).out, HasSubstr("10.0.2.15/24"));
  EXPECT_EQ(Inside(Curl("http://93.184.216.34/hello")).out, "hello from the web\n");
  EXPECT_EQ(Inside(Dig("10.0.2.3", "web.example.com")).out, "93.184.216.34\n");

  config_["prevResult"] = result;
  EXPECT_EQ(Plugin("CHECK").out, "");
  EXPECT_EQ(Plugin("CHECK").exit_code, 0);
  EXPECT_EQ(Inside({"ip", "link", "set", "net1", "name", "net2"}).exit_code, 0);
  EXPECT_EQ(Code("CHECK"), 101);
  EXPECT_EQ(Inside({"ip", "link", "set", "net2", "name", "net1"}).exit_code, 0);

  EXPECT_EQ(Plugin("DEL").exit_code, 0);
  EXPECT_THAT(Inside({"ip", "-brief", "link"}).out, testing::Not(HasSubstr("net1")));
  EXPECT_EQ(Plugin("DEL").exit_code, 0) << "twice is no error";
  EXPECT_EQ(PluginWith("DEL", "").exit_code, 0);
  EXPECT_EQ(Code("CHECK"), 3);
}

TEST_F(CniTest, EnforcesThePolicyOfItsConfiguration) {
  const auto sniffer = Sniff(lab::Sniffer::Where::kLan);
  Said("ADD");
  EXPECT_EQ(Inside(Curl("http://10.1.2.3/")).exit_code, kCurlCannotConnect);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "10.1.2.3", 80), 0);
  EXPECT_EQ(Plugin("DEL").exit_code, 0);
  config_["policy"] = {{"rules", {{{"action", "ACTION_ALLOW"}, {"peers", {{{"cidr", "10.1.2.3"}}}}}}}};
  Said("ADD");
  EXPECT_EQ(Inside(Curl("http://10.1.2.3/")).out, "internal service\n");
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, "10.1.2.3", 80), 0);
}

TEST_F(CniTest, PublishesPorts) {
  config_["capabilities"] = {{"portMappings", true}};
  config_["runtimeConfig"]["portMappings"] = {{{"hostPort", 18080}, {"containerPort", 80}, {"protocol", "tcp"}}};
  Said("ADD");
  const std::string pages = lab().Path("cni-pages");
  ASSERT_EQ(RunOnHost({"sh", "-c", absl::StrCat("mkdir ", pages, " && echo hello >", pages, "/page")}).exit_code, 0);
  auto web = lab::Process::Spawn({"nsenter", absl::StrCat("--net=", netns_), "--", "busybox", "httpd", "-f", "-p", "80", "-h", pages}, {});
  ASSERT_TRUE(web.ok()) << web.status();
  // It takes a moment to listen.
  EXPECT_EQ(RunOnHost({"curl", "-s", "--retry", "50", "--retry-delay", "0", "--retry-all-errors", "--max-time", "20",
                       "http://127.0.0.1:18080/page"})
                .out,
            "hello\n");
}

// As docs/guests.md has it, but for directories and a runtime of the test's own.
TEST_F(CniTest, ContainersOfPodmansAreSandboxes) {
  if (RunOnHost({"sh", "-c", "command -v podman"}).exit_code != 0) GTEST_SKIP() << "podman is not installed";
  const std::string directory = lab().Path("podman");
  ASSERT_EQ(RunOnHost({"sh", "-e", "-c", "mkdir -p $0/bin $0/net; cp $1 $0/bin/", directory, Runfile("clients/cni/sluice-cni")}).exit_code, 0);
  config_["policy"] = {{"preset", "PRESET_ALLOWLIST"},
                       {"rules", {{{"action", "ACTION_ALLOW"}, {"peers", {{{"domain", "web.example.com"}}}}}}}};
  const json list = {{"cniVersion", "1.0.0"}, {"name", "sandboxed"}, {"plugins", json::array({config_})}};
  ASSERT_TRUE(WriteFile(directory + "/net/50-sluice.conflist", list.dump()).ok());
  ASSERT_TRUE(WriteFile(directory + "/containers.conf",
                        absl::StrCat("[network]\nnetwork_backend = \"cni\"\ncni_plugin_dirs = [\"", directory,
                                     "/bin\"]\nnetwork_config_dir = \"", directory, "/net\"\n"))
                  .ok());
  // With the mounts that the server has: podman makes a network namespace by name.
  const auto inside = lab::RunCommand(
      {"nsenter", absl::StrCat("--net=", lab().NetnsPath(lab::Ns::kHost)), "env",
       absl::StrCat("CONTAINERS_CONF=", directory, "/containers.conf"), "podman", "--root", directory + "/root", "--runroot",
       directory + "/run", "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--runtime=runc", "run", "--rm",
       "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--network=sandboxed", "--dns=10.0.2.3", "--rootfs",
       BusyboxRoot(), "sh", "-c",
       "wget -q -O - http://web.example.com/hello; nc -w 10 10.1.2.3 80 </dev/null || echo refused"},
      kCallTimeout);
  ASSERT_TRUE(inside.ok()) << inside.status();
  EXPECT_EQ(inside->out, "hello from the web\nrefused\n") << inside->err;
  const auto left = client().List({});
  ASSERT_TRUE(left.ok()) << left.status();
  EXPECT_TRUE(left->empty()) << "it went with its container";
}

TEST_F(CniTest, TellsErrorsAsTheSpecificationHasThem) {
  EXPECT_EQ(Said("VERSION")["supportedVersions"].back(), "1.1.0");
  EXPECT_EQ(Plugin("STATUS").exit_code, 0);
  config_["policy"] = {{"preset", "PRESET_OF_MINE"}};
  EXPECT_EQ(Code("ADD"), 7);
  config_.erase("policy");
  EXPECT_EQ(json::parse(PluginWith("ADD", "/nowhere").out)["code"], 100);
  const std::string server = config_["server"];
  config_["server"] = "unix:/nowhere";
  EXPECT_EQ(Code("ADD"), 11);
  EXPECT_EQ(Code("DEL"), 11);
  EXPECT_EQ(Code("STATUS"), 50);
  config_["server"] = server;
}

TEST_F(CniTest, CollectsWhatIsNoLongerAttached) {
  Said("ADD");
  config_["cni.dev/valid-attachments"] = {{{"containerID", kContainer}, {"ifname", "net1"}}};
  EXPECT_EQ(Plugin("GC").exit_code, 0);
  EXPECT_THAT(Inside({"ip", "-brief", "link"}).out, HasSubstr("net1"));
  config_["cni.dev/valid-attachments"] = json::array();
  EXPECT_EQ(Plugin("GC").exit_code, 0);
  EXPECT_THAT(Inside({"ip", "-brief", "link"}).out, testing::Not(HasSubstr("net1")));
}

}  // namespace
}  // namespace sluice::e2e
