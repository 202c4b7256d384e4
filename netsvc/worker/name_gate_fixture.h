#ifndef SLUICE_NETSVC_WORKER_NAME_GATE_FIXTURE_H_
#define SLUICE_NETSVC_WORKER_NAME_GATE_FIXTURE_H_

#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "netsvc/flow/test_client_hello.h"
#include "netsvc/packet/test_frames.h"
#include "netsvc/worker/gateway_fixture.h"

namespace sluice {

using flow::AsBytes;
using flow::Bytes;
using packet::kAck;
using packet::kFin;
using packet::kPsh;
using packet::kRst;
using packet::kSyn;

inline const Endpoint kRemote = *Endpoint::Parse("93.184.216.34:443");
inline constexpr char kAllowA[] = R"(preset: PRESET_ALLOWLIST rules { id: "a" action: ACTION_ALLOW peers { domain: "a.test" } })";
inline constexpr char kDenyB[] =
    R"(preset: PRESET_PUBLIC_ONLY rules { id: "no-b" action: ACTION_DENY peers { domain: "*.b.test" } })";
inline constexpr uint32_t kGuestStart = 1001;
inline constexpr uint32_t kRemoteStart = 501;
inline constexpr int kSocket = 77;

// The same one each time, though no two are alike.
inline Bytes Hello(const std::string& name) {
  static auto* const hellos = new std::map<std::string, Bytes>;
  Bytes& hello = (*hellos)[name];
  if (hello.empty()) hello = flow::RealStream({.server_name = name});
  return hello;
}
inline Bytes Request(const std::string& host) { return AsBytes("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"); }

// The gateway under a policy of names, and one TCP connection after another of
// the guest's to kRemote, which a.test led to.
class NameGateFixture : public GatewayFixture {
 protected:
  explicit NameGateFixture(const std::string& dns_config = "") : GatewayFixture(dns_config) {
    SetPolicy(kAllowA);
    Bind("a.test");
  }

  void Bind(const std::string& name) {
    bindings_.Bind(DomainName::FromText(name).value(), std::vector{kRemote.address}, absl::ZeroDuration());
  }

  // Both sides' part of the handshake; what was sent so far is forgotten.
  void Connect() {
    ++port_;
    stack_.next_socket = kSocket;
    Guest(kSyn, kGuestStart - 1, {}, 0);
    StackSends(ToGuestFrom(kRemote, port_), {.sequence = kRemoteStart - 1, .acknowledgment = kGuestStart, .flags = kSyn | kAck});
    Guest(kAck, kGuestStart, {});
    stack_.frames.clear();
    stack_.aborted.clear();
    to_guest_.clear();
  }

  void Guest(uint8_t flags, uint32_t sequence, const Bytes& payload, uint32_t acknowledgment = kRemoteStart) {
    packet::TcpFields fields;
    fields.flags = flags;
    fields.sequence = sequence;
    fields.acknowledgment = acknowledgment;
    fields.payload = payload;
    Bytes frame = packet::TcpFrame(FromGuestTo(kRemote, port_), fields);
    GuestSends(frame);
  }
  void Data(const Bytes& payload, uint32_t offset = 0) { Guest(kAck | kPsh, kGuestStart + offset, payload); }

  // What the host stack got, as a stream: in order, or the test fails.
  std::string Forwarded() {
    std::string stream;
    for (std::vector<uint8_t>& frame : stack_.frames) {
      packet::Packet packet;
      EXPECT_EQ(packet::Parse(frame, packet), packet::ParseError::kNone);
      EXPECT_TRUE(packet::ChecksumsAreRight(frame));
      if (packet.payload().empty()) continue;
      EXPECT_EQ(packet.sequence, kGuestStart + stream.size());
      stream.append(packet.payload().begin(), packet.payload().end());
    }
    return stream;
  }
  static std::string Text(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

  void ExpectPassed(const Bytes& stream) { EXPECT_EQ(Forwarded(), Text(stream)); }
  // The far side saw no byte of it, and both sides were reset.
  void ExpectEnded(v1::Verdict::Reason reason) {
    EXPECT_EQ(Forwarded(), "");
    EXPECT_TRUE(stack_.aborted.contains(kSocket));
    EXPECT_TRUE(LastToGuest().tcp_flags & kRst);
    const v1::FlowEvent closed = LastFlowEvent();
    EXPECT_EQ(closed.phase(), v1::FlowEvent::PHASE_CLOSED);
    EXPECT_EQ(closed.end_cause(), v1::FlowEvent::END_CAUSE_ENDED);
    EXPECT_EQ(closed.verdict().reason(), reason);
    EXPECT_EQ(closed.bytes_to_remote(), 0u);
    const flow::Flow* flow = flows_.FindByGuestSide({v1::PROTOCOL_TCP, {subnet_.ipv4.guest, port_}, kRemote});
    ASSERT_NE(flow, nullptr);
    EXPECT_TRUE(flow->ended);
    EXPECT_EQ(gateway_->name_gate().held_bytes(), 0u);
  }

  uint16_t port_ = 10'000;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_NAME_GATE_FIXTURE_H_
