#ifndef SLUICE_NETSVC_PACKET_IP_WRITER_H_
#define SLUICE_NETSVC_PACKET_IP_WRITER_H_

#include <cstdint>
#include <span>

#include "netsvc/base/endpoint.h"
#include "netsvc/base/mac_address.h"

namespace sluice::packet {

// Both ends of a frame that is being made.
struct Addressing {
  MacAddress source_mac;
  MacAddress destination_mac;
  Endpoint source;
  Endpoint destination;  // of the source's family
};

// Writes one IP packet with its Ethernet header into the caller's buffer: the
// headers at construction, then the caller fills transport(), then Finish().
class IpWriter {
 public:
  // `transport_size` counts the transport header and all behind it.
  IpWriter(const Addressing& addressing, uint8_t protocol, size_t transport_size, std::span<uint8_t> out);

  // False where the packet does not fit `out` or IP, or the families differ.
  // Nothing below may be called then.
  bool ok() const { return !frame_.empty(); }

  // Uninitialised until the caller writes it.
  std::span<uint8_t> transport() const { return frame_.subspan(transport_offset_); }

  // 64 unless set.
  void SetHopLimit(uint8_t hop_limit);

  // Stores the checksums and returns the frame's size.
  size_t Finish();

 private:
  void WriteIpv4Header();
  void WriteIpv6Header();

  const IpAddress source_;
  const IpAddress destination_;
  const uint8_t protocol_;
  size_t transport_offset_ = 0;
  std::span<uint8_t> frame_;
};

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_IP_WRITER_H_
