#ifndef SLUICE_SERVER_SERVICE_CAPTURE_REACTOR_H_
#define SLUICE_SERVER_SERVICE_CAPTURE_REACTOR_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/loop/event_loop.h"
#include "server/access/caller.h"
#include "server/base/mutex.h"
#include "server/guest/io_thread.h"
#include "sluice/v1/audit_service.pb.h"

namespace sluice {

// One CapturePackets call. Takes what the worker wrote off a socket, as it is,
// when gRPC has taken the last: one chunk is in memory, the socket's buffer holds
// what waits, and past that the worker drops and counts. Owned by itself until
// gRPC and the I/O thread are done with it.
class CaptureReactor : public grpc::ServerWriteReactor<v1::CapturePacketsResponse>,
                       public std::enable_shared_from_this<CaptureReactor> {
 public:
  // Open at once, of all sandboxes.
  static constexpr int kMaxCaptures = 64;

  // All of it outlives the call.
  struct Parts {
    // Has the worker of a sandbox that is there for the caller write a capture to
    // the socket that `done` is given the other end of: a SOCK_SEQPACKET socket,
    // whole pcapng blocks a message. Does not block.
    std::function<void(const v1::CapturePacketsRequest&, const Caller&,
                       std::function<void(absl::StatusOr<UniqueFd>)> done)>
        start;
    IoThread& io;
    std::atomic<int>& open;  // how many there are
  };

  static CaptureReactor* Start(const v1::CapturePacketsRequest& request, absl::StatusOr<Caller> caller,
                               const Parts& parts);
  ~CaptureReactor() override { --parts_.open; }

 private:
  CaptureReactor(absl::StatusOr<Caller> caller, const Parts& parts) : parts_(parts), caller_(std::move(caller)) {
    ++parts_.open;
  }

  void Begin(const v1::CapturePacketsRequest& request);
  void OnStarted(absl::StatusOr<UniqueFd> socket);
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void ReadSoon();
  // On the I/O thread.
  void Watch();
  void Read();
  // One message; false where there is none, for now or for good.
  bool ReadMessage();

  void Write();
  void End(const absl::Status& status);

  const Parts parts_;  // a copy: the service may go before the I/O thread lets go of this
  const absl::StatusOr<Caller> caller_;  // whose stream it is, until it ends
  std::shared_ptr<CaptureReactor> self_;
  v1::CapturePacketsResponse response_;

  // The I/O thread's, once there is a socket.
  UniqueFd socket_;
  std::unique_ptr<EventLoop::Handle> watch_;
  std::vector<char> message_;
  bool over_ = false;      // the worker has ended it
  bool complete_ = false;  // and said so

  Mutex mutex_;
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_CAPTURE_REACTOR_H_
