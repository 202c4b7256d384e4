#ifndef SLUICE_SERVER_WORKER_WORKER_CLIENT_H_
#define SLUICE_SERVER_WORKER_WORKER_CLIENT_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"
#include "server/base/mutex.h"
#include "server/worker/worker_answer.h"
#include "sluice/internal/v1/worker.pb.h"

namespace sluice {

struct WorkerAnswer {
  internal::v1::Response response;
  UniqueFd descriptor;
};

// One connection to a worker: asks, and waits for the answer. Any thread; calls
// take turns.
class WorkerClient {
 public:
  // Of sluice.internal.v1: the latest and the earliest that this server speaks.
  static constexpr uint32_t kVersion = 1;
  static constexpr uint32_t kOldestVersion = 1;

  // Takes a connected socket (ConnectUnix) and greets. FailedPrecondition for a
  // worker that speaks another version.
  static absl::StatusOr<std::unique_ptr<WorkerClient>> Greet(UniqueFd socket, absl::Duration timeout);

  // Sends `request`, whose id is filled in, with duplicates of `descriptors`,
  // and returns the worker's answer. Errors: the worker's own (StatusOf);
  // ResourceExhausted for a request of more than kMaxMessage, which is not sent;
  // Unavailable or DeadlineExceeded where no answer came, or one of more
  // than `limit`, and then connected() is false and every later call is Unavailable.
  absl::StatusOr<internal::v1::Response> Call(internal::v1::Request request, std::span<const int> descriptors,
                                              absl::Duration timeout, const AnswerLimit& limit = kShortAnswer);

  // The same for a request whose answer bears a descriptor. Unavailable where it
  // does not.
  absl::StatusOr<WorkerAnswer> CallForDescriptor(internal::v1::Request request, absl::Duration timeout);

  bool connected() const;

  // What the worker said of itself when greeted.
  const internal::v1::HelloResult& hello() const { return hello_; }

 private:
  explicit WorkerClient(UniqueFd socket) : socket_(std::move(socket)) {}

  // One call at a time is on the socket; others wait here, not in a lock.
  bool TakeTurn(absl::Time deadline);
  void EndTurn(bool still_connected);
  absl::StatusOr<WorkerAnswer> Ask(internal::v1::Request& request, std::span<const int> descriptors,
                                   absl::Duration timeout, const AnswerLimit& limit);
  absl::StatusOr<WorkerAnswer> Exchange(internal::v1::Request& request, std::span<const int> descriptors,
                                        absl::Time deadline, const AnswerLimit& limit);

  const UniqueFd socket_;
  internal::v1::HelloResult hello_;
  uint64_t last_id_ = 0;  // whose turn it is touches it

  mutable Mutex mutex_;
  CondVar turn_ended_;
  bool busy_ GUARDED_BY(mutex_) = false;
  bool connected_ GUARDED_BY(mutex_) = true;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_WORKER_CLIENT_H_
