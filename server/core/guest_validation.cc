#include "server/core/guest_validation.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/field_error.h"
#include "server/core/field_checks.h"

namespace sluice {
namespace {

constexpr size_t kMaxSocketPath = 107;    // of sockaddr_un, less its NUL
constexpr size_t kMaxInterfaceName = 15;  // Linux IFNAMSIZ less its NUL
constexpr absl::string_view kDefaultInterfaceName = "eth0";
constexpr double kMinCpus = 0.01;
// The kernel keeps -1 for "no change".
constexpr uint32_t kMaxUserId = std::numeric_limits<uint32_t>::max() - 1;

absl::Status CheckString(absl::string_view field, absl::string_view value, size_t& total) {
  if (value.size() > kMaxArgument) return FieldError(field, absl::StrCat("is longer than ", kMaxArgument, " bytes"));
  if (absl::StrContains(value, '\0')) return FieldError(field, "has a NUL in it");
  total += value.size() + 1;
  if (total <= kMaxArgumentsBytes) return absl::OkStatus();
  return FieldError(field, absl::StrCat("makes arguments and environment longer than ", kMaxArgumentsBytes, " bytes"));
}

absl::Status CheckArguments(absl::string_view field, const v1::OciGuest& oci, size_t& total) {
  if (oci.args_size() > kMaxArguments) return FieldError(field, absl::StrCat("has more than ", kMaxArguments, " arguments"));
  for (int i = 0; i < oci.args_size(); ++i) {
    const std::string path = absl::StrCat(field, "[", i, "]");
    if (i == 0 && oci.args(i).empty()) return FieldError(path, "must name a program");
    const absl::Status status = CheckString(path, oci.args(i), total);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckEnvironment(absl::string_view field, const v1::OciGuest& oci, size_t& total) {
  if (oci.env_size() > kMaxEnvironment) {
    return FieldError(field, absl::StrCat("has more than ", kMaxEnvironment, " variables"));
  }
  for (const auto& [name, value] : oci.env()) {
    if (name.empty() || absl::StrContains(name, '=')) {
      return FieldError(field, "has a name that is empty or has a '=' in it");
    }
    absl::Status status = CheckString(field, name, total);
    if (status.ok()) status = CheckString(field, value, total);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckUser(absl::string_view field, absl::string_view user) {
  if (user.empty()) return absl::OkStatus();
  const std::vector<std::string> parts = absl::StrSplit(user, ':');
  const bool valid = parts.size() <= 2 && std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
                       uint32_t id;
                       return !part.empty() && std::all_of(part.begin(), part.end(), absl::ascii_isdigit) &&
                              absl::SimpleAtoi(part, &id) && id <= kMaxUserId;
                     });
  return valid ? absl::OkStatus() : FieldError(field, "must be \"uid\" or \"uid:gid\", in numbers");
}

absl::Status CheckResources(absl::string_view field, const v1::OciGuest& oci) {
  if (oci.memory_bytes() != 0 && oci.memory_bytes() < kMinMemoryBytes) {
    return FieldError(absl::StrCat(field, ".memory_bytes"), absl::StrCat("must be at least ", kMinMemoryBytes));
  }
  if (oci.memory_bytes() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return FieldError(absl::StrCat(field, ".memory_bytes"), "must fit in 63 bits");
  }
  // Written so that it refuses NaN.
  if (oci.cpus() != 0 && !(oci.cpus() >= kMinCpus && oci.cpus() <= kMaxCpus)) {
    return FieldError(absl::StrCat(field, ".cpus"), absl::StrCat("must be ", kMinCpus, " to ", kMaxCpus));
  }
  if (oci.max_processes() > kMaxProcesses) {
    return FieldError(absl::StrCat(field, ".max_processes"), absl::StrCat("must be at most ", kMaxProcesses));
  }
  return absl::OkStatus();
}

absl::Status CheckOci(absl::string_view field, const v1::OciGuest& oci) {
  absl::Status status;
  if (!oci.rootfs().empty()) status = CheckAbsolutePath(absl::StrCat(field, ".rootfs"), oci.rootfs());
  if (!status.ok()) return status;
  size_t total = 0;
  status = CheckArguments(absl::StrCat(field, ".args"), oci, total);
  if (!status.ok()) return status;
  status = CheckEnvironment(absl::StrCat(field, ".env"), oci, total);
  if (!status.ok()) return status;
  if (!oci.working_directory().empty()) {
    status = CheckAbsolutePath(absl::StrCat(field, ".working_directory"), oci.working_directory());
    if (!status.ok()) return status;
  }
  status = CheckUser(absl::StrCat(field, ".user"), oci.user());
  if (!status.ok()) return status;
  return CheckResources(field, oci);
}

absl::Status CheckSocket(absl::string_view field, const v1::SocketGuest& socket) {
  if (!v1::SocketGuest::Framing_IsValid(socket.framing()) ||
      socket.framing() == v1::SocketGuest::FRAMING_UNSPECIFIED) {
    return FieldError(absl::StrCat(field, ".framing"), "is required: FRAMING_STREAM or FRAMING_DATAGRAM");
  }
  if (socket.path().empty()) return absl::OkStatus();
  const std::string path = absl::StrCat(field, ".path");
  if (const absl::Status status = CheckAbsolutePath(path, socket.path()); !status.ok()) return status;
  if (socket.path().size() <= kMaxSocketPath) return absl::OkStatus();
  return FieldError(path, absl::StrCat("is longer than the ", kMaxSocketPath, " bytes of a socket's address"));
}

bool IsInterfaceName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxInterfaceName || name == "." || name == ".." || name == "lo") return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isgraph(c) && c != '/' && c != ':'; });
}

