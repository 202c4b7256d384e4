#include "server/core/block_list_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "netsvc/base/io.h"
#include "netsvc/dns/sealed_set.h"
#include "netsvc/policy/domain_set.h"
#include "server/core/block_list_line.h"

namespace sluice {
namespace {

constexpr size_t kChunk = 256 << 10;

absl::StatusOr<UniqueFd> OpenList(const std::string& path) {
  // Non-blocking: a FIFO in the file's place holds nobody up.
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return ErrnoError(errno, absl::StrCat("open ", path));
  struct stat info = {};
  if (fstat(file.get(), &info) < 0) return ErrnoError(errno, absl::StrCat("fstat ", path));
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, " is not a regular file"));
  return file;
}

// Calls `visit` for each line, without its end. Of a line that is longer than a
// chunk, which is far more than any that counts, each chunk is a line.
absl::Status ForEachLine(int fd, absl::FunctionRef<void(absl::string_view)> visit) {
  std::string buffer;
  size_t total = 0;
  while (true) {
    const size_t kept = buffer.size();
    buffer.resize(kept + kChunk);
    const ssize_t n = read(fd, buffer.data() + kept, kChunk);
    if (n < 0 && errno != EINTR) return ErrnoError(errno, "read");
    const size_t got = n < 0 ? 0 : static_cast<size_t>(n);
    total += got;
    if (total > kMaxBlockListFile) {
      return absl::OutOfRangeError(absl::StrCat("larger than ", kMaxBlockListFile >> 20, " MiB"));
    }
    buffer.resize(kept + got);
    absl::string_view rest = buffer;
    for (size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      visit(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    if ((n == 0 && !rest.empty()) || rest.size() > kChunk) visit(std::exchange(rest, {}));
    if (n == 0) return absl::OkStatus();
    buffer.erase(0, buffer.size() - rest.size());
  }
}

struct Contents {
  policy::DomainSet::Builder names;
  uint64_t skipped_lines = 0;
  absl::Status status;
};

absl::Status ReadList(int fd, Contents& contents) {
  bool first = true;
  const absl::Status read = ForEachLine(fd, [&](absl::string_view line) {
    if (std::exchange(first, false)) absl::ConsumePrefix(&line, "\xef\xbb\xbf");  // a byte order mark
    const BlockListLine kind = ReadBlockListLine(
        line, [&contents](const DomainPattern& pattern) { contents.status.Update(contents.names.Add(pattern)); });
    if (kind == BlockListLine::kSkipped) ++contents.skipped_lines;
  });
  if (!read.ok()) return read;
  if (!contents.status.ok()) return contents.status;
  if (contents.names.size() > 0 || contents.skipped_lines == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("not one of its ", contents.skipped_lines, " lines is a name"));
}

}  // namespace

absl::StatusOr<CompiledBlockList> CompileBlockList(const std::string& path) {
  const absl::StatusOr<UniqueFd> file = OpenList(path);
  if (!file.ok()) return file.status();
  Contents contents;
  if (absl::Status status = ReadList(file->get(), contents); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
  }
  const policy::DomainSet set = std::move(contents.names).Build();
  absl::StatusOr<UniqueFd> image = dns::SealSet(set);
  if (!image.ok()) return image.status();
  return CompiledBlockList{.image = *std::move(image),
                           .image_bytes = set.image().size(),
                           .names = set.name_count(),
                           .skipped_lines = contents.skipped_lines};
}

}  // namespace sluice
