#include "server/core/published_ports.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/core/port_validation.h"

namespace sluice {

absl::StatusOr<v1::PortMapping> PublishedPorts::Bind(const v1::PortMapping& port) {
  if (ports_.size() >= static_cast<size_t>(kMaxPorts)) {
    return absl::ResourceExhaustedError(absl::StrCat("the sandbox has ", kMaxPorts, " published ports already"));
  }
  absl::StatusOr<BoundPort> bound = bind_(port);
  if (!bound.ok()) return bound.status();
  ports_.push_back(*std::move(bound));
  return ports_.back().mapping;
}

absl::Status PublishedPorts::TellAll(Worker& worker) const {
  for (const BoundPort& port : ports_) {
    if (!port.socket.valid()) continue;
    const absl::Status status = worker.AddPort(port.mapping, port.socket);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status PublishedPorts::Tell(Worker& worker, const v1::PortMapping& name) const {
  for (const BoundPort& port : ports_) {
    if (SameHostPort(port.mapping, name)) return worker.AddPort(port.mapping, port.socket);
  }
  return absl::NotFoundError("the port is not published");
}

absl::StatusOr<uint64_t> PublishedPorts::Unpublish(Worker* worker, const v1::PortMapping& name) {
  const auto found = Find(name);
  if (found == ports_.end()) {
    return absl::NotFoundError(absl::StrCat("the sandbox has not published port ", name.host_port(), " of ",
                                            name.host_address()));
  }
  uint64_t flows_closed = 0;
  if (worker != nullptr && found->socket.valid()) {
    const absl::StatusOr<uint64_t> removed = worker->RemovePort(found->mapping);
    // A worker that failed before, but for its answer, does not know the port; with
    // one that is gone it went too.
    const bool gone = absl::IsNotFound(removed.status()) || absl::IsUnavailable(removed.status());
    if (!removed.ok() && !gone) return removed.status();
    flows_closed = removed.value_or(0);
  }
  ports_.erase(found);
  return flows_closed;
}

void PublishedPorts::CloseAll(Worker* worker) {
  for (BoundPort& port : ports_) {
    // A worker that does not do it is gone or about to be, and its socket too.
    if (worker != nullptr && port.socket.valid()) worker->RemovePort(port.mapping).IgnoreError();
    port.socket.reset();
  }
}

absl::Status PublishedPorts::ReopenAll() {
  for (BoundPort& port : ports_) {
    absl::StatusOr<BoundPort> bound = bind_(port.mapping);
    if (!bound.ok()) {
      CloseAll(nullptr);
      // What was right when it was asked for is not the caller's error now.
      if (!absl::IsInvalidArgument(bound.status())) return bound.status();
      return absl::FailedPreconditionError(bound.status().message());
    }
    port = *std::move(bound);
  }
  return absl::OkStatus();
}

absl::Status PublishedPorts::OpenMissing(Worker* worker) {
  absl::Status status;
  for (BoundPort& port : ports_) {
    if (port.socket.valid()) continue;
    absl::StatusOr<BoundPort> bound = bind_(port.mapping);
    absl::Status opened = bound.status();
    if (opened.ok() && worker != nullptr) opened = worker->AddPort(bound->mapping, bound->socket);
    if (opened.ok()) port = *std::move(bound);
    status.Update(opened);
  }
  return status;
}

PortMappings PublishedPorts::Mappings() const {
  PortMappings mappings;
  for (const BoundPort& port : ports_) *mappings.Add() = port.mapping;
  return mappings;
}

PortMappings PublishedPorts::OpenMappings() const {
  PortMappings mappings;
  for (const BoundPort& port : ports_) {
    if (port.socket.valid()) *mappings.Add() = port.mapping;
  }
  return mappings;
}

bool PublishedPorts::Has(const v1::PortMapping& name) const {
  return std::any_of(ports_.begin(), ports_.end(),
                     [&](const BoundPort& port) { return SameHostPort(port.mapping, name); });
}

std::vector<BoundPort>::iterator PublishedPorts::Find(const v1::PortMapping& name) {
  return std::find_if(ports_.begin(), ports_.end(),
                      [&](const BoundPort& port) { return SameHostPort(port.mapping, name); });
}

}  // namespace sluice
