#ifndef SLUICE_SERVER_CORE_SANDBOX_LIMITS_H_
#define SLUICE_SERVER_CORE_SANDBOX_LIMITS_H_

#include <cstddef>
#include <map>
#include <string>

namespace sluice {

// How many sandboxes a server makes; a value.
struct SandboxLimits {
  static constexpr size_t kMost = 4096;

  size_t total = kMost;
  // By the key of a label: with one and the same value of it, as they were created.
  std::map<std::string, size_t> per_label;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_SANDBOX_LIMITS_H_
