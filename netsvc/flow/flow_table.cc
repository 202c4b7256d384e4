#include "netsvc/flow/flow_table.h"

#include <cstddef>
#include <utility>

namespace sluice::flow {

absl::Duration FlowTable::TimeoutOf(Age age) {
  switch (age) {
    case kTcpOpening:
      return kTcpOpeningTimeout;
    case kTcpEstablished:
      return kTcpEstablishedTimeout;
    case kTcpHalfClosed:
      return kTcpHalfClosedTimeout;
    case kUdp:
      return kUdpTimeout;
    case kIcmp:
      return kIcmpTimeout;
    case kEnded:
    case kAgeCount:
      break;
  }
  return kEndedTimeout;
}

FlowTable::Age FlowTable::AgeOf(const Flow& flow) {
  if (flow.ended) return kEnded;
  if (flow.guest_side.protocol == v1::PROTOCOL_UDP) return kUdp;
  if (flow.guest_side.protocol == v1::PROTOCOL_ICMP) return kIcmp;
  switch (flow.tcp.state()) {
    case TcpTracker::State::kOpening:
      return kTcpOpening;
    case TcpTracker::State::kEstablished:
      return kTcpEstablished;
    case TcpTracker::State::kHalfClosed:
    case TcpTracker::State::kFinished:
    case TcpTracker::State::kReset:
      break;
  }
  return kTcpHalfClosed;
}

void FlowTable::MoveTo(Entry& entry, Age age) {
  ages_[age].splice(ages_[age].end(), ages_[entry.age], entry.self);
  entry.age = age;
}

Flow* FlowTable::FindByGuestSide(const FlowKey& key) {
  const auto it = by_guest_side_.find(key);
  return it == by_guest_side_.end() ? nullptr : it->second;
}

Flow* FlowTable::FindByHostSide(const FlowKey& key) {
  const auto it = by_host_side_.find(key);
  return it == by_host_side_.end() ? nullptr : it->second;
}

void FlowTable::MakeWay(const FlowKey& guest_side, const FlowKey& host_side) {
  if (const auto it = by_guest_side_.find(guest_side); it != by_guest_side_.end()) Remove(*it->second);
  if (const auto it = by_host_side_.find(host_side); it != by_host_side_.end()) Remove(*it->second);
}

Flow* FlowTable::Open(const FlowKey& guest_side, const FlowKey& host_side, absl::Duration now) {
  if (open_count_ >= max_flows_) {
    ++counters_.refused;
    return nullptr;
  }
  MakeWay(guest_side, host_side);
  // Ended flows are bounded like the open ones: the oldest goes first.
  while (ages_[kEnded].size() >= max_flows_) Remove(ages_[kEnded].front());
  Entry& entry = ages_[kUdp].emplace_back();
  entry.self = std::prev(ages_[kUdp].end());
  entry.id = ++*last_id_;
  entry.guest_side = guest_side;
  entry.host_side = host_side;
  entry.opened = entry.last_active = entry.last_told = now;
  MoveTo(entry, AgeOf(entry));
  by_guest_side_[guest_side] = &entry;
  by_host_side_[host_side] = &entry;
  ++open_count_;
  ++counters_.opened;
  return &entry;
}

void FlowTable::Touch(Flow& flow, absl::Duration now) {
  if (flow.ended) return;
  Entry& entry = EntryOf(flow);
  const Age age = AgeOf(flow);
  if (age == entry.age && now - flow.last_active < kTouchGrain) return;
  flow.last_active = now;
  MoveTo(entry, age);
}

void FlowTable::MarkEnded(Flow& flow, absl::Duration now) {
  if (flow.ended) return;
  flow.ended = true;
  flow.last_active = now;
  --open_count_;
  MoveTo(EntryOf(flow), kEnded);
}

void FlowTable::Remove(Entry& entry) {
  if (!entry.ended) --open_count_;
  by_guest_side_.erase(entry.guest_side);
  by_host_side_.erase(entry.host_side);
  ages_[entry.age].erase(entry.self);
}

void FlowTable::Sweep(absl::Duration now, const std::function<void(Flow&)>& on_idle) {
  for (int i = 0; i < kAgeCount; ++i) {
    const Age age = static_cast<Age>(i);
    AgeList& list = ages_[age];
    while (!list.empty() && now - list.front().last_active >= TimeoutOf(age)) {
      if (age == kEnded) {
        Remove(list.front());
      } else {
        on_idle(list.front());
      }
    }
  }
}

void FlowTable::ForEachOpen(const std::function<void(Flow&)>& visit) {
  for (int age = 0; age < kEnded; ++age) {
    for (auto it = ages_[age].begin(); it != ages_[age].end();) {
      Flow& flow = *it;
      ++it;
      visit(flow);
    }
  }
}

}  // namespace sluice::flow
