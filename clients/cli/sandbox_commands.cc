#include "clients/cli/sandbox_commands.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cli/client.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/json.h"
#include "clients/cli/list_all.h"
#include "clients/cli/machine_options.h"
#include "clients/cli/output.h"
#include "clients/cli/sandbox_options.h"
#include "clients/cli/sandbox_text.h"

namespace sluice::cli {
namespace {

struct CreateOptions {
  SandboxOptions sandbox;
  std::string netns;
  int32_t pid = 0;
  std::string interface_name;
  MachineOptions machine;
};

struct GetOptions {
  std::string sandbox;
};

struct ListOptions {
  std::vector<std::string> labels;
};

struct DeleteOptions {
  std::vector<std::string> sandboxes;
};

void UseNetns(const CreateOptions& options, v1::Sandbox& sandbox) {
  v1::NetnsGuest& guest = *sandbox.mutable_guest()->mutable_netns();
  if (options.pid > 0) {
    guest.set_pid(options.pid);
  } else {
    guest.set_path(options.netns);
  }
  guest.set_interface_name(options.interface_name);
}

int Create(const Cli& cli, const CreateOptions& options) {
  absl::StatusOr<v1::Sandbox> sandbox = MakeSandbox(options.sandbox);
  if (!sandbox.ok()) return UsageError(sandbox.status().message());
  const bool in_netns = options.pid > 0 || !options.netns.empty();
  if (in_netns && !cli.command.empty())
    return UsageError("a namespace has no command: leave out what follows --");
  if (options.machine.given() && !cli.command.empty())
    return UsageError("a virtual machine has no command: leave out what follows --");
  for (const std::string& arg : cli.command) sandbox->mutable_guest()->mutable_oci()->add_args(arg);
  if (in_netns) UseNetns(options, *sandbox);
  options.machine.FillGuest(*sandbox->mutable_guest());

  v1::CreateSandboxRequest request;
  *request.mutable_sandbox() = *std::move(sandbox);
  v1::CreateSandboxResponse response;
  Client client(cli.server);
  const grpc::Status status = client.CreateSandbox(request, &response);
  if (!status.ok()) return client.Fail("cannot create the sandbox", status);
  return Print(absl::StrCat(cli.json ? JsonPretty(response.sandbox()) : response.sandbox().id(), "\n"));
}

int Get(const Cli& cli, const GetOptions& options) {
  v1::GetSandboxRequest request;
  request.set_sandbox_id(options.sandbox);
  v1::GetSandboxResponse response;
  Client client(cli.server);
  const grpc::Status status = client.Call(&v1::SandboxService::Stub::GetSandbox, request, &response);
  if (!status.ok()) return client.Fail(absl::StrCat("cannot get ", options.sandbox), status);
  if (cli.json) return Print(absl::StrCat(JsonPretty(response.sandbox()), "\n"));
  return Print(SandboxDetails(response.sandbox(), absl::Now()));
}

std::string JsonArray(const std::vector<v1::Sandbox>& sandboxes) {
  const auto append = [](std::string* out, const v1::Sandbox& sandbox) {
    absl::StrAppend(out, JsonLine(sandbox));
  };
  return absl::StrCat("[", absl::StrJoin(sandboxes, ",\n ", append), "]\n");
}

int List(const Cli& cli, const ListOptions& options) {
  v1::ListSandboxesRequest request;
  const absl::Status labels = FillMap("--label", options.labels, *request.mutable_labels());
  if (!labels.ok()) return UsageError(labels.message());
  std::vector<v1::Sandbox> sandboxes;
  Client client(cli.server);
  const grpc::Status status = ListAll(client, request, sandboxes);
  if (!status.ok()) return client.Fail("cannot list the sandboxes", status);
  if (cli.json) return Print(JsonArray(sandboxes));
  if (!sandboxes.empty()) return Print(SandboxTable(sandboxes, absl::Now()));
  PrintNotice(options.labels.empty() ? "no sandboxes: `sluice create` makes one"
                                     : "no sandboxes with these labels");
  return kOk;
}

// Goes on past failures; the exit code is the last failure's.
int Delete(const Cli& cli, const DeleteOptions& options) {
  Client client(cli.server);
  int code = kOk;
  for (const std::string& sandbox : options.sandboxes) {
    v1::DeleteSandboxRequest request;
    request.set_sandbox_id(sandbox);
    v1::DeleteSandboxResponse response;
    const grpc::Status status =
        client.Call(&v1::SandboxService::Stub::DeleteSandbox, request, &response, kSlowCallTimeout);
    if (!status.ok()) {
      code = client.Fail(absl::StrCat("cannot delete ", sandbox), status);
      continue;
    }
    Print(cli.json ? absl::StrCat("{\"deleted\":\"", sandbox, "\"}\n") : absl::StrCat(sandbox, "\n"));
  }
  return code;
}

void AddCreate(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<CreateOptions>();
  CLI::App* create = app.add_subcommand("create", "Create a sandbox and print its id");
  AddSandboxOptions(create, options->sandbox);
  auto* rootfs = create->get_option("--rootfs");
  auto* netns =
      create->add_option("--netns", options->netns, "Use this network namespace, which someone else runs")
          ->option_text("PATH")
          ->excludes(rootfs);
  for (const char* of_oci : {"--memory", "--cpus", "--processes"}) netns->excludes(create->get_option(of_oci));
  create->add_option("--pid", options->pid, "Use the network namespace of this process")
      ->option_text("PID")
      ->check(AboveZero())
      ->excludes(rootfs)
      ->excludes(netns);
  create->add_option("--interface", options->interface_name, "The interface made in that namespace (eth0)")
      ->type_name("NAME");
  AddMachineOptions(create, options->machine);
  create->footer(
      "What follows -- is the guest's first process; without it, the guest waits for\n"
      "`sluice exec`.\n\n"
      "Examples:\n"
      "  sluice create --name web -p 8080:80 -- nginx -g 'daemon off;'\n"
      "  sluice create --name small --memory 256M --cpus 0.5 --processes 64\n"
      "  sluice create --name build --policy allowlist --allow '*.pypi.org:443'\n"
      "  sluice create --name box --netns /run/netns/box --policy public_only\n"
      "  sluice create --name vm --kernel /boot/vmlinuz --initrd /boot/initrd.img --memory 1GiB\n");
  TakeCommand(create, cli);
  SetAction(create, cli, options, &Create);
}

void AddGet(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<GetOptions>();
  CLI::App* get = app.add_subcommand("get", "Show one sandbox");
  get->add_option("SANDBOX", options->sandbox, "Its id")->required();
  get->footer("Examples:\n  sluice get web\n  sluice get web -o json | jq .network_status.ports\n");
  SetAction(get, cli, options, &Get);
}

void AddList(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* list = app.add_subcommand("list", "List the sandboxes");
  AddRepeated(list, "-l,--label", options->labels, "Only those that bear this label. May be repeated")
      ->type_name("K=V");
  list->footer("Examples:\n  sluice list\n  sluice list -l team=ci -o json | jq -r '.[].id'\n");
  SetAction(list, cli, options, &List);
}

void AddDelete(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<DeleteOptions>();
  CLI::App* remove = app.add_subcommand("delete", "End sandboxes and remove all that is theirs");
  remove->add_option("SANDBOX", options->sandboxes, "Their ids")->required();
  remove->footer("Examples:\n  sluice delete web\n  sluice delete web build\n");
  SetAction(remove, cli, options, &Delete);
}

}  // namespace

void AddSandboxCommands(CLI::App& app, Cli& cli) {
  AddCreate(app, cli);
  AddGet(app, cli);
  AddList(app, cli);
  AddDelete(app, cli);
}

}  // namespace sluice::cli
