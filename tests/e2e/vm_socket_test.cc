// Virtual machines that somebody else runs, as docs/vmm-sockets.md says.

#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/vm_test.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

class VmSocketTest : public VmTest {
 protected:
  // QEMU on the lab's host, with the machine of VmTest, which fetches a page and
  // serves it. `network` is what it is told of its network.
  static absl::StatusOr<std::unique_ptr<lab::Process>> StartQemu(const std::string& network, std::vector<std::string> prefix = {}) {
    std::vector<std::string> command = std::move(prefix);
    for (const char* word : {"qemu-system-x86_64", "-nodefaults", "-display", "none", "-cpu", "max", "-m", "128M", "-kernel"}) {
      command.emplace_back(word);
    }
    command.insert(command.end(), {kernel(), "-initrd", initrd(), "-append", "quiet noagent fetch=http://web.example.com/hello"});
    for (const absl::string_view word : absl::StrSplit(network, ' ')) command.emplace_back(word);
    return lab().Spawn(lab::Ns::kHost, command);
  }
  // The page that it serves, through a published port.
  static std::string Fetched(const v1::NetworkStatus& status) {
    const std::string url = absl::StrCat("http://127.0.0.1:", status.ports(0).host_port(), "/fetched");
    std::string page;
    for (const absl::Time end = absl::Now() + kBootTimeout; page.empty() && absl::Now() < end;) {
      page = RunOnHost({"curl", "-s", "-f", "--max-time", "5", "--retry", "9", "--retry-all-errors", "--retry-delay", "1", url}).out;
    }
    return page;
  }
  static v1::NetworkStatus StatusOf(const std::string& id) {
    return client().Get(id).value_or(v1::Sandbox()).network_status();
  }
  // On the lab's host, with the mounts that the server has: network namespaces by name
  // are such.
  static lab::CommandResult RunWithMounts(const std::vector<std::string>& args) {
    std::vector<std::string> command = {"nsenter", absl::StrCat("--net=", lab().NetnsPath(lab::Ns::kHost))};
    command.insert(command.end(), args.begin(), args.end());
    const auto result = lab::RunCommand(command, kCallTimeout);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(lab::CommandResult{.exit_code = -1, .out = "", .err = ""});
  }
  static std::string Document() { return RunOnHost({"cat", Runfile("docs/vmm-sockets.md")}).out; }
};

// The lines are those of the document.
TEST_F(VmSocketTest, QemuSpeaksThroughASocket) {
  const struct {
    const char* framing;
    const char* line;
  } kLines[] = {{"FRAMING_STREAM", "-netdev stream"}, {"FRAMING_DATAGRAM", "-netdev dgram"}};
  const std::string docs = Document();
  for (const auto& [framing, line] : kLines) {
    SCOPED_TRACE(line);
    const std::string id = Create(absl::StrCat("guest { socket { framing: ", framing, " } } network { ports { guest_port: 80 } }"));
    const v1::NetworkStatus status = StatusOf(id);
    const size_t begin = docs.find(absl::StrCat("`", line)) + 1;
    ASSERT_NE(begin, docs.npos + 1);
    const auto qemu = StartQemu(absl::StrReplaceAll(docs.substr(begin, docs.find('`', begin) - begin),
                                                    {{"/run/vms/a.sock", status.socket_path()},
                                                     {"/run/vms/a.qemu", lab().Path("a.qemu")}}));
    ASSERT_TRUE(qemu.ok()) << qemu.status();
    EXPECT_EQ(Fetched(status), "hello from the web\n");
  }
}

// QEMU stands for the VMMs that take a TAP alone: theirs is the same.
TEST_F(VmSocketTest, ATapIsBridgedToTheSandbox) {
  const std::string docs = Document();
  const size_t begin = docs.find("```sh\n") + 6;
  ASSERT_NE(begin, docs.npos + 6);
  const std::string netns = absl::StrCat("vm-", getpid());
  std::string script = docs.substr(begin, docs.find("```", begin) - begin);
  script = absl::StrReplaceAll(script, {{"ip netns add vm", absl::StrCat("ip netns add ", netns)},
                                        {"/run/netns/vm", absl::StrCat("/run/netns/", netns)},
                                        {"-n vm ", absl::StrCat("-n ", netns, " ")},
                                        {"sluice create", absl::StrCat(Runfile("clients/cli/sluice"), " create -p 0:80")}});
  const absl::Cleanup remove = [&] { RunWithMounts({"ip", "netns", "del", netns}); };
  const lab::CommandResult made =
      RunWithMounts({"env", absl::StrCat("SLUICE_SERVER=", server().unix_address()), "bash", "-e", "-c", script});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  DeleteLater("vm");
  const auto qemu = StartQemu("-netdev tap,id=n0,ifname=tap0,script=no,downscript=no"
                              " -device virtio-net-pci,netdev=n0,mac=02:73:6c:00:00:0f",
                              {"ip", "netns", "exec", netns});
  ASSERT_TRUE(qemu.ok()) << qemu.status();
  EXPECT_EQ(Fetched(StatusOf("vm")), "hello from the web\n");
}

}  // namespace
}  // namespace sluice::e2e
