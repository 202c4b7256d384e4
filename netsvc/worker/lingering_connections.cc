#include "netsvc/worker/lingering_connections.h"

namespace sluice {

using flow::Flow;

void LingeringConnections::Add(const Flow& flow) {
  if (connections_.size() == kMaxConnections) {
    connections_.pop_front();
    ++left_;
  }
  connections_.push_back({flow.host_side, flow.id, loop_.clock().Monotonic() + kLinger});
  if (timer_ == nullptr) WaitForNext();
}

void LingeringConnections::WaitForNext() {
  const absl::Duration wait = connections_.front().due - loop_.clock().Monotonic();
  timer_ = loop_.RunAfter(wait, [this] { EndDue(); });
}

void LingeringConnections::EndDue() {
  timer_.reset();
  const absl::Duration now = loop_.clock().Monotonic();
  for (; !connections_.empty() && connections_.front().due <= now; connections_.pop_front()) {
    const Connection& connection = connections_.front();
    const Flow* flow = flows_.FindByHostSide(connection.host_side);
    // The guest may have opened another in its place.
    if (flow != nullptr && flow->id == connection.id) end_(*flow);
  }
  if (!connections_.empty()) WaitForNext();
}

}  // namespace sluice
