#ifndef SLUICE_SERVER_CORE_PUBLISHED_PORTS_H_
#define SLUICE_SERVER_CORE_PUBLISHED_PORTS_H_

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "server/core/port_binder.h"
#include "server/worker/worker.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

using PortMappings = google::protobuf::RepeatedPtrField<v1::PortMapping>;

// The published ports of one sandbox: the mappings, and the sockets that hold
// them while they are open. One thread at a time; binding does not block.
class PublishedPorts {
 public:
  using Binder = std::function<absl::StatusOr<BoundPort>(const v1::PortMapping&)>;

  explicit PublishedPorts(Binder bind) : bind_(std::move(bind)) {}

  // Takes the host port and keeps it. Errors are the binder's; ResourceExhausted
  // past kMaxPorts.
  absl::StatusOr<v1::PortMapping> Bind(const v1::PortMapping& port);
  // Tells the worker of every open port. A failure leaves some told.
  absl::Status TellAll(Worker& worker) const;
  absl::Status Tell(Worker& worker, const v1::PortMapping& name) const;
  // Has the worker end the port's flows, if there is a worker, and frees the
  // port, whether or not the worker still can. Returns the number of flows that it
  // ended; NotFound where the port is not published.
  absl::StatusOr<uint64_t> Unpublish(Worker* worker, const v1::PortMapping& name);

  // Of an earlier server: a port that is open, or (without a socket) waits to be.
  void Adopt(BoundPort port) { ports_.push_back(std::move(port)); }

  // Frees every port and keeps the mappings.
  void CloseAll(Worker* worker);
  // Takes the ports that are not open, and tells the worker, where there is one.
  // An error leaves those closed that could not be taken.
  absl::Status OpenMissing(Worker* worker);
  // Takes the ports of all mappings again: all, or none and the error.
  absl::Status ReopenAll();

  PortMappings Mappings() const;
  // Of those that are open.
  PortMappings OpenMappings() const;
  bool Has(const v1::PortMapping& name) const;

 private:
  std::vector<BoundPort>::iterator Find(const v1::PortMapping& name);

  const Binder bind_;
  std::vector<BoundPort> ports_;  // a closed one has no socket
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_PUBLISHED_PORTS_H_
