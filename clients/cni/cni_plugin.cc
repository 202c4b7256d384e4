#include "clients/cni/cni_plugin.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/cli/client.h"
#include "clients/cli/status_text.h"
#include "clients/cni/cni_result.h"
#include "netsvc/base/unique_fd.h"

namespace sluice::cni {
namespace {

using nlohmann::json;
using Stub = v1::SandboxService::Stub;

constexpr char kNetworkLabel[] = "cni-network";
constexpr char kContainerLabel[] = "cni-container";
constexpr size_t kMaxLabel = 63;  // bytes
constexpr int kPageSize = 1000;

Error ServerError(const std::string& doing, const grpc::Status& status) {
  const bool away = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                    status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  if (away) return {ErrorCode::kTryAgainLater, absl::StrCat(doing, ": the server does not answer"), status.error_message()};
  return {ErrorCode::kRefused, absl::StrCat(doing, ": ", cli::StatusText(status))};
}

Outcome Add(cli::Client& client, const Request& request) {
  if (!request.previous_result.is_null()) {
    return Error{ErrorCode::kInvalidConfig, "sluice-cni makes the interface: it comes first in a list of plugins"};
  }
  v1::CreateSandboxRequest create;
  v1::Sandbox& sandbox = *create.mutable_sandbox();
  sandbox.set_id(request.sandbox_id());
  (*sandbox.mutable_labels())[kNetworkLabel] = request.network_name.substr(0, kMaxLabel);
  (*sandbox.mutable_labels())[kContainerLabel] = request.container_id.substr(0, kMaxLabel);
  sandbox.mutable_guest()->mutable_netns()->set_path(request.netns);
  sandbox.mutable_guest()->mutable_netns()->set_interface_name(request.interface_name);
  *sandbox.mutable_network()->mutable_policy() = request.policy;
  sandbox.mutable_network()->mutable_ports()->Assign(request.ports.begin(), request.ports.end());
  v1::CreateSandboxResponse response;
  const grpc::Status status = client.Call(&Stub::CreateSandbox, create, &response, cli::kSlowCallTimeout);
  if (!status.ok()) return ServerError("attach the container", status);
  return ResultOf(request, response.sandbox());
}

grpc::Status Delete(cli::Client& client, const std::string& sandbox_id) {
  v1::DeleteSandboxRequest request;
  request.set_sandbox_id(sandbox_id);
  v1::DeleteSandboxResponse response;
  const grpc::Status status = client.Call(&Stub::DeleteSandbox, request, &response, cli::kSlowCallTimeout);
  // Asked twice, or for what ADD did not finish.
  return status.error_code() == grpc::StatusCode::NOT_FOUND ? grpc::Status::OK : status;
}

Outcome Del(cli::Client& client, const Request& request) {
  const grpc::Status status = Delete(client, request.sandbox_id());
  if (!status.ok()) return ServerError("detach the container", status);
  return json();
}

bool HasInterface(const Request& request) {
  const UniqueFd netns(open(request.netns.c_str(), O_RDONLY | O_CLOEXEC));
  // This process does nothing else from here on.
  return netns.valid() && setns(netns.get(), CLONE_NEWNET) == 0 && if_nametoindex(request.interface_name.c_str()) != 0;
}

Outcome Check(cli::Client& client, const Request& request) {
  v1::GetSandboxRequest get;
  get.set_sandbox_id(request.sandbox_id());
  v1::GetSandboxResponse response;
  const grpc::Status status = client.Call(&Stub::GetSandbox, get, &response);
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
    return Error{ErrorCode::kUnknownContainer, "the container is not attached", request.container_id};
  }
  if (!status.ok()) return ServerError("look at the container's sandbox", status);
  const v1::Sandbox& sandbox = response.sandbox();
  if (sandbox.state() != v1::Sandbox::STATE_RUNNING) {
    return Error{ErrorCode::kNotAsItWas, "the container's network does not work", sandbox.state_message()};
  }
  if (!StillHas(sandbox, request.previous_result)) {
    return Error{ErrorCode::kNotAsItWas, "the container has other addresses than it was given"};
  }
  // Under PRESET_NONE there is none, and shall be none.
  const bool detached = sandbox.network().policy().preset() == v1::PRESET_NONE;
  if (detached || HasInterface(request)) return json();
  return Error{ErrorCode::kNotAsItWas, absl::StrCat("the container has no interface ", request.interface_name)};
}

Outcome CollectGarbage(cli::Client& client, const Request& request) {
  v1::ListSandboxesRequest list;
  (*list.mutable_labels())[kNetworkLabel] = request.network_name.substr(0, kMaxLabel);
  list.set_page_size(kPageSize);
  v1::ListSandboxesResponse page;
  do {
    page.Clear();
    if (const grpc::Status status = client.Call(&Stub::ListSandboxes, list, &page); !status.ok()) {
      return ServerError("list the network's containers", status);
    }
    for (const v1::Sandbox& sandbox : page.sandboxes()) {
      const auto& valid = request.valid_sandboxes;
      if (std::find(valid.begin(), valid.end(), sandbox.id()) != valid.end()) continue;
      if (const grpc::Status status = Delete(client, sandbox.id()); !status.ok()) {
        return ServerError("detach a container that is gone", status);
      }
    }
    list.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  return json();
}

Outcome Status(cli::Client& client) {
  v1::ListSandboxesRequest list;
  list.set_page_size(1);
  v1::ListSandboxesResponse page;
  const grpc::Status status = client.Call(&Stub::ListSandboxes, list, &page);
  if (status.ok()) return json();
  return Error{ErrorCode::kNotAvailable, "the server does not answer", status.error_message()};
}

}  // namespace

Outcome Run(const Request& request) {
  if (request.command == Command::kVersion) return VersionJson();
  cli::Client client(cli::Server{.address = request.server, .credentials = {}});
  switch (request.command) {
    case Command::kAdd:
      return Add(client, request);
    case Command::kDel:
      return Del(client, request);
    case Command::kCheck:
      return Check(client, request);
    case Command::kGc:
      return CollectGarbage(client, request);
    case Command::kStatus:
      return Status(client);
    case Command::kVersion:
      break;
  }
  return VersionJson();
}

}  // namespace sluice::cni
