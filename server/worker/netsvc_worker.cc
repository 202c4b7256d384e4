#include "server/worker/netsvc_worker.h"

#include <errno.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "netsvc/base/io.h"
#include "netsvc/policy/floor.h"
#include "netsvc/policy/never_allowed.h"

namespace sluice {

using internal::v1::Request;
using internal::v1::Response;

namespace {

// What a capture's reader may be behind: 0.3 s at 100 Mbit/s. The kernel counts
// twice as much, for its own overhead (socket(7)).
constexpr int kCaptureBuffer = 4 << 20;

// "IP:PORT" each; what is none was refused before.
std::vector<Endpoint> ParseEndpoints(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<Endpoint> endpoints;
  for (const std::string& text : texts) {
    if (const std::optional<Endpoint> endpoint = Endpoint::Parse(text)) endpoints.push_back(*endpoint);
  }
  return endpoints;
}

// Likewise.
std::vector<IpPrefix> ParsePrefixes(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<IpPrefix> prefixes;
  for (const std::string& text : texts) {
    if (const absl::StatusOr<IpPrefix> prefix = IpPrefix::Parse(text); prefix.ok()) prefixes.push_back(*prefix);
  }
  return prefixes;
}

}  // namespace

void NetsvcWorker::Leave() {
  exit_watch_.reset();
  process_->Leave();
}

absl::Status NetsvcWorker::TakeConfig(const internal::v1::Configure& config) {
  dns_ = config.dns();
  host_nameservers_ = ParseEndpoints(config.nameservers());
  nat64_ = ParsePrefixes(config.nat64_prefixes());
  const internal::v1::Interface& interface = config.interface();
  for (const std::string& text : {interface.ipv4_gateway(), interface.ipv4_dns(), interface.ipv6_gateway(), interface.ipv6_dns()}) {
    if (const std::optional<IpAddress> alias = IpAddress::Parse(text)) aliases_.push_back(*alias);
  }
  absl::StatusOr<std::vector<policy::Rule>> floor = policy::ParseFloor(config.floor());
  if (!floor.ok()) return floor.status();
  floor_ = *std::move(floor);
  return absl::OkStatus();
}

absl::Status NetsvcWorker::Configure(const internal::v1::Configure& config, UniqueFd audit_directory,
                                     UniqueFd socket_directory) {
  if (absl::Status status = TakeConfig(config); !status.ok()) return status;
  if (absl::Status status = SetBackstop(config.policy()); !status.ok()) return status;
  Request request;
  *request.mutable_configure() = config;
  const std::array<int, 2> directories = {audit_directory.get(), socket_directory.get()};
  return Call(std::move(request), directories).status();
}

absl::StatusOr<bool> NetsvcWorker::Resume(const internal::v1::Configure& config, bool keep_open_flows) {
  const internal::v1::HelloResult& hello = client_->hello();
  if (!hello.configured() || hello.sandbox_uid() != config.sandbox_uid()) {
    return absl::FailedPreconditionError("the worker is not this sandbox's");
  }
  if (absl::Status status = TakeConfig(config); !status.ok()) return status;
  policy_ = config.policy();
  internal::v1::SetHost host;
  *host.mutable_control_plane() = config.control_plane();
  *host.mutable_extra_host_cidrs() = config.extra_host_cidrs();
  *host.mutable_nat64_prefixes() = config.nat64_prefixes();
  internal::v1::UpdateNetwork update;
  *update.mutable_dns() = config.dns();
  *update.mutable_limits() = config.limits();
  *update.mutable_audit() = config.audit();
  const bool other_policy = hello.policy_generation() != config.policy_generation();
  absl::Status status = SetHost(host);
  if (status.ok()) status = SetNameservers(host_nameservers_);
  if (status.ok()) status = Update(update);
  if (status.ok()) status = SetFloor(config.floor()).status();
  if (status.ok() && other_policy) {
    status = SetPolicy(config.policy(), config.policy_generation(), keep_open_flows).status();
  }
  if (!status.ok()) return status;
  return other_policy;
}

absl::StatusOr<UniqueFd> NetsvcWorker::GetLink() {
  Request request;
  request.mutable_get_link();
  absl::StatusOr<WorkerAnswer> answer = CallForDescriptor(std::move(request));
  if (!answer.ok()) return answer.status();
  return std::move(answer->descriptor);
}

absl::StatusOr<std::vector<Worker::HeldPort>> NetsvcWorker::GetPorts() {
  std::vector<HeldPort> ports;
  const absl::Time deadline = absl::Now() + call_timeout_;
  while (ports.size() < kMaxHeldPorts && absl::Now() < deadline) {
    Request request;
    request.mutable_get_port()->set_index(static_cast<uint32_t>(ports.size()));
    absl::StatusOr<WorkerAnswer> answer = CallForDescriptor(std::move(request));
    if (absl::IsNotFound(answer.status())) return ports;
    if (!answer.ok()) return answer.status();
    ports.push_back({answer->response.held_port().port(), std::move(answer->descriptor)});
  }
  process_->Kill();
  return absl::UnavailableError("the sandbox's worker tells of its ports without end");
}

absl::StatusOr<uint64_t> NetsvcWorker::SetPolicy(const v1::NetworkPolicy& policy, uint64_t generation,
                                                 bool keep_open_flows) {
  Request request;
  internal::v1::SetPolicy& set = *request.mutable_set_policy();
  *set.mutable_policy() = policy;
  set.set_generation(generation);
  set.set_keep_open_flows(keep_open_flows);
  const v1::NetworkPolicy old = policy_;
  if (absl::Status status = SetBackstop(policy); !status.ok()) {
    policy_ = old;
    return status;
  }
  const absl::StatusOr<Response> response = Call(std::move(request));
  if (!response.ok()) {
    SetBackstop(old).IgnoreError();  // where that fails both stand, which refuses more
    return response.status();
  }
  return response->policy().flows_closed();
}

absl::StatusOr<uint64_t> NetsvcWorker::SetFloor(const policy::RuleProtos& rules) {
  absl::StatusOr<std::vector<policy::Rule>> floor = policy::ParseFloor(rules);
  if (!floor.ok()) return floor.status();
  Request request;
  *request.mutable_set_floor()->mutable_rules() = rules;
  floor_ = *std::move(floor);
  // The worker is told whatever becomes of the wall: both only ever refuse.
  const absl::Status walled = SetBackstop(policy_);
  const absl::StatusOr<Response> response = Call(std::move(request));
  if (!response.ok()) return response.status();
  if (!walled.ok()) return walled;
  return response->policy().flows_closed();
}

absl::Status NetsvcWorker::SetBackstop(const v1::NetworkPolicy& policy) {
  policy_ = policy;
  if (groups_.backstop == nullptr) return absl::OkStatus();
  const std::vector<Endpoint> own = ParseEndpoints(dns_.nameservers());
  return groups_.backstop->Set(policy::NeverAllowed(policy, floor_, dns_, {aliases_, nat64_}), own.empty() ? host_nameservers_ : own);
}

absl::StatusOr<internal::v1::EvaluateResult> NetsvcWorker::Evaluate(const internal::v1::Evaluate& question) {
  Request request;
  *request.mutable_evaluate() = question;
  absl::StatusOr<Response> response = Call(std::move(request));
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_evaluate());
}

