#include "netsvc/audit/log_reader.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "netsvc/audit/segment.h"

namespace sluice::audit {
namespace {

// Tries to open a segment while retention removes those that were listed. Each
// failure means that the log moved on; more than these in a row do not happen.
constexpr int kMaxTries = 16;

// Of `segments` (in order, not empty), the one with `sequence` in it, or else
// the first thereafter.
uint64_t SegmentWith(const std::vector<uint64_t>& segments, uint64_t sequence) {
  const auto after = std::upper_bound(segments.begin(), segments.end(), sequence);
  return after == segments.begin() ? *after : *std::prev(after);
}

bool IsRemoved(const absl::Status& status) { return absl::IsNotFound(status); }

}  // namespace

LogReader::LogReader(UniqueFd directory, const LogPosition& position)
    : directory_(std::move(directory)), position_(position) {}

absl::StatusOr<LogPosition> LogReader::PositionAt(int directory, absl::Time time) {
  const absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(directory);
  if (!segments.ok()) return segments.status();
  for (auto segment = segments->rbegin(); segment != segments->rend(); ++segment) {
    const absl::StatusOr<UniqueFd> file = OpenSegment(directory, *segment, O_RDONLY);
    if (IsRemoved(file.status())) break;
    if (!file.ok()) return file.status();
    const absl::StatusOr<SegmentHeader> header = ReadSegmentHeader(file->get());
    if (header.ok() && header->latest_before < time) return LogPosition{.next_sequence = *segment};
  }
  return LogPosition{};
}

absl::StatusOr<LogPosition> LogReader::End(int directory) {
  for (int tries = 0; tries < kMaxTries; ++tries) {
    const absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(directory);
    if (!segments.ok()) return segments.status();
    if (segments->empty()) return LogPosition{};
    const absl::StatusOr<UniqueFd> file = OpenSegment(directory, segments->back(), O_RDONLY);
    if (IsRemoved(file.status())) continue;
    if (!file.ok()) return file.status();
    const absl::StatusOr<uint64_t> size = FileSize(file->get());
    if (!size.ok()) return size.status();
    return LogPosition{.segment = segments->back(), .offset = *size};
  }
  return absl::UnavailableError("the audit log's segments are removed faster than they can be opened");
}

absl::StatusOr<LogItem> LogReader::Next() {
  uint64_t passed_bytes = 0;
  while (passed_bytes < kPauseBytes) {
    if (!segment_) {
      const absl::StatusOr<bool> opened = OpenPosition();
      if (!opened.ok()) return opened.status();
      if (!*opened) return EndForNow{};
    }
    if (position_.next_sequence != 0 && position_.segment > position_.next_sequence) {
      return LoseUpTo(position_.segment - 1);
    }
    const uint64_t before = segment_->offset();
    const absl::StatusOr<std::optional<SegmentReader::Record>> record = segment_->Next();
    if (!record.ok()) return record.status();
    passed_bytes += segment_->offset() - before;
    if (record->has_value()) {
      std::optional<LogItem> item = Judge(**record);
      if (item) return *std::move(item);
    } else if (segment_->offset() - before < SegmentReader::kMaxSkip) {
      const absl::StatusOr<bool> opened = OpenFollowing();
      if (!opened.ok()) return opened.status();
      if (!*opened) return EndForNow{};
    }
  }
  return Pause{};
}

LogPosition LogReader::position() const {
  LogPosition position = position_;
  if (segment_) position.offset = segment_->offset();
  return position;
}

bool LogReader::HasReached(const LogPosition& end) const {
  const LogPosition here = position();
  return here.segment > end.segment || (here.segment == end.segment && here.offset >= end.offset);
}

absl::StatusOr<bool> LogReader::OpenPosition() {
  if (position_.segment != 0) {
    const absl::StatusOr<bool> opened = OpenSegmentAt(position_.segment, position_.offset);
    if (!IsRemoved(opened.status())) return opened;
  }
  for (int tries = 0; tries < kMaxTries; ++tries) {
    const absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(directory_.get());
    if (!segments.ok()) return segments.status();
    if (segments->empty()) return false;
    const absl::StatusOr<bool> opened =
        OpenSegmentAt(SegmentWith(*segments, position_.next_sequence), SegmentHeader::kSize);
    if (!IsRemoved(opened.status())) return opened;
  }
  return absl::UnavailableError("the audit log's segments are removed faster than they can be opened");
}

absl::StatusOr<bool> LogReader::OpenSegmentAt(uint64_t first_sequence, uint64_t offset) {
  absl::StatusOr<UniqueFd> file = OpenSegment(directory_.get(), first_sequence, O_RDONLY);
  if (!file.ok()) return file.status();
  const absl::Status header = ReadSegmentHeader(file->get()).status();
  if (absl::IsOutOfRange(header)) {
    const absl::StatusOr<uint64_t> following = Following(first_sequence);
    if (!following.ok()) return following.status();
    // Still being made; where another follows, its bytes are lost.
    if (*following == 0) return false;
  } else if (!header.ok() && !absl::IsDataLoss(header)) {
    return header;  // a header that is damaged takes no record with it
  }
  segment_.emplace(*std::move(file), std::max<uint64_t>(offset, SegmentHeader::kSize));
  position_.segment = first_sequence;
  sealed_by_ = 0;
  return true;
}

absl::StatusOr<uint64_t> LogReader::Following(uint64_t segment) const {
  const absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(directory_.get());
  if (!segments.ok()) return segments.status();
  const auto following = std::upper_bound(segments->begin(), segments->end(), segment);
  return following == segments->end() ? 0 : *following;
}

absl::StatusOr<bool> LogReader::OpenFollowing() {
  for (int tries = 0; tries < kMaxTries; ++tries) {
    const absl::StatusOr<uint64_t> following = Following(position_.segment);
    if (!following.ok()) return following.status();
    if (*following == 0) return false;
    if (sealed_by_ != *following) {
      // What was added between the last look at it and the listing.
      sealed_by_ = *following;
      return true;
    }
    const absl::StatusOr<bool> opened = OpenSegmentAt(*following, SegmentHeader::kSize);
    if (!IsRemoved(opened.status())) return opened;
  }
  return absl::UnavailableError("the audit log's segments are removed faster than they can be opened");
}

std::optional<LogItem> LogReader::Judge(const SegmentReader::Record& record) {
  const RecordHeader& header = record.header;
  // Sought past, or a number that was used before.
  if (header.sequence < position_.next_sequence) return std::nullopt;
  if (position_.next_sequence != 0 && header.sequence > position_.next_sequence) {
    segment_->Seek(record.offset);
    return LoseUpTo(header.sequence - 1);
  }
  if (header.time < since_) {
    position_.next_sequence = header.sequence + 1;
    return std::nullopt;
  }
  position_.next_sequence = header.sequence;
  v1::AuditEvent event;
  const bool whole = !record.payload.empty() &&
                     event.ParseFromArray(record.payload.data(), static_cast<int>(record.payload.size()));
  if (!whole) return LoseUpTo(header.sequence);
  ++position_.next_sequence;
  event.set_sequence(header.sequence);
  return event;
}

Lost LogReader::LoseUpTo(uint64_t last) {
  const Lost lost{position_.next_sequence, last};
  position_.next_sequence = last + 1;
  return lost;
}

}  // namespace sluice::audit
