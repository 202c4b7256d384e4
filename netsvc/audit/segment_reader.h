#ifndef SLUICE_NETSVC_AUDIT_SEGMENT_READER_H_
#define SLUICE_NETSVC_AUDIT_SEGMENT_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/audit/record.h"
#include "netsvc/base/unique_fd.h"

namespace sluice::audit {

// The records of one segment, one after another, while a writer may be adding to
// it. Bytes that are no record are skipped until the next that are. One thread.
//
// A writer only adds at the end, and a reader sees a prefix of what it adds.
// Hence a record that ends past the end of the file is one that is being
// written, or was when its writer died; anything else that is wrong is damage.
class SegmentReader {
 public:
  // What one read(2) asks for, where no record is larger.
  static constexpr size_t kChunk = 64 << 10;
  // Next gives up after this many bytes that are no record: a turn's work is
  // bounded whatever the file holds. A later call goes on from there.
  static constexpr uint64_t kMaxSkip = 1 << 20;

  struct Record {
    RecordHeader header;
    uint64_t offset;  // where it begins
    // Empty where the payload is damaged. Valid until the next call.
    absl::string_view payload;
  };

  // Reads on from `offset`, where a record begins (or where an earlier reader
  // stopped). Its first is at SegmentHeader::kSize.
  SegmentReader(UniqueFd file, uint64_t offset) : file_(std::move(file)), offset_(offset) {}

  // The next record; nothing where there is none for now. Errors of read(2).
  absl::StatusOr<std::optional<Record>> Next();
  // Goes to `offset`, where a record begins.
  void Seek(uint64_t offset);

  // Where the next record begins.
  uint64_t offset() const { return offset_; }
  // Bytes since the last record that belong to none, of those passed by this
  // reader.
  uint64_t skipped_bytes() const { return skipped_bytes_; }
  int file() const { return file_.get(); }
  UniqueFd ReleaseFile() && { return std::move(file_); }

 private:
  // The bytes from offset_ on: `size`, or fewer at the end of the file.
  absl::StatusOr<absl::string_view> Peek(size_t size);
  // Goes to the next header that is one, if there is one by now.
  absl::StatusOr<std::optional<RecordHeader>> FindHeader();

  UniqueFd file_;
  uint64_t offset_;
  uint64_t skipped_bytes_ = 0;
  std::string buffer_;
  uint64_t buffer_offset_ = 0;
};

}  // namespace sluice::audit

#endif  // SLUICE_NETSVC_AUDIT_SEGMENT_READER_H_
