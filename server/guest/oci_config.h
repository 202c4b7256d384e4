#ifndef SLUICE_SERVER_GUEST_OCI_CONFIG_H_
#define SLUICE_SERVER_GUEST_OCI_CONFIG_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/base/cgroup.h"
#include "server/guest/guest_user.h"
#include "server/guest/terminal_size.h"

namespace sluice {

// A process of an OCI container; a value.
struct OciProcess {
  std::vector<std::string> args;
  // Beside, and before, PATH, HOME and TERM, which have defaults.
  std::map<std::string, std::string> env;
  std::string working_directory;  // empty: "/"
  GuestUser user;
  std::optional<TerminalSize> terminal;  // which the runtime makes, and hands over
};

// An OCI container; a value.
struct OciContainer {
  // What a guest gets that asks for no number of its own: enough for any build,
  // not for a fork bomb.
  static constexpr uint32_t kDefaultMaxProcesses = 4096;
  // Each of the file systems in memory that the runtime mounts for it.
  static constexpr uint64_t kTmpBytes = 512 << 20;
  static constexpr uint64_t kRunBytes = 64 << 20;
  static constexpr uint64_t kSharedMemoryBytes = 64 << 20;
  // Where sluice-init is seen.
  static constexpr char kInitPath[] = "/run/sluice-init";

  OciProcess process;
  std::string hostname;
  std::string rootfs;      // absolute
  std::string netns_path;  // what setns(2) can open
  std::string init_path;   // of sluice-init, on the host
  std::string cgroup;      // absolute, in the cgroup hierarchies
  // Where the kernel weighs the cgroup; empty: the runtime's own choice.
  std::optional<CpuController> cpu_controller;
  // Directories in the rootfs that the guest sees empty.
  std::vector<std::string> masked_directories;
  uint64_t memory_bytes = 0;   // 0: no limit
  double cpus = 0;             // 0: no limit
  uint32_t max_processes = 0;  // 0: kDefaultMaxProcesses
};

// config.json of a bundle (OCI runtime specification 1.0.2).
std::string OciConfigJson(const OciContainer& container);

// The `process` object alone, as `exec --process` takes it.
std::string OciProcessJson(const OciProcess& process);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_OCI_CONFIG_H_
