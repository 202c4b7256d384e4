#ifndef SLUICE_SERVER_CORE_GUEST_VALIDATION_H_
#define SLUICE_SERVER_CORE_GUEST_VALIDATION_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

inline constexpr int kMaxArguments = 4096;
inline constexpr int kMaxEnvironment = 4096;
inline constexpr size_t kMaxArgument = 131'071;          // Linux MAX_ARG_STRLEN less its NUL
inline constexpr size_t kMaxArgumentsBytes = 1'048'576;  // args and env together
inline constexpr uint64_t kMinMemoryBytes = 4 << 20;     // less, and no runtime starts a process
inline constexpr double kMaxCpus = 1024;
inline constexpr uint32_t kMaxProcesses = 4'194'304;  // Linux PID_MAX_LIMIT
inline constexpr size_t kMaxKernelArguments = 2047;     // x86's COMMAND_LINE_SIZE less its NUL
inline constexpr uint64_t kMinVmMemoryBytes = 32 << 20;  // less, and no Linux of today boots
inline constexpr uint64_t kMaxVmMemoryBytes = uint64_t{1} << 40;
inline constexpr uint32_t kMaxVmCpus = 255;  // of QEMU's q35 without an interrupt remapper

// Checks a guest and fills its defaults in. FieldError with paths that begin
// with `field`; Unimplemented for a kind of guest that this server cannot run.
// Says nothing of what is on the host: whether a file exists comes later.
absl::Status CheckGuest(absl::string_view field, v1::Guest& guest);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_GUEST_VALIDATION_H_
