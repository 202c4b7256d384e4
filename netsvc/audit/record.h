#ifndef SLUICE_NETSVC_AUDIT_RECORD_H_
#define SLUICE_NETSVC_AUDIT_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sluice::audit {

// The bytes ahead of each event in a segment, little-endian:
//
//   u32  CRC-32C of the 24 bytes that follow
//   u32  CRC-32C of the payload
//   u32  size of the payload
//   u64  sequence
//   i64  time, nanoseconds since 1970
//
// The payload is the serialized sluice.v1.AuditEvent. The header has a checksum
// of its own, so that damage to an event costs that event and no other.
struct RecordHeader {
  static constexpr size_t kSize = 28;
  // A payload is 1 to this many bytes; a policy of 65,536 rules fits.
  static constexpr uint32_t kMaxPayload = 16 << 20;
  // Sequences are 1 to this.
  static constexpr uint64_t kMaxSequence = uint64_t{1} << 62;

  uint32_t payload_crc = 0;
  uint32_t payload_size = 0;
  uint64_t sequence = 0;
  absl::Time time;

  // From at least kSize bytes. Nothing where they are not a header.
  static std::optional<RecordHeader> Decode(absl::string_view bytes);
  // Overwrites the kSize bytes at `bytes`.
  void Encode(char* bytes) const;
};

}  // namespace sluice::audit

#endif  // SLUICE_NETSVC_AUDIT_RECORD_H_
