#include "netsvc/worker/worker.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/dns/sealed_set.h"
#include "netsvc/worker/confinement.h"

namespace sluice {
namespace {

using internal::v1::Request;
using internal::v1::Response;

absl::Status NeedDescriptors(const ControlServer::Descriptors& descriptors, size_t count) {
  if (descriptors.size() == count) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(count, " descriptors are needed, ", descriptors.size(), " came"));
}

template <typename Result>
absl::Status Answer(absl::StatusOr<Result> from, Result& result) {
  if (from.ok()) result = *std::move(from);
  return from.status();
}

absl::Status AnswerPort(absl::StatusOr<SandboxNetwork::Port> from, ControlServer::Answer& answer) {
  if (!from.ok()) return from.status();
  *answer.response.mutable_held_port()->mutable_port() = std::move(from->mapping);
  answer.descriptor = std::move(from->socket);
  return absl::OkStatus();
}

// Of an operation that counts the flows it ended.
template <typename Result>
absl::Status Count(const absl::StatusOr<uint64_t>& flows_closed, Result& result) {
  if (flows_closed.ok()) result.set_flows_closed(*flows_closed);
  return flows_closed.status();
}

}  // namespace

Worker::Worker(EventLoop& loop, std::function<void()> on_shutdown)
    : loop_(loop), on_shutdown_(std::move(on_shutdown)) {
  configure_timer_ = loop_.RunAfter(kConfigureTimeout, on_shutdown_);
}

ControlServer::Answer Worker::Handle(const Request& request, ControlServer::Descriptors descriptors) {
  ControlServer::Answer answer;
  const absl::Status status = Dispatch(request, std::move(descriptors), answer);
  if (status.ok()) return answer;
  ControlServer::Answer failed;
  failed.response.set_code(static_cast<int32_t>(status.code()));
  failed.response.set_message(std::string(status.message()));
  failed.response.set_field(FieldOf(status).value_or(""));
  return failed;
}

absl::Status Worker::Dispatch(const Request& request, ControlServer::Descriptors descriptors,
                              ControlServer::Answer& answer) {
  Response& response = answer.response;
  if (request.kind_case() == Request::kHello) return Hello(request.hello(), *response.mutable_hello());
  if (request.kind_case() == Request::kConfigure) return Configure(request.configure(), std::move(descriptors));
  if (request.kind_case() == Request::kSetBlockLists) {
    return SetBlockLists(request.set_block_lists(), std::move(descriptors));
  }
  if (request.kind_case() == Request::KIND_NOT_SET) {
    return absl::UnimplementedError("the worker does not know this request");
  }
  if (network_ == nullptr) return absl::FailedPreconditionError("the worker is not configured");
  switch (request.kind_case()) {
    case Request::kHello:
    case Request::kConfigure:
    case Request::kSetBlockLists:
      break;
    case Request::kSetPolicy:
      return Count(network_->SetPolicy(request.set_policy()), *response.mutable_policy());
    case Request::kSetFloor:
      return Count(network_->SetFloor(request.set_floor()), *response.mutable_policy());
    case Request::kAddPort:
      if (absl::Status status = NeedDescriptors(descriptors, 1); !status.ok()) return status;
      return network_->AddPort(request.add_port().port(), std::move(descriptors[0]));
    case Request::kRemovePort:
      return Count(network_->RemovePort(request.remove_port().port()), *response.mutable_port());
    case Request::kSetNameservers:
      return network_->SetNameservers(request.set_nameservers().nameservers());
    case Request::kRecordEvent:
      return network_->RecordLifecycle(request.record_event().lifecycle());
    case Request::kAttachLink:
      if (absl::Status status = NeedDescriptors(descriptors, 1); !status.ok()) return status;
      return network_->AttachLink(std::move(descriptors[0]));
    case Request::kDetachLink:
      network_->DetachLink();
      return absl::OkStatus();
    case Request::kStartCapture:
      if (absl::Status status = NeedDescriptors(descriptors, 1); !status.ok()) return status;
      return network_->StartCapture(request.start_capture(), std::move(descriptors[0]));
    case Request::kUpdateNetwork:
      return network_->Update(request.update_network());
    case Request::kGetStats:
      *response.mutable_stats() = network_->Stats(request.get_stats().top_remotes());
      return absl::OkStatus();
    case Request::kShutdown:
      response.mutable_shutdown()->set_flows_closed(network_->Shutdown(request.shutdown().lifecycle()));
      loop_.Post(on_shutdown_);
      return absl::OkStatus();
    case Request::kEvaluate:
      return Answer(network_->Evaluate(request.evaluate()), *response.mutable_evaluate());
    case Request::kGetRuleStats:
      *response.mutable_rule_stats() = network_->RuleStats();
      return absl::OkStatus();
    case Request::kSetHost:
      return network_->SetHost(request.set_host());
    case Request::kGetLink:
      return Answer(network_->LinkDescriptor(), answer.descriptor);
    case Request::kGetPort:
      return AnswerPort(network_->GetPort(request.get_port().index()), answer);
    case Request::KIND_NOT_SET:
      break;
  }
  return absl::InternalError("the worker lost a request");
}

