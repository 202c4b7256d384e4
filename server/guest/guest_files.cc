#include "server/guest/guest_files.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

// Of an entry in a listing, beside its path.
constexpr size_t kInfoBytes = 64;

}  // namespace

absl::Status CheckFileMode(uint32_t mode) {
  if (mode <= GuestFiles::kPermissionBits) return absl::OkStatus();
  return FieldError("mode", "must have permission bits alone");
}

absl::Status CheckFileOffset(uint64_t offset) {
  constexpr uint64_t kMaxOffset = std::numeric_limits<off_t>::max() - FileReader::kMaxChunk;
  if (offset <= kMaxOffset) return absl::OkStatus();
  return FieldError("offset", "is past the end of any file");
}

absl::StatusOr<std::string> TemporaryFileName() {
  uint64_t number;
  if (getrandom(&number, sizeof(number), 0) != sizeof(number)) return ErrnoError(errno, "getrandom");
  return absl::StrCat(".sluice-", absl::Hex(number, absl::kZeroPad16));
}

std::string FileNameToUtf8(const std::string& bytes) {
  using nlohmann::json;
  return json::parse(json(bytes).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

v1::FileInfo::Type FileTypeOf(mode_t mode) {
  if (S_ISREG(mode)) return v1::FileInfo::TYPE_FILE;
  if (S_ISDIR(mode)) return v1::FileInfo::TYPE_DIRECTORY;
  if (S_ISLNK(mode)) return v1::FileInfo::TYPE_SYMLINK;
  return v1::FileInfo::TYPE_OTHER;
}

absl::Status FileListing::Add(v1::FileInfo entry) {
  bytes_ += entry.path().size() + entry.link_target().size() + kInfoBytes;
  if (bytes_ > GuestFiles::kMaxListingBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(path_, " has more entries than one answer holds"));
  }
  entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

std::vector<v1::FileInfo> FileListing::Sorted() && {
  std::sort(entries_.begin(), entries_.end(),
            [](const v1::FileInfo& a, const v1::FileInfo& b) { return a.path() < b.path(); });
  return std::move(entries_);
}

}  // namespace sluice
