#ifndef SLUICE_NETSVC_AUDIT_SEGMENT_H_
#define SLUICE_NETSVC_AUDIT_SEGMENT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"

namespace sluice::audit {

// The files of a log. Each is named by the sequence of its first event, 20
// digits and ".log", so that names sort by sequence. Any thread.
//
// A log's directory may be written to by a worker that its guest has taken
// over: nothing here follows a link, waits on a pipe, or believes a size.

// At the start of each segment, little-endian:
//
//   8 bytes  "SluiceAL"
//   u32      CRC-32C of the 20 bytes that follow
//   u32      version, 1
//   u64      sequence of the first event: the file's name again
//   i64      nanoseconds since 1970; no event of an earlier segment is later
struct SegmentHeader {
  static constexpr size_t kSize = 32;
  static constexpr uint32_t kVersion = 1;

  uint64_t first_sequence = 0;
  absl::Time latest_before;

  // DataLoss where it is damaged, FailedPrecondition where a later version
  // wrote it. `bytes` is kSize long.
  static absl::StatusOr<SegmentHeader> Decode(absl::string_view bytes);
  std::array<char, kSize> Encode() const;
};

std::string SegmentName(uint64_t first_sequence);
// The first sequence; nothing for any other name.
std::optional<uint64_t> ParseSegmentName(absl::string_view name);

// The first sequences of the segments in `directory`, in order. Past
// kMaxSegments: ResourceExhausted.
inline constexpr size_t kMaxSegments = 65'536;
absl::StatusOr<std::vector<uint64_t>> ListSegments(int directory);

// Opens a log's directory, which is no link.
absl::StatusOr<UniqueFd> OpenLogDirectory(const std::string& path);
// Opens a segment, with O_RDONLY or O_RDWR. NotFound once retention removed it;
// FailedPrecondition where it is no regular file.
absl::StatusOr<UniqueFd> OpenSegment(int directory, uint64_t first_sequence, int flags);
// Its header. OutOfRange where the file is too short to have one, which is how
// one that is just being made looks.
absl::StatusOr<SegmentHeader> ReadSegmentHeader(int file);
absl::StatusOr<uint64_t> FileSize(int file);

}  // namespace sluice::audit

#endif  // SLUICE_NETSVC_AUDIT_SEGMENT_H_
