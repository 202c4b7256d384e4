#include "server/worker/netsvc_worker.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice {

using internal::v1::Request;
using internal::v1::Response;

absl::Status NetsvcWorker::Configure(const internal::v1::Configure& config, UniqueFd audit_directory,
                                     UniqueFd socket_directory) {
  Request request;
  *request.mutable_configure() = config;
  const std::array<int, 2> directories = {audit_directory.get(), socket_directory.get()};
  return Call(std::move(request), directories).status();
}

absl::StatusOr<uint64_t> NetsvcWorker::SetPolicy(const v1::NetworkPolicy& policy, uint64_t generation,
                                                 bool keep_open_flows) {
  Request request;
  internal::v1::SetPolicy& set = *request.mutable_set_policy();
  *set.mutable_policy() = policy;
  set.set_generation(generation);
  set.set_keep_open_flows(keep_open_flows);
  const absl::StatusOr<Response> response = Call(std::move(request));
  if (!response.ok()) return response.status();
  return response->policy().flows_closed();
}

absl::Status NetsvcWorker::AddPort(const v1::PortMapping& port, const UniqueFd& socket) {
  Request request;
  *request.mutable_add_port()->mutable_port() = port;
  const std::array<int, 1> sockets = {socket.get()};
  return Call(std::move(request), sockets).status();
}

absl::StatusOr<uint64_t> NetsvcWorker::RemovePort(const v1::PortMapping& port) {
  Request request;
  *request.mutable_remove_port()->mutable_port() = port;
  const absl::StatusOr<Response> response = Call(std::move(request));
  if (!response.ok()) return response.status();
  return response->port().flows_closed();
}

absl::Status NetsvcWorker::SetNameservers(const std::vector<Endpoint>& nameservers) {
  Request request;
  internal::v1::SetNameservers& set = *request.mutable_set_nameservers();
  for (const Endpoint& server : nameservers) set.add_nameservers(server.ToString());
  return Call(std::move(request)).status();
}

absl::Status NetsvcWorker::Update(const internal::v1::UpdateNetwork& update) {
  Request request;
  *request.mutable_update_network() = update;
  return Call(std::move(request)).status();
}

absl::Status NetsvcWorker::SetBlockLists(const std::vector<BlockList>& lists) {
  Request request;
  internal::v1::SetBlockLists& set = *request.mutable_set_block_lists();
  std::vector<int> images;
  for (const BlockList& list : lists) {
    set.add_names(list.name);
    images.push_back(list.image);
  }
  return Call(std::move(request), images).status();
}

absl::Status NetsvcWorker::RecordEvent(const v1::LifecycleEvent& event) {
  Request request;
  *request.mutable_record_event()->mutable_lifecycle() = event;
  return Call(std::move(request)).status();
}

absl::Status NetsvcWorker::AttachLink(UniqueFd tap) {
  Request request;
  request.mutable_attach_link();
  const std::array<int, 1> taps = {tap.get()};
  return Call(std::move(request), taps).status();
}

absl::Status NetsvcWorker::DetachLink() {
  Request request;
  request.mutable_detach_link();
  return Call(std::move(request)).status();
}

void NetsvcWorker::Shutdown(const v1::LifecycleEvent& last) {
  exit_watch_.reset();
  Request request;
  *request.mutable_shutdown()->mutable_lifecycle() = last;
  const bool asked = Call(std::move(request)).ok();
  if (asked && process_->WaitFor(kExitTimeout)) return;
  process_->Kill();
  process_->WaitFor(kExitTimeout);
}

absl::StatusOr<Response> NetsvcWorker::Call(Request request, std::span<const int> descriptors) {
  absl::StatusOr<Response> response = client_->Call(std::move(request), descriptors, kCallTimeout);
  if (response.ok() || client_->connected()) return response;
  process_->Kill();
  return absl::UnavailableError(absl::StrCat("the sandbox's worker is gone: ", response.status().message()));
}

}  // namespace sluice
