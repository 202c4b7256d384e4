#ifndef SLUICE_SERVER_OPTIONS_H_
#define SLUICE_SERVER_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/ip_prefix.h"
#include "server/core/block_list_store.h"
#include "server/core/sandbox_limits.h"
#include "server/listen_options.h"

namespace sluice {

// What the command line of sluiced, and its configuration file, say.
struct ServerOptions {
  std::string state_dir = "/var/lib/sluice";
  ListenOptions listen;
  std::string netsvc;  // the worker's program
  std::string guest_init;
  std::string oci_runtime = "runc";
  SandboxLimits sandbox_limits;
  std::vector<std::string> guest_path_roots;
  bool allow_host_root = false;
  std::string qemu = "qemu-system-x86_64";
  uint64_t vm_scratch_bytes = uint64_t{16} << 30;
  std::string resolv_conf = "/etc/resolv.conf";
  std::string floor_policy;  // empty: none
  bool require_egress_backstop = false;
  std::vector<IpPrefix> extra_host_cidrs;
  std::vector<IpPrefix> nat64_prefixes;
  std::vector<BlockListStore::Source> dns_block_lists;
  // Of each sandbox's audit log.
  uint64_t audit_max_bytes = 256 << 20;
  absl::Duration audit_max_age = absl::Hours(24 * 7);
  bool audit_go_on_unwritten = false;
  std::optional<Endpoint> metrics_endpoint;
  bool stop_sandboxes_on_exit = false;
};

// InvalidArgument, one sentence, for what cannot be meant. Prints help and exits
// where that is asked for.
absl::StatusOr<ServerOptions> ParseServerOptions(int argc, char** argv);

}  // namespace sluice

#endif  // SLUICE_SERVER_OPTIONS_H_
