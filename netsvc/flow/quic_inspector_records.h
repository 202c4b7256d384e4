#ifndef SLUICE_NETSVC_FLOW_QUIC_INSPECTOR_RECORDS_H_
#define SLUICE_NETSVC_FLOW_QUIC_INSPECTOR_RECORDS_H_

#include <cstddef>
#include <cstdint>

namespace sluice::flow {

// An input of quic_inspector_fuzzer is a row of records: a byte of FuzzControl, the
// size of what follows in two bytes, and that. Each is a datagram, or the frames of
// one that the fuzzer seals, which no mutation could.
inline constexpr size_t kRecordHeaderSize = 3;

enum FuzzControl : uint8_t {
  kSealed = 0x01,
  kVersion2 = 0x02,
  kOtherConnection = 0x04,
  kServersId = 0x08,   // the destination that the server chose, under the keys of before
  kJoinNext = 0x10,    // the next record is of the same datagram
  kShortNumber = 0x20,
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_QUIC_INSPECTOR_RECORDS_H_
