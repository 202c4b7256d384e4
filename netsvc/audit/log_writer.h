#ifndef SLUICE_NETSVC_AUDIT_LOG_WRITER_H_
#define SLUICE_NETSVC_AUDIT_LOG_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/audit/log_recovery.h"
#include "netsvc/base/clock.h"
#include "netsvc/base/unique_fd.h"
#include "sluice/v1/audit.pb.h"

namespace sluice::audit {

// Appends a sandbox's audit events to its log directory, in segment files
// (format: netsvc/audit/README.md). One writer a log; one thread.
class LogWriter {
 public:
  // How much is kept, looked at whenever a segment is begun and by Expire.
  struct Retention {
    // A segment past this is closed and the next begun.
    uint64_t segment_bytes = 16 << 20;
    // The oldest closed segments go while all of them hold more than this,
    uint64_t total_bytes = 256 << 20;
    // or while their newest event is older than this. A segment is closed after
    // an eighth of it, so that nothing stays much longer.
    absl::Duration max_age = absl::InfiniteDuration();
  };
  struct Options {
    std::string sandbox_id;
    std::string sandbox_uid;
    Retention retention = {};
  };

  // What waits for Flush, at most; one event that is larger waits alone.
  static constexpr size_t kMaxPendingBytes = 4 << 20;

  // Continues the log in `directory` (an open directory; nothing outside it is
  // touched): a torn last record is cut, numbering goes on without gap or repeat.
  // Where the end of the log is damaged, the numbers that may have been used
  // there are left out, and readers are told that they are lost. `clock`
  // outlives the writer.
  static absl::StatusOr<std::unique_ptr<LogWriter>> Open(UniqueFd directory, const Options& options,
                                                         const Clock& clock);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  // What waits is not written.
  ~LogWriter() = default;

  // Fills in sandbox_id, sandbox_uid, sequence and time, and puts the event into
  // the buffer of this turn. Returns its sequence. At most kMaxPendingBytes wait:
  // past that the buffer is flushed first. Where that fails, or the event is
  // larger than a record can be, the event is dropped and its sequence used up,
  // so that readers are told of a lost event.
  uint64_t Append(v1::AuditEvent& event);

  // Writes what was appended, with one write(2); durable against the death of
  // any process, not of the kernel. After an error the same events are tried
  // again by the next Flush, and nothing is given out that was not written.
  absl::Status Flush();

  // Takes back the event appended last, after a Flush that failed: it is as if it
  // had never been, and its sequence is the next one's.
  void Retract();

  // Removes what is older than max_age now, the last segment too. Numbering goes
  // on.
  void Expire();

  // Keeps so much from now on: what is beyond it goes at once, in whole segments of
  // the size that they had until then; where the last one alone is more than
  // total_bytes, it goes too. While events wait the last one stays until they are
  // written.
  void SetRetention(const Retention& retention);

  bool has_pending() const { return !pending_.empty(); }
  // Of the event appended last, in this process or before. 0: there was none.
  uint64_t last_sequence() const { return log_.next_sequence - 1; }
  // Events that Append dropped.
  uint64_t dropped() const { return dropped_; }

 private:
  LogWriter(UniqueFd directory, const Options& options, const Clock& clock, LogState log);
  bool MakeRoom(size_t bytes);
  // Closes the current segment and begins the one whose first event this will be.
  absl::Status BeginSegment(uint64_t first_sequence);
  // Begins another where the current one has events and none wait: a log without a
  // segment would not know its number.
  void CloseSegment();
  bool IsSegmentDone() const;
  absl::Status WritePending();
  // Forgets the whole records in the first `bytes` of what waits. Their size.
  size_t DropWritten(size_t bytes);
  void Retain();

  const UniqueFd directory_;
  Options options_;
  const Clock& clock_;
  LogState log_;
  absl::Time segment_begun_;
  // Whole records, in order.
  std::string pending_;
  // Where in it the event appended last begins; past its end where it was dropped.
  size_t last_record_ = 0;
  absl::Time pending_latest_ = absl::InfinitePast();
  uint64_t dropped_ = 0;
};

}  // namespace sluice::audit

#endif  // SLUICE_NETSVC_AUDIT_LOG_WRITER_H_
