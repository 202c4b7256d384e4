#include "server/guest/directory_names.h"

#include <dirent.h>
#include <errno.h>

#include <memory>

#include "absl/strings/string_view.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

}  // namespace

absl::Status ForEachName(UniqueFd fd, const std::function<absl::Status(const char*)>& visit) {
  const std::unique_ptr<DIR, CloseDirectory> directory(fdopendir(fd.get()));
  if (directory == nullptr) return ErrnoError(errno, "read a directory");
  static_cast<void>(fd.release());  // the directory's now
  while (true) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr) return errno == 0 ? absl::OkStatus() : ErrnoError(errno, "read a directory");
    const absl::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (absl::Status status = visit(entry->d_name); !status.ok()) return status;
  }
}

}  // namespace sluice
