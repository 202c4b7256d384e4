// Virtual machines that somebody else runs, as docs/vmm-sockets.md says.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/vm_test.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

class VmSocketTest : public VmTest {};

// The lines are those of docs/vmm-sockets.md.
TEST_F(VmSocketTest, MayBeSomeoneElsesBehindASocket) {
  const struct {
    const char* framing;
    const char* line;
  } kLines[] = {{"FRAMING_STREAM", "-netdev stream"}, {"FRAMING_DATAGRAM", "-netdev dgram"}};
  const std::string docs = RunOnHost({"cat", Runfile("docs/vmm-sockets.md")}).out;
  for (const auto& [framing, line] : kLines) {
    SCOPED_TRACE(line);
    const std::string id = Create(absl::StrCat("guest { socket { framing: ", framing, " } } network { ports { guest_port: 80 } }"));
    const v1::NetworkStatus status = client().Get(id).value_or(v1::Sandbox()).network_status();
    const size_t begin = docs.find(absl::StrCat("`", line)) + 1;
    ASSERT_NE(begin, docs.npos + 1);
    const std::string options = absl::StrReplaceAll(
        docs.substr(begin, docs.find('`', begin) - begin),
        {{"/run/vms/a.sock", status.socket_path()}, {"/run/vms/a.qemu", lab().Path("a.qemu")}});
    std::vector<std::string> command = {"qemu-system-x86_64", "-nodefaults", "-display", "none", "-cpu", "max", "-m", "128M",
                                        "-kernel", kernel(), "-initrd", initrd(), "-append",
                                        "quiet noagent fetch=http://web.example.com/hello"};
    for (const absl::string_view word : absl::StrSplit(options, ' ')) command.emplace_back(word);
    const auto qemu = lab().Spawn(lab::Ns::kHost, command);
    ASSERT_TRUE(qemu.ok()) << qemu.status();
    const std::string url = absl::StrCat("http://127.0.0.1:", status.ports(0).host_port(), "/fetched");
    std::string page;
    for (const absl::Time end = absl::Now() + kBootTimeout; page.empty() && absl::Now() < end;) {
      page = RunOnHost({"curl", "-s", "-f", "--max-time", "5", "--retry", "9", "--retry-all-errors", "--retry-delay", "1", url}).out;
    }
    EXPECT_EQ(page, "hello from the web\n");
  }
}

}  // namespace
}  // namespace sluice::e2e
