#ifndef SLUICE_NETSVC_FLOW_QUIC_INSPECTOR_H_
#define SLUICE_NETSVC_FLOW_QUIC_INSPECTOR_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "netsvc/flow/inspection.h"
#include "netsvc/flow/quic_crypto_stream.h"
#include "netsvc/flow/quic_keys.h"
#include "netsvc/flow/quic_packet.h"

namespace sluice::flow {

// Reads the server names of the QUIC connections (RFC 9000 and 9369) that a guest
// opens on one UDP flow to port 443, out of their Initial packets. It is fed every
// datagram of the guest's, for as long as the flow is open: clients may open one
// connection after another on it.
//
// Owned by its flow. One thread. The handshakes that it holds are kMaxInspected
// bytes together; what asks for more is kUnreadable.
class QuicInspector {
 public:
  // Connections of a flow that are remembered. A packet that belongs to an older
  // one is kUnreadable.
  static constexpr size_t kMaxConnections = 4;

  // What is known once `datagram`, the next payload that the guest sent, is read:
  //
  // kUndecided: the hello is not whole; the next datagram will tell.
  // kNamed, kNameless: the server of the connection that was opened last. It may be
  //   another one after the next datagram.
  // kUnknown: this datagram is certainly none of QUIC's (no long header, no fixed
  //   bit), which a server of QUIC would pass over. It says nothing of the next.
  // kUnreadable: it is none that this reads: another version, a packet without a
  //   connection, one that its keys do not open, a malformed one, pieces of a hello
  //   that contradict one another. Every later datagram is that too, but for those
  //   that are kUnknown.
  Inspection OnDatagram(std::span<const uint8_t> datagram);

  // Bytes of handshakes that it holds.
  size_t held() const;

 private:
  struct Connection {
    QuicVersion version;
    std::vector<uint8_t> first_id;  // that its client first addressed
    QuicKeys keys;
    std::optional<uint64_t> largest_number = {};
    QuicCryptoStream handshake = {};

    std::optional<QuicKeys::Opened> Open(const QuicPacket& packet) const;
  };

  bool ReadPackets(std::span<const uint8_t> datagram);
  bool ReadInitial(const QuicPacket& packet);
  bool ReadFrames(Connection& connection, const QuicKeys::Opened& opened);

  std::vector<Connection> connections_;  // oldest first
  Inspection latest_;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_QUIC_INSPECTOR_H_
