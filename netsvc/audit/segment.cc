#include "netsvc/audit/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "netsvc/audit/crc32c.h"
#include "netsvc/audit/little_endian.h"
#include "netsvc/audit/record.h"
#include "netsvc/base/io.h"

namespace sluice::audit {
namespace {

constexpr absl::string_view kMagic = "SluiceAL";
constexpr size_t kCrcAt = 8;
constexpr size_t kVersionAt = 12;
constexpr size_t kFirstSequenceAt = 16;
constexpr size_t kLatestBeforeAt = 24;

constexpr absl::string_view kSuffix = ".log";
constexpr size_t kDigits = 20;  // of the largest uint64_t

uint32_t HeaderCrc(const char* bytes) { return Crc32c({bytes + kVersionAt, SegmentHeader::kSize - kVersionAt}); }

}  // namespace

absl::StatusOr<SegmentHeader> SegmentHeader::Decode(absl::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic ||
      LoadLittleEndian<uint32_t>(bytes.data() + kCrcAt) != HeaderCrc(bytes.data())) {
    return absl::DataLossError("an audit segment's header is damaged");
  }
  const auto version = LoadLittleEndian<uint32_t>(bytes.data() + kVersionAt);
  if (version != kVersion) {
    return absl::FailedPreconditionError(absl::StrCat("an audit segment of version ", version, ", which is not known"));
  }
  SegmentHeader header;
  header.first_sequence = LoadLittleEndian<uint64_t>(bytes.data() + kFirstSequenceAt);
  header.latest_before =
      absl::FromUnixNanos(static_cast<int64_t>(LoadLittleEndian<uint64_t>(bytes.data() + kLatestBeforeAt)));
  return header;
}

std::array<char, SegmentHeader::kSize> SegmentHeader::Encode() const {
  std::array<char, kSize> bytes;
  memcpy(bytes.data(), kMagic.data(), kMagic.size());
  StoreLittleEndian(kVersion, bytes.data() + kVersionAt);
  StoreLittleEndian(first_sequence, bytes.data() + kFirstSequenceAt);
  StoreLittleEndian(static_cast<uint64_t>(absl::ToUnixNanos(latest_before)), bytes.data() + kLatestBeforeAt);
  StoreLittleEndian(HeaderCrc(bytes.data()), bytes.data() + kCrcAt);
  return bytes;
}

std::string SegmentName(uint64_t first_sequence) { return absl::StrFormat("%020u%s", first_sequence, kSuffix); }

std::optional<uint64_t> ParseSegmentName(absl::string_view name) {
  if (!absl::ConsumeSuffix(&name, kSuffix) || name.size() != kDigits) return std::nullopt;
  if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  uint64_t first_sequence;
  if (!absl::SimpleAtoi(name, &first_sequence) || first_sequence == 0) return std::nullopt;
  if (first_sequence > RecordHeader::kMaxSequence) return std::nullopt;
  return first_sequence;
}

absl::StatusOr<std::vector<uint64_t>> ListSegments(int directory) {
  // A descriptor of its own, since the position in a directory is shared by dup.
  UniqueFd fd(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoError(errno, "open the audit log's directory");
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(fdopendir(fd.get()), &closedir);
  if (listing == nullptr) return ErrnoError(errno, "list the audit log's directory");
  fd.release();
  std::vector<uint64_t> segments;
  errno = 0;
  while (const dirent* entry = readdir(listing.get())) {
    const std::optional<uint64_t> first_sequence = ParseSegmentName(entry->d_name);
    if (!first_sequence) continue;
    if (segments.size() == kMaxSegments) return absl::ResourceExhaustedError("too many audit segments");
    segments.push_back(*first_sequence);
  }
  if (errno != 0) return ErrnoError(errno, "list the audit log's directory");
  std::sort(segments.begin(), segments.end());
  return segments;
}

absl::StatusOr<UniqueFd> OpenLogDirectory(const std::string& path) {
  UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!directory.valid()) return ErrnoError(errno, absl::StrCat("open ", path));
  return directory;
}

absl::StatusOr<UniqueFd> OpenSegment(int directory, uint64_t first_sequence, int flags) {
  const std::string name = SegmentName(first_sequence);
  UniqueFd file(openat(directory, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid()) return ErrnoError(errno, absl::StrCat("open audit segment ", name));
  struct stat status;
  if (fstat(file.get(), &status) != 0) return ErrnoError(errno, absl::StrCat("stat audit segment ", name));
  if (!S_ISREG(status.st_mode)) return absl::FailedPreconditionError(absl::StrCat(name, " is no regular file"));
  return file;
}

absl::StatusOr<SegmentHeader> ReadSegmentHeader(int file) {
  char bytes[SegmentHeader::kSize];
  const ssize_t size = pread(file, bytes, sizeof(bytes), 0);
  if (size < 0) return ErrnoError(errno, "read an audit segment's header");
  if (static_cast<size_t>(size) < sizeof(bytes)) return absl::OutOfRangeError("an audit segment without a header");
  return SegmentHeader::Decode({bytes, sizeof(bytes)});
}

absl::StatusOr<uint64_t> FileSize(int file) {
  struct stat status;
  if (fstat(file, &status) != 0) return ErrnoError(errno, "stat an audit segment");
  return static_cast<uint64_t>(status.st_size);
}

}  // namespace sluice::audit
