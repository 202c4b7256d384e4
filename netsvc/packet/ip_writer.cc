#include "netsvc/packet/ip_writer.h"

#include <algorithm>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/checksum.h"
#include "netsvc/packet/headers.h"

namespace sluice::packet {
namespace {

constexpr uint8_t kDefaultHopLimit = 64;  // IANA, "IP Parameters"

void StoreBytes(std::span<const uint8_t> bytes, uint8_t* at) { std::copy(bytes.begin(), bytes.end(), at); }

}  // namespace

IpWriter::IpWriter(const Addressing& addressing, uint8_t protocol, size_t transport_size, std::span<uint8_t> out)
    : source_(addressing.source.address), destination_(addressing.destination.address), protocol_(protocol) {
  const bool v6 = source_.is_v6();
  transport_offset_ = kEthernetHeaderSize + (v6 ? kIpv6HeaderSize : kIpv4HeaderSize);
  const size_t limit = v6 ? kMaxIpPayloadV6 : kMaxIpPayloadV4;
  if (v6 != destination_.is_v6() || transport_size > limit || out.size() < transport_offset_ + transport_size) return;
  frame_ = out.first(transport_offset_ + transport_size);
  StoreBytes(addressing.destination_mac.bytes, &frame_[ethernet::kDestination]);
  StoreBytes(addressing.source_mac.bytes, &frame_[ethernet::kSource]);
  Store16(&frame_[ethernet::kType], v6 ? kEtherTypeIpv6 : kEtherTypeIpv4);
  if (v6) {
    WriteIpv6Header();
  } else {
    WriteIpv4Header();
  }
}

// Identification 0 and no DF: a link may have to fragment what is made here.
void IpWriter::WriteIpv4Header() {
  const std::span<uint8_t> ip = frame_.subspan(kEthernetHeaderSize);
  ip[ipv4::kVersionAndHeaderSize] = ipv4::kVersion4HeaderOf5Words;
  ip[ipv4::kTrafficClass] = 0;
  Store16(&ip[ipv4::kTotalSize], static_cast<uint16_t>(ip.size()));
  Store16(&ip[ipv4::kIdentification], 0);
  Store16(&ip[ipv4::kFragment], 0);
  ip[ipv4::kTtl] = kDefaultHopLimit;
  ip[ipv4::kProtocol] = protocol_;
  StoreBytes(source_.bytes(), &ip[ipv4::kSource]);
  StoreBytes(destination_.bytes(), &ip[ipv4::kDestination]);
}

void IpWriter::WriteIpv6Header() {
  const std::span<uint8_t> ip = frame_.subspan(kEthernetHeaderSize);
  Store32(&ip[ipv6::kVersion], uint32_t{ipv6::kVersion6} << 24);  // traffic class and flow label 0
  Store16(&ip[ipv6::kPayloadSize], static_cast<uint16_t>(ip.size() - kIpv6HeaderSize));
  ip[ipv6::kNextHeader] = protocol_;
  ip[ipv6::kHopLimit] = kDefaultHopLimit;
  StoreBytes(source_.bytes(), &ip[ipv6::kSource]);
  StoreBytes(destination_.bytes(), &ip[ipv6::kDestination]);
}

void IpWriter::SetHopLimit(uint8_t hop_limit) {
  frame_[kEthernetHeaderSize + (source_.is_v6() ? ipv6::kHopLimit : ipv4::kTtl)] = hop_limit;
}

size_t IpWriter::Finish() {
  if (source_.is_v4()) FillIpv4Checksum(frame_.subspan(kEthernetHeaderSize, kIpv4HeaderSize));
  FillTransportChecksum(source_, destination_, protocol_, transport());
  return frame_.size();
}

}  // namespace sluice::packet
