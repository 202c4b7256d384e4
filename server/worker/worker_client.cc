#include "server/worker/worker_client.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/worker/message_socket.h"

namespace sluice {
namespace {

constexpr size_t kIdSize = 16;  // bytes of a Request's id at most, as protobuf writes it

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerClient>> WorkerClient::Greet(UniqueFd socket, absl::Duration timeout) {
  std::unique_ptr<WorkerClient> client(new WorkerClient(std::move(socket)));
  internal::v1::Request request;
  request.mutable_hello()->set_version(kVersion);
  request.mutable_hello()->set_oldest_version(kOldestVersion);
  absl::StatusOr<internal::v1::Response> response = client->Call(std::move(request), {}, timeout);
  if (!response.ok()) return response.status();
  const uint32_t version = response->hello().version();
  if (version < kOldestVersion || version > kVersion) {
    return absl::FailedPreconditionError(absl::StrCat("the worker speaks version ", version, " of the internal protocol, this server ",
                                                      kOldestVersion, " to ", kVersion));
  }
  client->hello_ = response->hello();
  return client;
}

absl::StatusOr<internal::v1::Response> WorkerClient::Call(internal::v1::Request request,
                                                          std::span<const int> descriptors, absl::Duration timeout,
                                                          const AnswerLimit& limit) {
  absl::StatusOr<WorkerAnswer> answer = Ask(request, descriptors, timeout, limit);
  if (!answer.ok()) return answer.status();
  return std::move(answer->response);
}

absl::StatusOr<WorkerAnswer> WorkerClient::CallForDescriptor(internal::v1::Request request, absl::Duration timeout) {
  absl::StatusOr<WorkerAnswer> answer = Ask(request, {}, timeout, kShortAnswer);
  if (answer.ok() && !answer->descriptor.valid()) return absl::UnavailableError("the worker's answer lacks a descriptor");
  return answer;
}

absl::StatusOr<WorkerAnswer> WorkerClient::Ask(internal::v1::Request& request, std::span<const int> descriptors,
                                               absl::Duration timeout, const AnswerLimit& limit) {
  // Before anything is sent: the worker is not to blame.
  if (request.ByteSizeLong() > kMaxMessage - kIdSize) {
    return absl::ResourceExhaustedError("the request is too long for the worker");
  }
  const absl::Time deadline = absl::Now() + timeout;
  if (!TakeTurn(deadline)) return absl::UnavailableError("the worker is gone or busy");
  absl::StatusOr<WorkerAnswer> answer = Exchange(request, descriptors, deadline, limit);
  EndTurn(answer.ok());
  if (!answer.ok()) return answer;
  const absl::Status status = StatusOf(answer->response);
  if (!status.ok()) return status;
  return answer;
}

absl::StatusOr<WorkerAnswer> WorkerClient::Exchange(internal::v1::Request& request, std::span<const int> descriptors,
                                                    absl::Time deadline, const AnswerLimit& limit) {
  request.set_id(++last_id_);
  const absl::Status sent = SendMessage(socket_.get(), request.SerializeAsString(), descriptors, deadline);
  if (!sent.ok()) return sent;
  absl::StatusOr<ReceivedMessage> received = ReceiveWithDescriptor(socket_.get(), limit.bytes, deadline);
  if (!received.ok()) return received.status();
  std::optional<internal::v1::Response> response = ParseAnswer(received->bytes, limit);
  if (!response || response->id() != request.id()) return absl::UnavailableError("the worker's answer makes no sense");
  return WorkerAnswer{.response = *std::move(response), .descriptor = std::move(received->descriptor)};
}

bool WorkerClient::connected() const {
  const MutexLock lock(mutex_);
  return connected_;
}

bool WorkerClient::TakeTurn(absl::Time deadline) {
  const MutexLock lock(mutex_);
  while (busy_ && connected_) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    turn_ended_.WaitFor(mutex_, left);
  }
  if (!connected_) return false;
  busy_ = true;
  return true;
}

void WorkerClient::EndTurn(bool still_connected) {
  {
    const MutexLock lock(mutex_);
    busy_ = false;
    connected_ = still_connected;
  }
  turn_ended_.NotifyAll();
}

}  // namespace sluice
