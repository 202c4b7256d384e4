#ifndef SLUICE_SERVER_BASE_CGROUP_H_
#define SLUICE_SERVER_BASE_CGROUP_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice {

// A cgroup file system of this process (cgroups(7)).
struct CgroupMount {
  std::string path;
  int version = 1;                        // or 2
  std::vector<std::string> options = {};  // of version 1 they name its controllers
};

// Those in `mounts`, a file like /proc/self/mounts.
std::vector<CgroupMount> CgroupMounts(const std::string& mounts = "/proc/self/mounts");

// Names of a sandbox's cgroups, which lie at the root of each file system that has
// them: no folder of ours above them is left behind.
std::string GuestCgroup(absl::string_view sandbox_uid);
std::string WorkerCgroup(absl::string_view sandbox_uid);
// Of one that is made to see whether that can be.
std::string TrialCgroup();
// Removes those at the root of `mount` that servers left which were killed meanwhile.
void RemoveOldTrials(const std::string& mount);
// Whose a cgroup of that name is; "" where it is none of ours.
absl::string_view UidOfCgroup(absl::string_view name);

// One cgroup. One thread at a time.
class Cgroup {
 public:
  // At the root of the file system at `mount`. One that an earlier server made is
  // taken over, with who is in it.
  static absl::StatusOr<std::unique_ptr<Cgroup>> Create(const std::string& mount, absl::string_view name);
  // Removes it where it is empty.
  ~Cgroup();
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  // Moves `process` here, with all its threads.
  absl::Status Add(pid_t process);
  // Writes a file of its controllers.
  absl::Status Set(absl::string_view file, int value);

  const std::string& path() const { return path_; }

 private:
  explicit Cgroup(std::string path) : path_(std::move(path)) {}

  const std::string path_;
};

// Where the kernel shares the CPU among cgroups, by their weights. A value; any thread.
class CpuController {
 public:
  // The kernel's own default of each version: the groups count as much as any other
  // on the host.
  static constexpr int kWeight = 100;   // cpu.weight of version 2
  static constexpr int kShares = 1024;  // cpu.shares of version 1

  // The root of a file system that has the controller, and its version. Untried.
  CpuController(std::string mount, int version) : mount_(std::move(mount)), version_(version) {}
  // Tries it with a group that is gone again. FailedPrecondition, one sentence, where
  // `mounts` have no cpu controller, or this process may not use it.
  static absl::StatusOr<CpuController> Find(const std::vector<CgroupMount>& mounts);

  // A cgroup with the weight that every worker and guest has.
  absl::StatusOr<std::unique_ptr<Cgroup>> MakeGroup(absl::string_view name) const;

  int version() const { return version_; }

 private:
  std::string mount_;
  int version_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_BASE_CGROUP_H_
