#include "server/options.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/core/audit_retention.h"
#include "server/core/labels.h"
#include "server/core/network_validation.h"

namespace sluice {
namespace {

constexpr uint64_t kMinScratchBytes = uint64_t{1} << 20;
constexpr uint64_t kMaxScratchBytes = uint64_t{1} << 50;

// As they are given.
struct Flags {
  ListenFlags listen;
  std::vector<std::string> extra_host_cidrs;
  std::vector<std::string> nat64_prefixes;
  std::vector<std::string> dns_block_lists;
  std::vector<std::string> label_limits;
  std::string audit_max_age = "168h";
  std::string audit_failure = "deny";
  std::string metrics_listen;
};

// The first of these places that has `name`: where the build puts it, beside
// this program, and where an installation does. The first where none has it.
std::string FindProgram(const std::string& in_tree, const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const std::filesystem::path places[] = {self / in_tree / name, self / name, self / "../libexec/sluice" / name};
  for (const std::filesystem::path& place : places) {
    if (access(place.c_str(), X_OK) == 0) return std::filesystem::canonical(place, error);
  }
  return places[0];
}

absl::Status AddPrefixes(const char* flag, const std::vector<std::string>& texts, std::vector<IpPrefix>& prefixes) {
  for (const std::string& text : texts) {
    const absl::StatusOr<IpPrefix> prefix = IpPrefix::Parse(text);
    if (!prefix.ok()) return absl::InvalidArgumentError(absl::StrCat(flag, ": ", prefix.status().message()));
    prefixes.push_back(*prefix);
  }
  return absl::OkStatus();
}

absl::Status AddBlockLists(const std::vector<std::string>& texts, std::vector<BlockListStore::Source>& lists) {
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (equals == text.npos || equals + 1 == text.size() || !IsBlockListName(name)) {
      return absl::InvalidArgumentError(absl::StrCat("--dns_block_list=", text, " is not NAME=PATH, NAME ",
                                                     kBlockListNameRule));
    }
    lists.push_back({name, text.substr(equals + 1)});
  }
  return absl::OkStatus();
}

absl::Status AddLabelLimits(const std::vector<std::string>& texts, std::map<std::string, size_t>& limits) {
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    size_t most = 0;
    Labels labels;
    labels[text.substr(0, equals)] = "";
    if (equals == text.npos || !absl::SimpleAtoi(text.substr(equals + 1), &most) || most < 1 ||
        !CheckLabels("", labels).ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--max_sandboxes_per_label=", text, " is not KEY=N, the key of a label and a number from 1 on"));
    }
    limits[text.substr(0, equals)] = most;
  }
  return absl::OkStatus();
}

absl::Status SetAudit(const Flags& flags, ServerOptions& options) {
  if (options.audit_max_bytes < kMinAuditBytes) {
    return absl::InvalidArgumentError(absl::StrCat("--audit_max_bytes must be at least ", kMinAuditBytes));
  }
  if (!absl::ParseDuration(flags.audit_max_age, &options.audit_max_age) || options.audit_max_age < kMinAuditAge ||
      options.audit_max_age == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--audit_max_age=", flags.audit_max_age, " is not a time like 90m or 168h, of a minute or more"));
  }
  options.audit_go_on_unwritten = flags.audit_failure == "count";
  if (flags.metrics_listen.empty()) return absl::OkStatus();
  options.metrics_endpoint = Endpoint::Parse(flags.metrics_listen);
  if (options.metrics_endpoint) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--metrics_listen=", flags.metrics_listen, " is not IP:PORT"));
}

