#ifndef SLUICE_NETSVC_AUDIT_LOG_READER_H_
#define SLUICE_NETSVC_AUDIT_LOG_READER_H_

#include <cstdint>
#include <optional>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/audit/segment_reader.h"
#include "netsvc/base/unique_fd.h"
#include "sluice/v1/audit.pb.h"

namespace sluice::audit {

// A place between two events of a log. A value; good in any later process.
struct LogPosition {
  // Of the next event. 0: the oldest that is held, whichever that is.
  uint64_t next_sequence = 0;
  // The segment (its first sequence) and the byte where that event is or will
  // be; 0 where only the sequence is known.
  uint64_t segment = 0;
  uint64_t offset = 0;
};

// Nothing further is in the log now.
struct EndForNow {};
// Much was passed over without finding an event to give out. Call again: this
// is where a thread that serves others too can turn to them.
struct Pause {};
// These will never be read: retention removed them, they are damaged, or they
// could not be written. Inclusive.
struct Lost {
  uint64_t first = 0;
  uint64_t last = 0;
};
using LogItem = std::variant<EndForNow, Pause, Lost, v1::AuditEvent>;

// Reads a sandbox's audit log while its writer writes and retention removes.
// Sequences that it gives out, as events or as lost, only ever rise, each once,
// and none is left out from `next_sequence` on. One thread.
//
// It keeps at most one segment open. Where thousands of places are kept, keep
// their LogPosition and open a reader to read on.
class LogReader {
 public:
  // Next pauses after it passed over this many bytes.
  static constexpr uint64_t kPauseBytes = 4 << 20;

  // A reader of the log in `directory` (see OpenLogDirectory).
  LogReader(UniqueFd directory, const LogPosition& position);

  // A position ahead of which no event is as late as `time`: events from there
  // on may still be earlier.
  static absl::StatusOr<LogPosition> PositionAt(int directory, absl::Time time);
  // The end of what the log holds now. next_sequence is not told: 0.
  static absl::StatusOr<LogPosition> End(int directory);

  // Passes over events before `since`. They count as read, never as lost.
  void SkipBefore(absl::Time since) { since_ = since; }

  // Errors of the file system, and FailedPrecondition for a log of a later
  // version; the position stays.
  absl::StatusOr<LogItem> Next();
  // Right after the last item that was given out or passed over.
  LogPosition position() const;
  // Has everything ahead of `end`, as End() told it, been read?
  bool HasReached(const LogPosition& end) const;

 private:
  // Opens the segment that holds the position, or the one that follows. False
  // where there is none.
  absl::StatusOr<bool> OpenPosition();
  absl::StatusOr<bool> OpenSegmentAt(uint64_t first_sequence, uint64_t offset);
  // Goes to the segment after this one, once this one is read to its end.
  // False where there is none.
  absl::StatusOr<bool> OpenFollowing();
  // The segment after `segment`; 0 where there is none.
  absl::StatusOr<uint64_t> Following(uint64_t segment) const;
  // What a record comes to; nothing where it is passed over.
  std::optional<LogItem> Judge(const SegmentReader::Record& record);
  Lost LoseUpTo(uint64_t last);

  const UniqueFd directory_;
  LogPosition position_;
  absl::Time since_ = absl::InfinitePast();
  std::optional<SegmentReader> segment_;
  // The segment that was seen to follow before the last look at this one, which
  // grows no more since. 0: none was.
  uint64_t sealed_by_ = 0;
};

}  // namespace sluice::audit

#endif  // SLUICE_NETSVC_AUDIT_LOG_READER_H_
