#ifndef SLUICE_NETSVC_AUDIT_LOG_RECOVERY_H_
#define SLUICE_NETSVC_AUDIT_LOG_RECOVERY_H_

#include <cstdint>
#include <deque>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/audit/record.h"
#include "netsvc/base/unique_fd.h"

namespace sluice::audit {

// A segment that is written no more.
struct ClosedSegment {
  uint64_t first_sequence = 0;
  uint64_t bytes = 0;
  absl::Time latest;  // no event in it is later
};

// What a writer must know of its log to go on with it.
struct LogState {
  uint64_t next_sequence = 1;
  // No event is later.
  absl::Time latest = absl::UnixEpoch();
  std::deque<ClosedSegment> closed;  // oldest first
  // The segment that is written, open for writing, and its size: where the next
  // record begins. None where the next event begins a segment.
  UniqueFd file;
  uint64_t file_first_sequence = 0;
  uint64_t file_bytes = 0;
};

// A log whose next event would bear a larger number was not written by a writer of
// ours, and is not continued: its numbers would come to an end.
inline constexpr uint64_t kMaxNextSequence = RecordHeader::kMaxSequence / 2;

// Makes the log in `directory` ready to be continued, whatever became of the
// writer before: removes a segment that never got its header, and cuts a record
// that was written in part. Where the last segment's end is damaged it stays as
// it is, and as many sequences are left out as there can have been records of
// `min_record_bytes` each, one at least. `now` stands for times that damage took.
// DataLoss past kMaxNextSequence.
absl::StatusOr<LogState> RecoverLog(int directory, uint64_t min_record_bytes, absl::Time now);

}  // namespace sluice::audit

#endif  // SLUICE_NETSVC_AUDIT_LOG_RECOVERY_H_
