#ifndef SLUICE_TESTS_E2E_CPU_GROUP_H_
#define SLUICE_TESTS_E2E_CPU_GROUP_H_

#include <sys/types.h>

#include <string>

namespace sluice::e2e {

// The cgroup by which the kernel shares the CPU out to a process.
struct CpuGroup {
  std::string directory;  // "" where this host has no cpu controller
  std::string name;       // the directory's own
  int version = 0;        // of its hierarchy
  std::string weight;     // cpu.shares of version 1, cpu.weight of version 2
};

CpuGroup CpuGroupOf(pid_t pid);

// Fails the test unless `pid` is in the cgroup `name`, with the weight of all. Does
// nothing on a host without a cpu controller.
void ExpectCpuGroup(pid_t pid, const std::string& name);

// Fails the test where any hierarchy has a cgroup of a sandbox, or its worker.
void ExpectNoCgroups(const std::string& sandbox_uid);

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_CPU_GROUP_H_
