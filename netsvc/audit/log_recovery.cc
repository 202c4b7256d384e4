#include "netsvc/audit/log_recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "netsvc/audit/segment.h"
#include "netsvc/audit/segment_reader.h"
#include "netsvc/base/io.h"

namespace sluice::audit {
namespace {

// Removes segments without a header from the end of `segments`: their writer
// died, or its disk was full, before an event went in.
absl::Status RemoveUnfinished(int directory, std::vector<uint64_t>& segments, LogState& log) {
  while (!segments.empty()) {
    const uint64_t last = segments.back();
    const absl::StatusOr<UniqueFd> file = OpenSegment(directory, last, O_RDONLY);
    if (!file.ok()) return file.status();
    if (!absl::IsOutOfRange(ReadSegmentHeader(file->get()).status())) return absl::OkStatus();
    const std::string name = SegmentName(last);
    if (unlinkat(directory, name.c_str(), 0) != 0) return ErrnoError(errno, absl::StrCat("remove ", name));
    log.next_sequence = std::max(log.next_sequence, last);
    segments.pop_back();
  }
  return absl::OkStatus();
}

absl::StatusOr<ClosedSegment> RecoverClosed(int directory, uint64_t first_sequence, uint64_t following,
                                            absl::Time now) {
  const absl::StatusOr<UniqueFd> file = OpenSegment(directory, first_sequence, O_RDONLY);
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> bytes = FileSize(file->get());
  if (!bytes.ok()) return bytes.status();
  const absl::StatusOr<UniqueFd> next = OpenSegment(directory, following, O_RDONLY);
  if (!next.ok()) return next.status();
  const absl::StatusOr<SegmentHeader> header = ReadSegmentHeader(next->get());
  return ClosedSegment{first_sequence, *bytes, header.ok() ? header->latest_before : now};
}

// Reads what is left, for the last sequence and the latest time.
absl::Status ReadToEnd(SegmentReader& reader, LogState& log) {
  while (true) {
    const uint64_t before = reader.offset();
    const absl::StatusOr<std::optional<SegmentReader::Record>> record = reader.Next();
    if (!record.ok()) return record.status();
    if (record->has_value()) {
      log.next_sequence = std::max(log.next_sequence, (*record)->header.sequence + 1);
      log.latest = std::max(log.latest, (*record)->header.time);
    } else if (reader.offset() - before < SegmentReader::kMaxSkip) {
      return absl::OkStatus();
    }
  }
}

absl::Status RecoverLast(int directory, uint64_t first_sequence, uint64_t min_record_bytes, absl::Time now,
                         LogState& log) {
  absl::StatusOr<UniqueFd> file = OpenSegment(directory, first_sequence, O_RDWR);
  if (!file.ok()) return file.status();
  const absl::StatusOr<SegmentHeader> header = ReadSegmentHeader(file->get());
  if (!header.ok() && !absl::IsDataLoss(header.status())) return header.status();
  log.latest = header.ok() ? header->latest_before : now;
  log.next_sequence = std::max(log.next_sequence, first_sequence);

  SegmentReader reader(*std::move(file), SegmentHeader::kSize);
  if (absl::Status status = ReadToEnd(reader, log); !status.ok()) return status;
  const absl::StatusOr<uint64_t> size = FileSize(reader.file());
  if (!size.ok()) return size.status();
  const uint64_t end = reader.offset() - reader.skipped_bytes();
  // A record written in part begins like one. Anything else has been damaged,
  // and may have been given out before; readers are past it, so that nothing must
  // take its place.
  if (reader.skipped_bytes() > 0) {
    log.next_sequence += std::max<uint64_t>((*size - end) / min_record_bytes, 1);
    log.closed.push_back({first_sequence, *size, log.latest});
    return absl::OkStatus();
  }
  if (end < *size && ftruncate(reader.file(), static_cast<off_t>(end)) != 0) {
    return ErrnoError(errno, "cut the audit log's last record");
  }
  log.file = std::move(reader).ReleaseFile();
  log.file_first_sequence = first_sequence;
  log.file_bytes = end;
  return absl::OkStatus();
}

// Has the next event begin a segment.
void CloseLast(LogState& log) {
  if (!log.file.valid()) return;
  log.closed.push_back({log.file_first_sequence, log.file_bytes, log.latest});
  log.file.reset();
  log.file_bytes = 0;
}

absl::StatusOr<LogState> WithRoom(LogState log) {
  if (log.next_sequence > kMaxNextSequence) return absl::DataLossError("the audit log's numbers are used up");
  return log;
}

}  // namespace

absl::StatusOr<LogState> RecoverLog(int directory, uint64_t min_record_bytes, absl::Time now) {
  LogState log;
  absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(directory);
  if (!segments.ok()) return segments.status();
  const size_t found = segments->size();
  if (absl::Status status = RemoveUnfinished(directory, *segments, log); !status.ok()) return status;
  const bool removed = segments->size() < found;
  if (segments->empty()) return WithRoom(std::move(log));
  for (size_t i = 0; i + 1 < segments->size(); ++i) {
    const absl::StatusOr<ClosedSegment> closed = RecoverClosed(directory, (*segments)[i], (*segments)[i + 1], now);
    if (!closed.ok()) return closed.status();
    log.closed.push_back(*closed);
  }
  absl::Status status = RecoverLast(directory, segments->back(), min_record_bytes, now, log);
  if (!status.ok()) return status;
  // Readers may have gone on to what was removed, and do not look back.
  if (removed) CloseLast(log);
  return WithRoom(std::move(log));
}

}  // namespace sluice::audit
