#ifndef SLUICE_NETSVC_WORKER_WORKER_H_
#define SLUICE_NETSVC_WORKER_WORKER_H_

#include <functional>
#include <memory>

#include "netsvc/dns/block_lists.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/worker/control_server.h"
#include "netsvc/worker/sandbox_network.h"
#include "sluice/internal/v1/worker.pb.h"

namespace sluice {

// Answers the server's requests. One thread, the loop's.
class Worker {
 public:
  // Of sluice.internal.v1: the latest and the earliest that this worker speaks.
  static constexpr uint32_t kProtocolVersion = 1;
  static constexpr uint32_t kOldestVersion = 1;

  // A worker that is not configured by then is nobody's: its server was killed
  // as it started it.
  static constexpr absl::Duration kConfigureTimeout = absl::Seconds(20);

  // `on_shutdown` runs once, after the answer to Shutdown has been made.
  Worker(EventLoop& loop, std::function<void()> on_shutdown);

  ControlServer::Answer Handle(const internal::v1::Request& request, ControlServer::Descriptors descriptors);

 private:
  absl::Status Dispatch(const internal::v1::Request& request, ControlServer::Descriptors descriptors,
                        ControlServer::Answer& answer);
  static absl::StatusOr<uint32_t> ChooseVersion(const internal::v1::Hello& request);
  absl::Status Hello(const internal::v1::Hello& request, internal::v1::HelloResult& result);
  absl::Status Configure(const internal::v1::Configure& request, ControlServer::Descriptors descriptors);
  absl::Status SetBlockLists(const internal::v1::SetBlockLists& request, ControlServer::Descriptors descriptors);

  EventLoop& loop_;
  const std::function<void()> on_shutdown_;
  dns::BlockLists block_lists_;
  std::unique_ptr<SandboxNetwork> network_;
  std::unique_ptr<EventLoop::Handle> configure_timer_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_WORKER_H_
