#include "netsvc/worker/name_gate.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "netsvc/flow/held_datagrams.h"
#include "netsvc/flow/stream_inspector.h"
#include "netsvc/packet/builder.h"
#include "netsvc/packet/segment.h"

namespace sluice {
namespace {

using flow::Flow;
using flow::HeldDatagrams;
using flow::HeldStream;
using flow::Inspection;
using packet::Packet;

// What the host stack takes in one IPv6 packet.
constexpr size_t kForwardSize = 16 * 1024;
// The host stack announces this much, without window scaling; what is held here
// is taken off.
constexpr size_t kStackWindow = 0xffff;

constexpr policy::Verdict kMismatch{v1::ACTION_DENY, v1::Verdict::REASON_NAME_MISMATCH, policy::kDefaultRuleId};
constexpr policy::Verdict kOverLimit{v1::ACTION_DENY, v1::Verdict::REASON_LIMIT, policy::kDefaultRuleId};

constexpr uint8_t kTlsHandshake = 22;  // RFC 8446 section 5.1

// Neither TLS nor a line's end so far.
bool IsUnfinishedLine(std::span<const uint8_t> bytes) {
  return !bytes.empty() && bytes[0] != kTlsHandshake &&
         std::ranges::none_of(bytes, [](uint8_t c) { return c == '\n' || c == '\r'; });
}

}  // namespace

NameGate::NameGate(const Parts& parts, Forward forward) : parts_(parts), forward_(std::move(forward)) {}

bool NameGate::AdmitsSegment(Flow& flow, Packet& packet) {
  if (packet.tcp_flags & packet::kRst) return true;
  const bool empty = packet.payload().empty();
  if (packet.tcp_flags & packet::kSyn) {
    // What a SYN carries is sent again when nobody acknowledges it (RFC 7413).
    if (empty) return true;
    Show(flow);
    ForwardLike(flow, packet, {.sequence = packet.sequence, .flags = packet.tcp_flags, .payload = {}});
    return false;
  }
  if (empty && (packet.tcp_flags & packet::kFin) == 0) return true;
  if (!flow.tcp.answered()) return false;
  if (flow.held == nullptr) flow.held = std::make_unique<HeldStream>(flow.tcp.next_from_guest(), budget_);
  switch (flow.held->Add(packet)) {
    case HeldStream::Added::kNoRoom:
      EndOverLimit(flow);
      return false;
    case HeldStream::Added::kNothing:
      AcknowledgeHeld(flow, packet);
      return false;
    case HeldStream::Added::kSomething:
      break;
  }
  const Inspection inspection = flow::InspectStream(flow.held->bytes());
  if (inspection.undecided() && !flow.held->finished()) {
    AcknowledgeHeld(flow, packet);
    return false;
  }
  if (!Settle(flow, inspection)) return false;
  flow.undecided = false;
  const std::unique_ptr<HeldStream> held = std::move(flow.held);
  // Just what this packet brought.
  if (held->forward_sequence() == packet.sequence && held->unforwarded().size() == packet.payload().size()) return true;
  Show(flow);
  ForwardHeld(flow, packet, *held);
  return false;
}

bool NameGate::AdmitsDatagram(Flow& flow, Packet& packet) {
  if (flow.held_datagrams == nullptr) flow.held_datagrams = std::make_unique<HeldDatagrams>(budget_);
  const Inspection inspection = flow.held_datagrams->Read(packet.payload());
  if (inspection.undecided()) {
    if (!flow.held_datagrams->Hold(packet.frame)) EndOverLimit(flow);
    return false;
  }
  if (inspection != flow.held_datagrams->judged && !Settle(flow, inspection)) {
    parts_.rejecter.Reject(packet);
    return false;
  }
  flow.held_datagrams->judged = inspection;
  for (std::vector<uint8_t>& frame : flow.held_datagrams->Take()) {
    Packet held;
    if (packet::Parse(frame, held) == packet::ParseError::kNone) forward_(flow, held);
  }
  return true;
}

bool NameGate::Settle(Flow& flow, const Inspection& inspection) {
  const bool named = inspection.outcome == Inspection::Outcome::kNamed;
  ++(named ? counters_.named : counters_.unnamed);
  if (named) flow.server_name = inspection.name;
  const policy::Verdict verdict = VerdictOf(flow, inspection);
  if (verdict.allowed()) return true;
  ++counters_.ended;
  parts_.ender.End(flow, &verdict);
  return false;
}

policy::Verdict NameGate::VerdictOf(const Flow& flow, const Inspection& inspection) const {
  switch (inspection.outcome) {
    case Inspection::Outcome::kNamed:
      return parts_.judge.OfNamed(flow, inspection.name);
    case Inspection::Outcome::kUndecided:  // and nothing more will come
      if (flow.held != nullptr && flow.held->bytes().empty()) return parts_.judge.OfOpen(flow);
      return parts_.judge.OfNameless(flow);
    case Inspection::Outcome::kNameless:
      return parts_.judge.OfNameless(flow);
    case Inspection::Outcome::kUnreadable:  // it may bear any name
      return kMismatch;
    case Inspection::Outcome::kUnknown:
      break;
  }
  return parts_.judge.OfOpen(flow);
}

void NameGate::Show(const Flow& flow) { parts_.link.captures().Judged(flow.verdict(), flow.id); }

void NameGate::EndOverLimit(Flow& flow) {
  ++counters_.over_limit;
  parts_.ender.End(flow, &kOverLimit);
}

void NameGate::AcknowledgeHeld(Flow& flow, const Packet& segment) {
  HeldStream& held = *flow.held;
  const packet::Addressing to_guest{parts_.subnet.gateway_mac, parts_.subnet.guest_mac, flow.guest_side.remote,
                                    flow.guest_side.guest};
  const packet::TcpControl acknowledgment{
      .sequence = flow.tcp.sent_by_remote(),
      .acknowledgment = held.next(),
      .flags = packet::kAck,
      .window = static_cast<uint16_t>(kStackWindow - std::min(kStackWindow, held.bytes().size()))};
  std::array<uint8_t, packet::kMaxRejectSize> frame;
  const size_t size = packet::BuildTcpControl(to_guest, acknowledgment, frame);
  parts_.link.Write(std::span(frame).first(size), &flow);
  // What it acknowledges of the remote's counts, though its data waits.
  const packet::SegmentChange empty{.sequence = held.forward_sequence(), .flags = packet::kAck, .payload = {}};
  held.header.resize(segment.payload_offset);
  held.header.resize(packet::CopyTcpHeader(segment, empty, held.header));
  if (IsUnfinishedLine(held.bytes())) held.pause = parts_.loop.RunAfter(kPause, [this, &flow] { OnPause(flow); });
  ForwardLike(flow, segment, empty);
}

void NameGate::OnPause(Flow& flow) {
  HeldStream& held = *flow.held;
  Packet last;
  if (!IsUnfinishedLine(held.bytes()) || packet::Parse(held.header, last) != packet::ParseError::kNone) return;
  const uint32_t sequence = held.forward_sequence();
  const std::vector<uint8_t> payload(held.unforwarded().begin(), held.unforwarded().end());
  held.MarkForwarded();
  ForwardLike(flow, last, {sequence, packet::kAck | packet::kPsh, payload});
}

void NameGate::ForwardHeld(Flow& flow, const Packet& last, const HeldStream& held) {
  size_t at = 0;
  do {
    const std::span<const uint8_t> rest = held.unforwarded().subspan(at);
    const std::span<const uint8_t> payload = rest.first(std::min(rest.size(), kForwardSize));
    const bool fin = held.finished() && payload.size() == rest.size();
    const uint8_t flags = packet::kAck | packet::kPsh | (fin ? packet::kFin : 0);
    ForwardLike(flow, last, {held.forward_sequence() + static_cast<uint32_t>(at), flags, payload});
    at += payload.size();
  } while (at < held.unforwarded().size() && !flow.ended);
}

void NameGate::ForwardLike(Flow& flow, const Packet& segment, const packet::SegmentChange& change) {
  std::vector<uint8_t> frame(segment.payload_offset + change.payload.size());
  Packet packet;
  const size_t size = packet::CopyTcpHeader(segment, change, frame);
  if (packet::Parse(std::span(frame).first(size), packet) == packet::ParseError::kNone) forward_(flow, packet);
}

}  // namespace sluice
