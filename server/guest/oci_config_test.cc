#include "server/guest/oci_config.h"

#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

using nlohmann::json;
using testing::Contains;

OciContainer Container() {
  OciContainer container;
  container.process.args = {"/bin/prog", "one"};
  container.hostname = "web";
  container.rootfs = "/bundle/rootfs";
  container.netns_path = "/proc/1/fd/9";
  container.init_path = "/opt/sluice-init";
  container.cgroup = "/sluice-uid";
  return container;
}

TEST(OciConfigTest, GivesTheProgramNoPrivilege) {
  const json config = json::parse(OciConfigJson(Container()));
  const json& process = config["process"];
  EXPECT_EQ(process["noNewPrivileges"], true);
  EXPECT_EQ(process["user"]["uid"], 65534);
  for (const char* set : {"bounding", "effective", "permitted", "inheritable", "ambient"}) {
    EXPECT_TRUE(process["capabilities"][set].empty()) << set;
  }
  EXPECT_EQ(config["linux"]["seccomp"]["defaultAction"], "SCMP_ACT_ERRNO");
  EXPECT_EQ(config["linux"]["resources"]["devices"][0]["allow"], false);
  EXPECT_EQ(config["linux"]["resources"]["pids"]["limit"], OciContainer::kDefaultMaxProcesses);
}

TEST(OciConfigTest, PutsItInNamespacesOfItsOwnButForTheNetworks) {
  const json config = json::parse(OciConfigJson(Container()));
  std::set<std::string> own;
  for (const json& space : config["linux"]["namespaces"]) {
    if (space["type"] == "network") {
      EXPECT_EQ(space["path"], "/proc/1/fd/9");
    } else {
      EXPECT_FALSE(space.contains("path")) << space;
      own.insert(space["type"]);
    }
  }
  EXPECT_THAT(own, testing::ElementsAre("cgroup", "ipc", "mount", "pid", "uts"));
}

TEST(OciConfigTest, HasATerminalWhereOneIsAskedFor) {
  OciProcess process = Container().process;
  EXPECT_EQ(json::parse(OciProcessJson(process))["terminal"], false);
  process.terminal = {.columns = 100, .rows = 30};
  const json object = json::parse(OciProcessJson(process));
  EXPECT_EQ(object["terminal"], true);
  EXPECT_EQ(object["consoleSize"], json({{"width", 100}, {"height", 30}}));
}

TEST(OciConfigTest, SaysWhatTheCallerAskedFor) {
  OciContainer container = Container();
  container.process.env = {{"PATH", "/mine"}, {"A", "b=c"}};
  container.process.working_directory = "/srv";
  container.process.user = {.uid = 7, .gid = 8};
  container.memory_bytes = 64 << 20;
  container.cpus = 0.5;
  container.max_processes = 10;
  container.masked_directories = {"/var/lib/sluice"};
  const json config = json::parse(OciConfigJson(container));
  EXPECT_EQ(config["process"]["args"], json({"/bin/prog", "one"}));
  EXPECT_THAT(config["process"]["env"], Contains("PATH=/mine"));
  EXPECT_THAT(config["process"]["env"], Contains("A=b=c"));
  EXPECT_THAT(config["process"]["env"], Contains("HOME=/tmp"));
  EXPECT_EQ(config["process"]["cwd"], "/srv");
  EXPECT_EQ(config["process"]["user"]["gid"], 8);
  EXPECT_EQ(config["linux"]["resources"]["memory"]["limit"], 64 << 20);
  EXPECT_EQ(config["linux"]["resources"]["cpu"]["quota"], 50'000);
  EXPECT_EQ(config["linux"]["resources"]["pids"]["limit"], 10);
  EXPECT_THAT(config["linux"]["maskedPaths"], Contains("/var/lib/sluice"));
}

TEST(OciConfigTest, LimitsNothingThatNobodyLimited) {
  const json resources = json::parse(OciConfigJson(Container()))["linux"]["resources"];
  EXPECT_FALSE(resources.contains("memory"));
  EXPECT_FALSE(resources.contains("cpu"));
}

TEST(OciConfigTest, HasTheWeightOfTheHostsCgroups) {
  OciContainer container = Container();
  container.cpus = 0.5;
  container.cpu_controller.emplace("/sys/fs/cgroup/cpu", 1);
  json resources = json::parse(OciConfigJson(container))["linux"]["resources"];
  EXPECT_EQ(resources["cpu"], json({{"period", 100'000}, {"quota", 50'000}, {"shares", 1024}}));
  EXPECT_FALSE(resources.contains("unified"));
  container.cpu_controller.emplace("/sys/fs/cgroup", 2);
  resources = json::parse(OciConfigJson(container))["linux"]["resources"];
  EXPECT_EQ(resources["cpu"], json({{"period", 100'000}, {"quota", 50'000}}));
  EXPECT_EQ(resources["unified"], json({{"cpu.weight", "100"}}));
}

TEST(OciConfigTest, BytesThatAreNotUtf8DoNoHarm) {
  OciProcess process;
  process.args = {"\xff\xfe", "\"\n\\"};
  const json parsed = json::parse(OciProcessJson(process));
  EXPECT_EQ(parsed["args"].size(), 2u);
  EXPECT_EQ(parsed["args"][1], "\"\n\\");
}

}  // namespace
}  // namespace sluice
