#include "netsvc/worker/held_packets.h"

#include <utility>

namespace sluice {

HeldPackets::HeldPackets(EventLoop& loop, dns::Bindings& bindings, Resolve resolve, Release release)
    : loop_(loop), bindings_(bindings), resolve_(std::move(resolve)), release_(std::move(release)) {}

HeldPackets::~HeldPackets() = default;

bool HeldPackets::Hold(const flow::FlowKey& key, const packet::Packet& packet, std::span<const DomainName> names) {
  if (held_.contains(key)) {
    ++counters_.repeated;
    return true;
  }
  if (held_.size() >= kMaxPackets) {
    ++counters_.refused;
    return false;
  }
  ++counters_.held;
  const auto held = std::make_shared<Held>();
  held->frame.assign(packet.frame.begin(), packet.frame.end());
  held->unanswered = names.size();
  held->timer = loop_.RunAfter(kMaxWait, [this, key] {
    ++counters_.timed_out;
    LetGo(key);
  });
  held_[key] = held;
  const bool ipv6 = key.remote.address.is_v6();
  for (const DomainName& name : names) {
    resolve_(name, ipv6, [this, key, name, waiting = std::weak_ptr<Held>(held)](bool answered) {
      if (!waiting.expired()) OnAnswer(key, name, answered);
    });
  }
  return true;
}

void HeldPackets::OnAnswer(const flow::FlowKey& key, const DomainName& name, bool answered) {
  // A fresh answer with this address has renewed the pair.
  if (answered) bindings_.DropIfStale(name, key.remote.address);
  Held& held = *held_.at(key);
  // As a timer: an answer may come from within Hold.
  if (--held.unanswered == 0) held.timer = loop_.RunAfter(absl::ZeroDuration(), [this, key] { LetGo(key); });
}

void HeldPackets::LetGo(const flow::FlowKey& key) {
  const auto found = held_.find(key);
  const std::shared_ptr<Held> held = std::move(found->second);
  held_.erase(found);
  packet::Packet packet;
  if (packet::Parse(held->frame, packet) == packet::ParseError::kNone) release_(packet);
}

}  // namespace sluice
