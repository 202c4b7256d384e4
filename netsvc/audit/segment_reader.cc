#include "netsvc/audit/segment_reader.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "netsvc/audit/crc32c.h"
#include "netsvc/base/io.h"

namespace sluice::audit {

absl::StatusOr<std::optional<SegmentReader::Record>> SegmentReader::Next() {
  const absl::StatusOr<std::optional<RecordHeader>> header = FindHeader();
  if (!header.ok()) return header.status();
  if (!header->has_value()) return std::nullopt;
  const size_t size = RecordHeader::kSize + (*header)->payload_size;
  const absl::StatusOr<absl::string_view> bytes = Peek(size);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < size) {
    // What is there of it now may be replaced by another record.
    buffer_.clear();
    return std::nullopt;
  }
  Record record{**header, offset_, bytes->substr(RecordHeader::kSize)};
  if (Crc32c(record.payload) != record.header.payload_crc) record.payload = {};
  offset_ += size;
  skipped_bytes_ = 0;
  return record;
}

void SegmentReader::Seek(uint64_t offset) {
  offset_ = offset;
  skipped_bytes_ = 0;
}

absl::StatusOr<std::optional<RecordHeader>> SegmentReader::FindHeader() {
  const uint64_t stop = offset_ + kMaxSkip;
  while (offset_ < stop) {
    const absl::StatusOr<absl::string_view> bytes = Peek(RecordHeader::kSize);
    if (!bytes.ok()) return bytes.status();
    if (bytes->size() < RecordHeader::kSize) {
      buffer_.clear();
      return std::nullopt;
    }
    const std::optional<RecordHeader> header = RecordHeader::Decode(*bytes);
    if (header) return header;
    ++offset_;
    ++skipped_bytes_;
  }
  return std::nullopt;
}

absl::StatusOr<absl::string_view> SegmentReader::Peek(size_t size) {
  const bool inside = offset_ >= buffer_offset_ && offset_ <= buffer_offset_ + buffer_.size();
  if (!inside) buffer_.clear();
  if (buffer_.empty()) buffer_offset_ = offset_;
  const size_t skip = offset_ - buffer_offset_;
  if (buffer_.size() - skip < size) {
    buffer_.erase(0, skip);
    buffer_offset_ = offset_;
    const size_t had = buffer_.size();
    const size_t wanted = std::max(size, kChunk) - had;
    buffer_.resize(had + wanted);
    ssize_t got;
    do {
      got = pread(file_.get(), buffer_.data() + had, wanted, static_cast<off_t>(offset_ + had));
    } while (got < 0 && errno == EINTR);
    const int error = errno;
    buffer_.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return ErrnoError(error, "read an audit segment");
  }
  return absl::string_view(buffer_).substr(offset_ - buffer_offset_, size);
}

}  // namespace sluice::audit
