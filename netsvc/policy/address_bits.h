#ifndef SLUICE_NETSVC_POLICY_ADDRESS_BITS_H_
#define SLUICE_NETSVC_POLICY_ADDRESS_BITS_H_

#include <endian.h>

#include <cstdint>
#include <cstring>

#include "absl/numeric/int128.h"
#include "netsvc/base/ip_address.h"

namespace sluice::policy {

// An address as the number that its bits are, so that addresses of one family
// compare and mask in a step or two: 0.0.0.1 and ::1 are both 1.
inline absl::uint128 AddressBits(const IpAddress& address) {
  if (address.is_v4()) return address.v4();
  uint64_t halves[2];
  std::memcpy(halves, address.bytes().data(), sizeof(halves));
  return absl::MakeUint128(be64toh(halves[0]), be64toh(halves[1]));
}

// The bits that a prefix of `length` fixes in an address of `bits` bits.
inline absl::uint128 PrefixMask(int length, int bits) {
  if (length == 0) return 0;
  const absl::uint128 family = bits == 128 ? absl::Uint128Max() : (absl::uint128(1) << bits) - 1;
  return family & ~((absl::uint128(1) << (bits - length)) - 1);
}

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_ADDRESS_BITS_H_
