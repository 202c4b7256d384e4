// The cookbook of docs/audit.md, run as it stands there.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

constexpr size_t kMaxDocument = 1 << 20;

// The commands of the section's one code block, which empty lines part.
std::vector<std::string> Cookbook() {
  const std::string document = ReadFile(Runfile("docs/audit.md"), kMaxDocument).value_or("");
  const std::vector<std::string> section = absl::StrSplit(document, absl::MaxSplits("## Cookbook", 1));
  const std::vector<std::string> fences = absl::StrSplit(section.back(), "```");
  EXPECT_EQ(fences.size(), 3u) << "one code block";
  return absl::StrSplit(absl::StripPrefix(fences[1], "sh\n"), "\n\n");
}

class CookbookTest : public E2eTest {
 protected:
  // Runs the commands whose comment has `about`, on the lab's host.
  static std::vector<std::string> Script(const std::string& about) {
    for (const std::string& each : Cookbook()) {
      if (!absl::StrContains(each.substr(0, each.find('\n')), about)) continue;
      const std::string sluice = Runfile("clients/cli/sluice");
      return {"env", absl::StrCat("SLUICE_SERVER=", server().unix_address()),
              absl::StrCat("PATH=", sluice.substr(0, sluice.rfind('/')), ":/usr/sbin:/usr/bin:/sbin:/bin"), "bash", "-o",
              "pipefail", "-c", each};
    }
    ADD_FAILURE() << "the cookbook has nothing about " << about;
    return {"false"};
  }
  static std::string Output(const std::string& about) {
    const lab::CommandResult result = RunOnHost(Script(about));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err, "");
    return result.out;
  }

  // The first JSON line that a SIEM gets, which listens on a socket of the test's
  // in place of the document's.
  static nlohmann::json FirstAtSiem(const std::string& about) {
    const std::string socket = absl::StrCat(server().state_dir(), "/siem");
    auto siem = lab::Process::Spawn({"socat", "-u", absl::StrCat("UNIX-LISTEN:", socket, ",unlink-early"), "STDOUT"}, {});
    EXPECT_TRUE(siem.ok()) << siem.status();
    std::vector<std::string> script = Script(about);
    const std::string theirs = absl::StrReplaceAll(
        script.back(), {{"TCP:siem.example.com:5140", absl::StrCat("UNIX-CONNECT:", socket, ",retry=100,interval=0.1")}});
    EXPECT_NE(theirs, script.back());
    script.back() = theirs;
    auto feed = lab::Process::Spawn(script, {});
    EXPECT_TRUE(feed.ok()) << feed.status();
    const absl::StatusOr<std::string> line = (*siem)->ReadLine(kEventTimeout);
    EXPECT_TRUE(line.ok()) << line.status();
    return nlohmann::json::parse(line.value_or("{}"));
  }
};

TEST_F(CookbookTest, EveryCommandWorksAsItStands) {
  const std::string id = CreateOci("");
  EXPECT_EQ(Run(id, TcpConnect("10.1.2.3", 80)).out, "ECONNREFUSED\n");
  EXPECT_EQ(Run(id, TcpConnect("10.1.2.3", 80)).out, "ECONNREFUSED\n");
  EXPECT_EQ(Run(id, {"curl", "-4", "-s", "-m", "10", "http://web.example.com/hello"}).out, "hello from the web\n");
  AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_CLOSED, "93.184.216.34", 80));

  EXPECT_EQ(Cookbook().size(), 5u) << "what follows is for each of them";
  EXPECT_THAT(Output("denials of the last hour"), ContainsRegex(" [12] 10.1.2.3\t80\tREASON_DEFAULT\tdefault\n"));
  EXPECT_THAT(Output("Bytes a domain"), ContainsRegex("^web.example.com [1-9][0-9]+ [1-9][0-9]+\n"));
  EXPECT_THAT(Output("Who asked this name"), HasSubstr(absl::StrCat("Z\t", id, "\tweb.example.com\tNOERROR\n")));
  EXPECT_EQ(FirstAtSiem("to a SIEM")["sandbox_id"], id);
  EXPECT_EQ(FirstAtSiem("OCSF")["metadata"]["log_name"], id);
}

}  // namespace
}  // namespace sluice::e2e