absl::StatusOr<internal::v1::RuleStatsResult> NetsvcWorker::GetRuleStats() {
  Request request;
  request.mutable_get_rule_stats();
  // The preset and the default have theirs.
  const size_t rules = static_cast<size_t>(policy_.rules_size()) + 2 + floor_.size();
  absl::StatusOr<Response> response = Call(std::move(request), {}, RuleStatsLimit(rules));
  if (!response.ok()) return response.status();
  TrimRuleStats(rules, *response->mutable_rule_stats());
  return std::move(*response->mutable_rule_stats());
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

absl::Status NetsvcWorker::SetHost(const internal::v1::SetHost& host) {
  if (std::vector<IpPrefix> nat64 = ParsePrefixes(host.nat64_prefixes()); nat64 != nat64_) {
    nat64_ = std::move(nat64);
    if (absl::Status status = SetBackstop(policy_); !status.ok()) return status;
  }
  Request request;
  *request.mutable_set_host() = host;
  return Call(std::move(request)).status();
}

absl::Status NetsvcWorker::SetNameservers(const std::vector<Endpoint>& nameservers) {
  host_nameservers_ = nameservers;
  if (absl::Status status = SetBackstop(policy_); !status.ok()) return status;
  Request request;
  internal::v1::SetNameservers& set = *request.mutable_set_nameservers();
  for (const Endpoint& server : nameservers) set.add_nameservers(server.ToString());
  return Call(std::move(request)).status();
}

absl::Status NetsvcWorker::Update(const internal::v1::UpdateNetwork& update) {
  const v1::DnsConfig old = std::exchange(dns_, update.dns());
  if (absl::Status status = SetBackstop(policy_); !status.ok()) return status;
  Request request;
  *request.mutable_update_network() = update;
  const absl::Status updated = Call(std::move(request)).status();
  if (updated.ok()) return updated;
  dns_ = old;
  SetBackstop(policy_).IgnoreError();  // as in SetPolicy
  return updated;
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

absl::StatusOr<internal::v1::StatsResult> NetsvcWorker::GetStats(uint32_t top_remotes) {
  Request request;
  request.mutable_get_stats()->set_top_remotes(top_remotes);
  absl::StatusOr<Response> response = Call(std::move(request));
  if (!response.ok()) return response.status();
  TrimStats(top_remotes, *response->mutable_stats());
  return std::move(*response->mutable_stats());
}

absl::StatusOr<UniqueFd> NetsvcWorker::StartCapture(const internal::v1::StartCapture& capture) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return ErrnoError(errno, "socketpair");
  UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  // As far as the kernel lets us: what is less drops more, and says so.
  if (setsockopt(writer.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kCaptureBuffer, sizeof(kCaptureBuffer)) < 0) {
    setsockopt(writer.get(), SOL_SOCKET, SO_SNDBUF, &kCaptureBuffer, sizeof(kCaptureBuffer));
  }
  Request request;
  *request.mutable_start_capture() = capture;
  const std::array<int, 1> sockets = {writer.get()};
  const absl::Status status = Call(std::move(request), sockets).status();
  if (!status.ok()) return status;
  return reader;
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

absl::StatusOr<Response> NetsvcWorker::Call(Request request, std::span<const int> descriptors, const AnswerLimit& limit) {
  absl::StatusOr<Response> response = client_->Call(std::move(request), descriptors, call_timeout_, limit);
  if (response.ok()) return response;
  return Judge(response.status());
}

absl::StatusOr<WorkerAnswer> NetsvcWorker::CallForDescriptor(Request request) {
  absl::StatusOr<WorkerAnswer> answer = client_->CallForDescriptor(std::move(request), call_timeout_);
  if (answer.ok()) return answer;
  return Judge(answer.status());
}

absl::Status NetsvcWorker::Judge(const absl::Status& status) {
  if (client_->connected()) return status;
  process_->Kill();
  return absl::UnavailableError(absl::StrCat("the sandbox's worker is gone: ", status.message()));
}

}  // namespace sluice
