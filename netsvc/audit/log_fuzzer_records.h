#ifndef SLUICE_NETSVC_AUDIT_LOG_FUZZER_RECORDS_H_
#define SLUICE_NETSVC_AUDIT_LOG_FUZZER_RECORDS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sluice::audit {

// An input of log_fuzzer: parts, each a byte of LogFuzzControl, a size in two bytes
// and so many bytes, of which a log is made.
inline constexpr size_t kPartHeaderSize = 3;

enum LogFuzzControl : uint8_t {
  kRecord = 0x01,      // the bytes are a record's payload, else they stand as they are
  kNewSegment = 0x02,  // ahead of them a segment begins
  kShortHeader = 0x04,  // with its header in part, and nothing after it
  kSkipNumbers = 0x08,  // the record's sequence is larger than the next
  kOldNumber = 0x10,    // it is the one before
  kLastNumbers = 0x20,  // it is among the last that there are
  kFlip = 0x40,         // a bit of what was added is another
  kCut = 0x80,          // its second half is missing
};

struct FuzzedSegment {
  uint64_t first_sequence = 1;
  std::string bytes;
};

// In order; at least one, and no two of one name.
std::vector<FuzzedSegment> SegmentsOf(std::span<const uint8_t> input);

}  // namespace sluice::audit

#endif  // SLUICE_NETSVC_AUDIT_LOG_FUZZER_RECORDS_H_
