#include "clients/cli/sandbox_options.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/cli.h"
#include "clients/cli/policy_options.h"
#include "clients/cpp/port_syntax.h"

namespace sluice::cli {
namespace {

using client::ParsePortMapping;

// The server has a working directory of its own.
absl::StatusOr<std::string> AbsolutePath(const std::string& path) {
  if (path.empty()) return path;
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) return absl::InvalidArgumentError(absl::StrCat("--rootfs: ", path, ": ", error.message()));
  return absolute.lexically_normal().string();
}

absl::Status AddPorts(const std::vector<std::string>& texts, v1::NetworkConfig& network) {
  for (const std::string& text : texts) {
    const absl::StatusOr<v1::PortMapping> port = ParsePortMapping(text);
    if (!port.ok()) return absl::InvalidArgumentError(absl::StrCat("-p: ", port.status().message()));
    *network.add_ports() = *port;
  }
  return absl::OkStatus();
}

absl::Status FillGuest(const SandboxOptions& options, v1::OciGuest& guest) {
  const absl::StatusOr<std::string> rootfs = AbsolutePath(options.rootfs);
  if (!rootfs.ok()) return rootfs.status();
  guest.set_rootfs(*rootfs);
  guest.set_memory_bytes(options.memory_bytes);
  guest.set_cpus(options.cpus);
  guest.set_max_processes(options.max_processes);
  guest.set_user(options.process.user);
  guest.set_working_directory(options.process.working_directory);
  return FillMap("--env", options.process.env, *guest.mutable_env());
}

}  // namespace

void AddProcessOptions(CLI::App* app, ProcessOptions& options) {
  AddRepeated(app, "-e,--env", options.env, "A variable of the program's environment. May be repeated")
      ->type_name("K=V");
  app->add_option("-u,--user", options.user, "Who the program runs as")->type_name("UID[:GID]");
  app->add_option("-w,--workdir", options.working_directory, "Where the program starts, in the guest")
      ->type_name("DIR");
}

CLI::Validator AboveZero() {
  return CLI::Validator(
      [](const std::string& text) {
        double number;
        return absl::SimpleAtod(text, &number) && number > 0 ? "" : absl::StrCat(text, " is not a number above 0");
      },
      "");
}

void AddSandboxOptions(CLI::App* app, SandboxOptions& options) {
  AddPolicyOptions(app, options.policy);
  app->add_option("--name", options.name, "The sandbox's id; made up when left out")->type_name("ID");
  AddRepeated(app, "-l,--label", options.labels, "A label of the sandbox. May be repeated")->type_name("K=V");
  AddRepeated(app, "-p,--publish", options.ports,
              "Let the host's port HOST reach the guest's GUEST. May be repeated")
      ->type_name("[ADDR:]HOST:GUEST[/udp]");
  AddRepeated(app, "--block-list", options.block_lists, "A block list of the server's. May be repeated")
      ->type_name("NAME");
  app->add_option("--rootfs", options.rootfs,
                  "The guest's root directory; the host's own, read-only, when left out")
      ->option_text("DIR");
  app->add_option("--memory", options.memory_bytes, "At most this much memory: 512M, 2G; no limit when left out")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->option_text("SIZE");
  app->add_option("--cpus", options.cpus, "At most so many processors: 0.5, 2; no limit when left out")
      ->check(AboveZero())
      ->option_text("N");
  app->add_option("--processes", options.max_processes, "At most so many processes and threads")
      ->check(AboveZero())
      ->option_text("N");
  app->add_option("--mtu", options.mtu, "The largest packet on the guest's link; 1500 when left out")
      ->option_text("BYTES");
  AddRetentionOptions(app, options.retention);
  AddProcessOptions(app, options.process);
}

absl::Status FillMap(absl::string_view option, const std::vector<std::string>& texts,
                     google::protobuf::Map<std::string, std::string>& map) {
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == 0 || equals == text.npos) {
      return absl::InvalidArgumentError(absl::StrCat(option, ": \"", text, "\" is not of the form K=V"));
    }
    map[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Sandbox> MakeSandbox(const SandboxOptions& options) {
  v1::Sandbox sandbox;
  sandbox.set_id(options.name);
  *sandbox.mutable_network()->mutable_policy() = options.policy;
  for (const std::string& name : options.block_lists) sandbox.mutable_network()->mutable_dns()->add_block_lists(name);
  absl::Status status = FillMap("--label", options.labels, *sandbox.mutable_labels());
  status.Update(AddPorts(options.ports, *sandbox.mutable_network()));
  if (options.mtu != 0) sandbox.mutable_network()->mutable_interface()->set_mtu(options.mtu);
  if (options.retention.given()) status.Update(options.retention.Fill(*sandbox.mutable_network()->mutable_audit()));
  status.Update(FillGuest(options, *sandbox.mutable_guest()->mutable_oci()));
  if (!status.ok()) return status;
  return sandbox;
}

}  // namespace sluice::cli