absl::Status CheckNetns(absl::string_view field, v1::NetnsGuest& netns) {
  switch (netns.where_case()) {
    case v1::NetnsGuest::WHERE_NOT_SET:
      return FieldError(field, "needs a path or a pid");
    case v1::NetnsGuest::kPath: {
      const absl::Status status = CheckAbsolutePath(absl::StrCat(field, ".path"), netns.path());
      if (!status.ok()) return status;
      break;
    }
    case v1::NetnsGuest::kPid:
      if (netns.pid() <= 0) return FieldError(absl::StrCat(field, ".pid"), "must be the number of a process");
      break;
  }
  if (netns.interface_name().empty()) netns.set_interface_name(kDefaultInterfaceName.data(), kDefaultInterfaceName.size());
  if (IsInterfaceName(netns.interface_name())) return absl::OkStatus();
  return FieldError(absl::StrCat(field, ".interface_name"),
                    absl::StrCat("must be 1 to ", kMaxInterfaceName, " printable characters without '/' and ':', and not lo"));
}

absl::Status CheckVm(absl::string_view field, const v1::VmGuest& vm) {
  const struct {
    const char* name;
    const std::string& path;
    bool required;
  } files[] = {{".kernel", vm.kernel(), true}, {".initrd", vm.initrd(), false}, {".disk", vm.disk(), false}};
  for (const auto& [name, path, required] : files) {
    if (path.empty() && !required) continue;
    if (absl::Status status = CheckAbsolutePath(absl::StrCat(field, name), path); !status.ok()) return status;
  }
  const std::string& arguments = vm.kernel_arguments();
  const std::string arguments_field = absl::StrCat(field, ".kernel_arguments");
  if (arguments.size() > kMaxKernelArguments) {
    return FieldError(arguments_field, absl::StrCat("is longer than ", kMaxKernelArguments, " bytes"));
  }
  if (!std::all_of(arguments.begin(), arguments.end(), absl::ascii_isprint)) {
    return FieldError(arguments_field, "must be printable ASCII");
  }
  if (vm.memory_bytes() != 0 && (vm.memory_bytes() < kMinVmMemoryBytes || vm.memory_bytes() > kMaxVmMemoryBytes)) {
    return FieldError(absl::StrCat(field, ".memory_bytes"),
                      absl::StrCat("must be ", kMinVmMemoryBytes, " to ", kMaxVmMemoryBytes));
  }
  if (vm.cpus() <= kMaxVmCpus) return absl::OkStatus();
  return FieldError(absl::StrCat(field, ".cpus"), absl::StrCat("must be at most ", kMaxVmCpus));
}

}  // namespace

absl::Status CheckGuest(absl::string_view field, v1::Guest& guest) {
  switch (guest.kind_case()) {
    case v1::Guest::KIND_NOT_SET:
      return FieldError(field, "is required: oci, netns, socket or vm");
    case v1::Guest::kOci:
      return CheckOci(absl::StrCat(field, ".oci"), guest.oci());
    case v1::Guest::kNetns:
      return CheckNetns(absl::StrCat(field, ".netns"), *guest.mutable_netns());
    case v1::Guest::kSocket:
      return CheckSocket(absl::StrCat(field, ".socket"), guest.socket());
    case v1::Guest::kVm:
      return CheckVm(absl::StrCat(field, ".vm"), guest.vm());
  }
  return absl::InternalError("unknown kind of guest");
}

}  // namespace sluice
