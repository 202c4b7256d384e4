#ifndef SLUICE_NETSVC_PACKET_SANITIZER_SEEDS_H_
#define SLUICE_NETSVC_PACKET_SANITIZER_SEEDS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "netsvc/packet/test_frames.h"

namespace sluice::packet {

// A record of an input: a byte of FuzzControl, the frame's size in two bytes, the
// frame.
inline constexpr size_t kRecordHeaderSize = 3;
inline constexpr size_t kAllTheRest = 0xffff;  // a size: the frame is what is left

enum FuzzControl : uint8_t {
  kPartialChecksum = 0x01,
  kSegmentV4 = 0x02,
  kSegmentV6 = 0x04,
  kAdvanceClock = 0x08,
  // Gives the frame the guest's MAC address and right checksums, which no mutation
  // would find.
  kRepair = 0x10,
};

// Inputs for sanitizer_fuzzer to start from: what an ordinary guest sends, each
// kind of frame once, and rows of fragments.
std::vector<Bytes> SanitizerSeeds();

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_SANITIZER_SEEDS_H_
