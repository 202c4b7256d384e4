#include "netsvc/policy/ipv4_carrier.h"

#include <algorithm>
#include <array>

#include "netsvc/policy/address_bits.h"

namespace sluice::policy {
namespace {

constexpr std::array<int, 6> kNat64Lengths = {32, 40, 48, 56, 64, 96};
constexpr size_t kReservedOctet = 8;  // RFC 6052 section 2.2: "u", bits 64 to 71

// The four bytes after the prefix, less the reserved octet.
CarriedIpv4 FromNat64(const IpAddress& outer, int prefix_length) {
  const std::span<const uint8_t> bytes = outer.bytes();
  size_t at = static_cast<size_t>(prefix_length / 8);
  if (at == kReservedOctet) ++at;
  const int first_bit = static_cast<int>(8 * at);
  std::array<uint8_t, IpAddress::kV4Size> inner;
  for (uint8_t& byte : inner) {
    if (at == kReservedOctet) ++at;
    byte = bytes[at++];
  }
  return {IpAddress::V4Bytes(inner), first_bit};
}

}  // namespace

bool IsNat64Prefix(const IpPrefix& prefix) {
  return prefix.address().is_v6() && std::ranges::find(kNat64Lengths, prefix.length()) != kNat64Lengths.end();
}

std::optional<CarriedIpv4> FindCarriedIpv4(const IpAddress& outer, std::span<const IpPrefix> nat64) {
  if (outer.is_v4()) return std::nullopt;
  for (const IpPrefix& prefix : nat64) {
    if (IsNat64Prefix(prefix) && prefix.Contains(outer)) return FromNat64(outer, prefix.length());
  }
  const absl::uint128 bits = AddressBits(outer);
  const uint64_t high = absl::Uint128High64(bits);
  const uint64_t low = absl::Uint128Low64(bits);
  const IpAddress last_32 = IpAddress::V4(static_cast<uint32_t>(low));
  const bool well_known = high == 0x0064'ff9b'0000'0000 && low >> 32 == 0;
  const bool mapped = high == 0 && low >> 32 == 0xffff;
  const bool compatible = high == 0 && low >> 32 == 0 && low > 1;
  if (well_known || mapped || compatible) return CarriedIpv4{last_32, 96};
  if (high >> 48 == 0x2002) return CarriedIpv4{IpAddress::V4(static_cast<uint32_t>(high >> 16)), 16};
  if (high >> 32 == 0x2001'0000) return CarriedIpv4{IpAddress::V4(~static_cast<uint32_t>(low)), 96};
  return std::nullopt;
}

}  // namespace sluice::policy
