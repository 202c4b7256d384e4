#include "server/guest/oci_config.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "server/guest/seccomp_profile.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr char kOciVersion[] = "1.0.2";
constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int64_t kCpuPeriod = 100'000;  // microseconds
constexpr rlim_t kMaxOpenFiles = 65536;

// A guest may not have more than the server itself.
rlim_t OpenFilesLimit() {
  rlimit own = {};
  getrlimit(RLIMIT_NOFILE, &own);
  return std::min(own.rlim_max, kMaxOpenFiles);
}

json Env(const OciProcess& process) {
  std::map<std::string, std::string> env = process.env;
  env.try_emplace("PATH", kDefaultPath);
  // Nobody has no home that it could write to.
  env.try_emplace("HOME", process.user.uid == 0 ? "/root" : "/tmp");
  env.try_emplace("TERM", "xterm");
  json list = json::array();
  for (const auto& [name, value] : env) list.push_back(absl::StrCat(name, "=", value));
  return list;
}

json Process(const OciProcess& process) {
  const json none = json::array();
  json object = {{"terminal", process.terminal.has_value()},
                 {"user", {{"uid", process.user.uid}, {"gid", process.user.gid}}},
                 {"args", process.args},
                 {"env", Env(process)},
                 {"cwd", process.working_directory.empty() ? "/" : process.working_directory},
                 {"capabilities",
                  {{"bounding", none}, {"effective", none}, {"permitted", none}, {"inheritable", none}, {"ambient", none}}},
                 {"rlimits", {{{"type", "RLIMIT_NOFILE"}, {"hard", OpenFilesLimit()}, {"soft", OpenFilesLimit()}},
                               {{"type", "RLIMIT_CORE"}, {"hard", 0}, {"soft", 0}}}},
                 {"noNewPrivileges", true}};
  if (process.terminal) {
    object["consoleSize"] = {{"width", process.terminal->columns}, {"height", process.terminal->rows}};
  }
  return object;
}

json Mount(const char* destination, const char* type, std::vector<std::string> options) {
  return {{"destination", destination}, {"type", type}, {"source", type}, {"options", std::move(options)}};
}

std::string Size(uint64_t bytes) { return absl::StrCat("size=", bytes); }

json Mounts(const OciContainer& container) {
  json init = Mount(OciContainer::kInitPath, "bind", {"bind", "ro", "nosuid", "nodev"});
  init["source"] = container.init_path;
  return {
      Mount("/proc", "proc", {"nosuid", "noexec", "nodev"}),
      Mount("/dev", "tmpfs", {"nosuid", "noexec", "strictatime", "mode=755", "size=65536k"}),
      Mount("/dev/pts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      Mount("/dev/shm", "tmpfs", {"nosuid", "noexec", "nodev", "mode=1777", Size(OciContainer::kSharedMemoryBytes)}),
      Mount("/dev/mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      Mount("/sys", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
      Mount("/tmp", "tmpfs", {"nosuid", "nodev", "mode=1777", Size(OciContainer::kTmpBytes)}),
      Mount("/run", "tmpfs", {"nosuid", "nodev", "mode=755", Size(OciContainer::kRunBytes)}),
      std::move(init),
  };
}

json Namespaces(const OciContainer& container) {
  json list = json::array({{{"type", "network"}, {"path", container.netns_path}}});
  for (const char* type : {"pid", "ipc", "uts", "mount", "cgroup"}) list.push_back({{"type", type}});
  return list;
}

// Of version 1 and 2. Runtimes turn shares into a weight each in its own way, and not
// into the default.
void SetCpuWeight(const CpuController& controller, json& resources) {
  if (controller.version() == 2) {
    resources["unified"] = {{"cpu.weight", absl::StrCat(CpuController::kWeight)}};
  } else {
    resources["cpu"]["shares"] = int{CpuController::kShares};
  }
}

json Resources(const OciContainer& container) {
  const uint32_t processes = container.max_processes != 0 ? container.max_processes : OciContainer::kDefaultMaxProcesses;
  json resources = {{"devices", json::array({{{"allow", false}, {"access", "rwm"}}})}, {"pids", {{"limit", processes}}}};
  if (container.memory_bytes != 0) resources["memory"] = {{"limit", container.memory_bytes}};
  if (container.cpus != 0) {
    resources["cpu"] = {{"period", kCpuPeriod}, {"quota", std::llround(container.cpus * kCpuPeriod)}};
  }
  if (container.cpu_controller) SetCpuWeight(*container.cpu_controller, resources);
  return resources;
}

json Linux(const OciContainer& container) {
  // As container engines have them.
  json masked = {"/proc/acpi",  "/proc/asound",     "/proc/interrupts",   "/proc/kcore",    "/proc/keys",
                 "/proc/kmsg",  "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",   "/proc/timer_list",
                 "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux"};
  for (const std::string& directory : container.masked_directories) masked.push_back(directory);
  return {{"namespaces", Namespaces(container)},
          {"cgroupsPath", container.cgroup},
          {"resources", Resources(container)},
          {"seccomp", SeccompProfile()},
          {"maskedPaths", std::move(masked)},
          {"readonlyPaths", {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}};
}

// Bytes of the caller's that are not UTF-8 become replacement characters:
// JSON has no other way to say them.
std::string Dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::string OciConfigJson(const OciContainer& container) {
  return Dump({{"ociVersion", kOciVersion},
               {"hostname", container.hostname},
               {"root", {{"path", container.rootfs}, {"readonly", false}}},
               {"process", Process(container.process)},
               {"mounts", Mounts(container)},
               {"linux", Linux(container)}});
}

std::string OciProcessJson(const OciProcess& process) { return Dump(Process(process)); }

}  // namespace sluice