absl::StatusOr<uint32_t> Worker::ChooseVersion(const internal::v1::Hello& request) {
  const uint32_t oldest = request.oldest_version() == 0 ? request.version() : request.oldest_version();
  const uint32_t version = std::min(request.version(), kProtocolVersion);
  if (version >= std::max(oldest, kOldestVersion)) return version;
  return absl::FailedPreconditionError(absl::StrCat("the worker speaks versions ", kOldestVersion, " to ",
                                                    kProtocolVersion, ", the server ", oldest, " to ",
                                                    request.version()));
}

absl::Status Worker::Hello(const internal::v1::Hello& request, internal::v1::HelloResult& result) {
  const absl::StatusOr<uint32_t> version = ChooseVersion(request);
  if (!version.ok()) return version.status();
  result.set_version(*version);
  result.set_configured(network_ != nullptr);
  if (network_ == nullptr) return absl::OkStatus();
  result.set_sandbox_uid(network_->uid());
  result.set_policy_generation(network_->policy_generation());
  return absl::OkStatus();
}

absl::Status Worker::Configure(const internal::v1::Configure& request, ControlServer::Descriptors descriptors) {
  if (network_ != nullptr) return absl::FailedPreconditionError("the worker is configured already");
  if (absl::Status status = NeedDescriptors(descriptors, 2); !status.ok()) return status;
  absl::StatusOr<Confined> confined = Confine({.uid = request.uid(),
                                               .log_directory = std::move(descriptors[0]),
                                               .run_directory = std::move(descriptors[1])});
  if (!confined.ok()) {
    // Half confined is of no use: the server hears why, and the process ends.
    loop_.Post(on_shutdown_);
    return absl::InternalError(absl::StrCat("the worker cannot be confined: ", confined.status().message()));
  }
  auto network = SandboxNetwork::Create(loop_, block_lists_, request, std::move(confined->log_directory),
                                        confined->run_directory);
  if (!network.ok()) return network.status();
  network_ = *std::move(network);
  configure_timer_.reset();
  return absl::OkStatus();
}

absl::Status Worker::SetBlockLists(const internal::v1::SetBlockLists& request,
                                   ControlServer::Descriptors descriptors) {
  const size_t count = static_cast<size_t>(request.names_size());
  if (absl::Status status = NeedDescriptors(descriptors, count); !status.ok()) return status;
  std::vector<policy::DomainSet> lists;
  for (const UniqueFd& descriptor : descriptors) {
    absl::StatusOr<policy::DomainSet> list = dns::MapSealedSet(descriptor);
    if (!list.ok()) return list.status();
    lists.push_back(*std::move(list));
  }
  for (size_t i = 0; i < count; ++i) {
    const std::string& name = request.names(static_cast<int>(i));
    if (!block_lists_.Set(name, std::move(lists[i]))) {
      return absl::ResourceExhaustedError(absl::StrCat("more than ", dns::BlockLists::kMaxLists, " block lists"));
    }
  }
  if (network_ != nullptr) network_->OnBlockListsChanged();
  return absl::OkStatus();
}

}  // namespace sluice
