#ifndef SLUICE_NETSVC_WORKER_GATEWAY_FUZZER_RECORDS_H_
#define SLUICE_NETSVC_WORKER_GATEWAY_FUZZER_RECORDS_H_

#include <cstddef>
#include <cstdint>

namespace sluice {

// An input of gateway_fuzzer: the seed of a policy in one byte, then records, each
// a byte of GatewayFuzzControl, the frame's size in two bytes, the frame.
inline constexpr size_t kRecordHeaderSize = 3;

enum GatewayFuzzControl : uint8_t {
  kRepair = 0x01,         // the guest's MAC address and right checksums
  kPartialChecksum = 0x02,
  kSegmented = 0x04,      // TCP that the link left whole
  kAnswer = 0x08,         // then the host stack connects
  kWait = 0x10,           // then a minute passes
  kChangePolicy = 0x20,   // then the policy becomes the next one
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_GATEWAY_FUZZER_RECORDS_H_