void AddFlags(CLI::App& app, Flags& flags, ServerOptions& options) {
  app.add_option("--state_dir", options.state_dir, "where sandboxes and audit logs are kept")->capture_default_str();
  flags.listen.AddTo(app);
  app.add_option("--netsvc", options.netsvc, "the worker's program, sluice-netsvc");
  app.add_option("--guest_init", options.guest_init, "the idle first process of OCI guests, sluice-init");
  app.add_option("--oci_runtime", options.oci_runtime, "runc, or one that takes its options")->capture_default_str();
  app.add_option("--guest_path_roots", options.guest_path_roots,
                 "directories below which callers' paths must lie; without it only administrators name paths");
  app.add_flag("--allow_host_root", options.allow_host_root,
               "operators too may run guests on the host's own root file system, read-only");
  app.add_option("--max_sandboxes", options.sandbox_limits.total, "in all")
      ->check(CLI::Range(size_t{1}, SandboxLimits::kMost))
      ->capture_default_str();
  app.add_option("--max_sandboxes_per_label", flags.label_limits,
                 "KEY=N: at most N with one value of that label; may be repeated");
  app.add_option("--qemu", options.qemu, "runs virtual machines: a path, or a name on PATH")->capture_default_str();
  app.add_option("--vm_scratch_bytes", options.vm_scratch_bytes,
                 "what one virtual machine may write to its disk, in /var/tmp: 512MiB, 16GiB, ...")
      ->check(CLI::Range(kMinScratchBytes, kMaxScratchBytes))
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->capture_default_str();
  app.add_option("--floor_policy", options.floor_policy,
                 "a file of rules, YAML or JSON, that go ahead of every sandbox's own; read again when it changes");
  app.add_flag("--require_egress_backstop", options.require_egress_backstop,
               "start only where the kernel can refuse workers what their policies never allow (cgroup BPF)");
  app.add_option("--resolv_conf", options.resolv_conf, "names the host's resolvers")->capture_default_str();
  app.add_option("--extra_host_cidr", flags.extra_host_cidrs, "addresses that are the host's, seen from outside");
  app.add_option("--nat64_prefix", flags.nat64_prefixes, "a NAT64 prefix beside 64:ff9b::/96");
  app.add_option("--dns_block_list", flags.dns_block_lists, "NAME=PATH of names to block; may be repeated");
  app.add_option("--audit_max_bytes", options.audit_max_bytes, "of each sandbox's audit log, at most: 256MiB, 1GiB, ...")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->capture_default_str();
  app.add_option("--audit_max_age", flags.audit_max_age, "how long events, and logs of deleted sandboxes, are kept at most")
      ->capture_default_str();
  app.add_option("--audit_failure", flags.audit_failure,
                 "while an audit log cannot be written: deny new flows and names, or go on and count")
      ->check(CLI::IsMember({"deny", "count"}))
      ->capture_default_str();
  app.add_option("--metrics_listen", flags.metrics_listen, "IP:PORT of a Prometheus endpoint, in clear, for all who reach it");
  app.add_flag("--stop_sandboxes_on_exit", options.stop_sandboxes_on_exit,
               "delete every sandbox on SIGTERM; without it they go on, and the next sluiced adopts them");
  app.set_config("--config", "", "reads these options from a file (TOML or INI)");
  app.allow_config_extras(CLI::config_extras_mode::error);
}

}  // namespace

absl::StatusOr<ServerOptions> ParseServerOptions(int argc, char** argv) {
  Flags flags;
  ServerOptions options;
  CLI::App app("sluiced: sandboxes whose whole network is a policy and an audit trail.");
  AddFlags(app, flags, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    std::exit(app.exit(asked));  // --help
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  absl::StatusOr<ListenOptions> listen = flags.listen.Check();
  if (!listen.ok()) return listen.status();
  options.listen = *std::move(listen);
  absl::Status status = AddPrefixes("--extra_host_cidr", flags.extra_host_cidrs, options.extra_host_cidrs);
  if (status.ok()) status = AddPrefixes("--nat64_prefix", flags.nat64_prefixes, options.nat64_prefixes);
  if (status.ok()) status = AddBlockLists(flags.dns_block_lists, options.dns_block_lists);
  if (status.ok()) status = AddLabelLimits(flags.label_limits, options.sandbox_limits.per_label);
  if (status.ok()) status = SetAudit(flags, options);
  if (!status.ok()) return status;
  options.state_dir = std::filesystem::absolute(options.state_dir).lexically_normal();
  if (options.netsvc.empty()) options.netsvc = FindProgram("../netsvc/worker", "sluice-netsvc");
  if (options.guest_init.empty()) options.guest_init = FindProgram("guest", "sluice-init");
  options.guest_init = std::filesystem::absolute(options.guest_init);
  return options;
}

}  // namespace sluice
