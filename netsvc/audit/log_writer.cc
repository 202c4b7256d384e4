#include "netsvc/audit/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/util/time_util.h"
#include "netsvc/audit/crc32c.h"
#include "netsvc/audit/record.h"
#include "netsvc/audit/segment.h"
#include "netsvc/base/io.h"

namespace sluice::audit {
namespace {

using google::protobuf::util::TimeUtil;

constexpr unsigned kFileMode = 0640;

// The size of the smallest record that this log can hold.
uint64_t MinRecordSize(const LogWriter::Options& options) {
  v1::AuditEvent event;
  event.set_sandbox_id(options.sandbox_id);
  event.set_sandbox_uid(options.sandbox_uid);
  event.set_sequence(1);
  return RecordHeader::kSize + event.ByteSizeLong();
}

}  // namespace

LogWriter::LogWriter(UniqueFd directory, const Options& options, const Clock& clock, LogState log)
    : directory_(std::move(directory)), options_(options), clock_(clock), log_(std::move(log)), segment_begun_(clock.Now()) {}

absl::StatusOr<std::unique_ptr<LogWriter>> LogWriter::Open(UniqueFd directory, const Options& options,
                                                           const Clock& clock) {
  absl::StatusOr<LogState> log = RecoverLog(directory.get(), MinRecordSize(options), clock.Now());
  if (!log.ok()) return log.status();
  return std::unique_ptr<LogWriter>(new LogWriter(std::move(directory), options, clock, *std::move(log)));
}

uint64_t LogWriter::Append(v1::AuditEvent& event) {
  const absl::Time now = clock_.Now();
  const uint64_t sequence = log_.next_sequence++;
  event.set_sandbox_id(options_.sandbox_id);
  event.set_sandbox_uid(options_.sandbox_uid);
  event.set_sequence(sequence);
  *event.mutable_time() = TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(now));

  const size_t payload_size = event.ByteSizeLong();
  const size_t record_size = RecordHeader::kSize + payload_size;
  const bool fits = payload_size <= RecordHeader::kMaxPayload && MakeRoom(record_size);
  last_record_ = pending_.size();
  if (!fits) {
    ++dropped_;
    return sequence;
  }
  pending_latest_ = std::max(pending_latest_, now);
  const size_t at = pending_.size();
  pending_.resize(at + record_size);
  char* const payload = pending_.data() + at + RecordHeader::kSize;
  event.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(payload));
  RecordHeader header;
  header.payload_crc = Crc32c({payload, payload_size});
  header.payload_size = static_cast<uint32_t>(payload_size);
  header.sequence = sequence;
  header.time = now;
  header.Encode(pending_.data() + at);
  return sequence;
}

absl::Status LogWriter::Flush() {
  if (pending_.empty()) return absl::OkStatus();
  if (!log_.file.valid() || IsSegmentDone()) {
    if (absl::Status status = BeginSegment(RecordHeader::Decode(pending_)->sequence); !status.ok()) return status;
  }
  return WritePending();
}

bool LogWriter::IsSegmentDone() const {
  if (log_.file_bytes <= SegmentHeader::kSize) return false;
  const Retention& retention = options_.retention;
  return log_.file_bytes >= retention.segment_bytes || clock_.Now() - segment_begun_ > retention.max_age / 8;
}

void LogWriter::Retract() {
  if (last_record_ < pending_.size()) {
    pending_.resize(last_record_);
  } else {
    --dropped_;
  }
  --log_.next_sequence;
}

void LogWriter::Expire() {
  if (log_.latest < clock_.Now() - options_.retention.max_age) CloseSegment();
  Retain();
}

void LogWriter::SetRetention(const Retention& retention) {
  options_.retention = retention;
  if (log_.file_bytes > retention.total_bytes) CloseSegment();
  Expire();
}

void LogWriter::CloseSegment() {
  const bool has_events = log_.file.valid() && log_.file_bytes > SegmentHeader::kSize;
  if (has_events && pending_.empty()) BeginSegment(log_.next_sequence).IgnoreError();
}

bool LogWriter::MakeRoom(size_t bytes) {
  if (pending_.empty() || pending_.size() + bytes <= kMaxPendingBytes) return true;
  return Flush().ok();
}

absl::Status LogWriter::WritePending() {
  size_t written = 0;
  int error = 0;
  while (written < pending_.size() && error == 0) {
    const ssize_t n = pwrite(log_.file.get(), pending_.data() + written, pending_.size() - written,
                             static_cast<off_t>(log_.file_bytes + written));
    if (n >= 0) written += static_cast<size_t>(n);
    if (n < 0 && errno != EINTR) error = errno;
  }
  log_.file_bytes += DropWritten(written);
  log_.latest = std::max(log_.latest, pending_latest_);
  if (error == 0) return absl::OkStatus();
  // Where this fails the next write covers what it left.
  (void)!ftruncate(log_.file.get(), static_cast<off_t>(log_.file_bytes));
  return ErrnoError(error, "write the audit log");
}

size_t LogWriter::DropWritten(size_t bytes) {
  if (bytes == pending_.size()) {
    pending_.clear();
    return bytes;
  }
  size_t whole = 0;
  while (whole < pending_.size()) {
    const std::optional<RecordHeader> header = RecordHeader::Decode(absl::string_view(pending_).substr(whole));
    const size_t end = whole + RecordHeader::kSize + header->payload_size;
    if (end > bytes) break;
    whole = end;
  }
  pending_.erase(0, whole);
  last_record_ -= std::min(last_record_, whole);
  return whole;
}

absl::Status LogWriter::BeginSegment(uint64_t first_sequence) {
  const std::string name = SegmentName(first_sequence);
  UniqueFd file(openat(directory_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!file.valid()) return ErrnoError(errno, absl::StrCat("create audit segment ", name));
  const SegmentHeader header{.first_sequence = first_sequence, .latest_before = log_.latest};
  const std::array<char, SegmentHeader::kSize> bytes = header.Encode();
  if (absl::Status status = WriteAll(file.get(), {bytes.data(), bytes.size()}); !status.ok()) {
    unlinkat(directory_.get(), name.c_str(), 0);
    return status;
  }
  if (log_.file.valid()) log_.closed.push_back({log_.file_first_sequence, log_.file_bytes, log_.latest});
  log_.file = std::move(file);
  log_.file_first_sequence = first_sequence;
  log_.file_bytes = bytes.size();
  segment_begun_ = clock_.Now();
  Retain();
  return absl::OkStatus();
}

void LogWriter::Retain() {
  uint64_t total = log_.file_bytes;
  for (const ClosedSegment& segment : log_.closed) total += segment.bytes;
  const absl::Time oldest_kept = clock_.Now() - options_.retention.max_age;
  while (!log_.closed.empty()) {
    const ClosedSegment& oldest = log_.closed.front();
    if (total <= options_.retention.total_bytes && oldest.latest >= oldest_kept) return;
    // Where it cannot be removed now, the next segment's beginning tries again.
    const int result = unlinkat(directory_.get(), SegmentName(oldest.first_sequence).c_str(), 0);
    if (result != 0 && errno != ENOENT) return;
    total -= oldest.bytes;
    log_.closed.pop_front();
  }
}

}  // namespace sluice::audit
