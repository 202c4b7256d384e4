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
  static constexpr uint32_t kProtocolVersion = 1;

  // `on_shutdown` runs once, after the answer to Shutdown has been made.
  Worker(EventLoop& loop, std::function<void()> on_shutdown);

  internal::v1::Response Handle(const internal::v1::Request& request, ControlServer::Descriptors descriptors);

 private:
  absl::Status Dispatch(const internal::v1::Request& request, ControlServer::Descriptors descriptors,
                        internal::v1::Response& response);
  absl::Status Hello(const internal::v1::Hello& request, internal::v1::HelloResult& result);
  absl::Status Configure(const internal::v1::Configure& request, ControlServer::Descriptors descriptors);
  absl::Status SetBlockLists(const internal::v1::SetBlockLists& request, ControlServer::Descriptors descriptors);

  EventLoop& loop_;
  const std::function<void()> on_shutdown_;
  dns::BlockLists block_lists_;
  std::unique_ptr<SandboxNetwork> network_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_WORKER_H_
