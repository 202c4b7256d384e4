#include "clients/cli/copy_in.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/copy_path.h"
#include "clients/cli/local_tree.h"
#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

constexpr mode_t kPermissions = 0777;
constexpr mode_t kOwnerMayFill = 0700;

// How often someone who waits for input looks whether a signal came.
constexpr int kPollMilliseconds = 100;

// Empty at the end.
absl::StatusOr<std::string> ReadChunk(int fd, const CopyReport& report) {
  std::string data(FileCalls::kChunkSize, '\0');
  while (!report.stopped()) {
    pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&polled, 1, kPollMilliseconds) <= 0) continue;
    const ssize_t n = read(fd, data.data(), data.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return ErrnoError(errno, "read");
    data.resize(static_cast<size_t>(n));
    return data;
  }
  return absl::CancelledError("a signal came");
}

class Copier {
 public:
  Copier(FileCalls& calls, CopyReport& report) : calls_(calls), report_(report) {}

  void Stream(int fd, const std::string& name, const std::string& target) {
    struct stat info{};
    const bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    // To the API, a mode of 0 is one that was not said.
    const mode_t mode = regular ? std::max<mode_t>(info.st_mode & kPermissions, S_IRUSR) : 0;
    report_.BeginFile(name, regular ? static_cast<uint64_t>(info.st_size) : 0);
    const auto source = [&]() -> absl::StatusOr<std::string> {
      absl::StatusOr<std::string> data = ReadChunk(fd, report_);
      if (data.ok()) report_.Add(data->size());
      return data;
    };
    report_.EndFile(calls_.Write(target, mode, source));
  }

  // `path` is relative to `tree`, which is called `name`.
  void Directory(const LocalTree& tree, const std::string& name, const std::string& path, mode_t mode,
                 const std::string& target) {
    const std::string shown = JoinPath(name, path);
    const grpc::Status made = calls_.MakeDirectory(target, (mode & kPermissions) | kOwnerMayFill);
    if (!made.ok()) return report_.Fail(shown, {.remote = made, .local = {}});
    const absl::StatusOr<std::vector<LocalTree::Entry>> entries = tree.List(path);
    if (!entries.ok()) return report_.Fail(shown, {.remote = {}, .local = entries.status()});
    for (const LocalTree::Entry& entry : *entries) {
      if (report_.stopped()) return;
      Below(tree, name, JoinPath(path, entry.name), entry.info.st_mode, JoinPath(target, entry.name));
    }
  }

 private:
  void Below(const LocalTree& tree, const std::string& name, const std::string& path, mode_t mode,
             const std::string& target) {
    if (S_ISDIR(mode)) return Directory(tree, name, path, mode, target);
    const std::string shown = JoinPath(name, path);
    if (S_ISLNK(mode)) return report_.Skip(shown, "it is a symbolic link");
    if (!S_ISREG(mode)) return report_.Skip(shown, "it is neither a file nor a directory");
    const absl::StatusOr<UniqueFd> fd = tree.OpenFile(path);
    if (!fd.ok()) return report_.Fail(shown, {.remote = {}, .local = fd.status()});
    Stream(fd->get(), shown, target);
  }

  FileCalls& calls_;
  CopyReport& report_;
};

// Whether the guest has a directory there, links followed.
bool IsDirectory(FileCalls& calls, const std::string& path) {
  v1::FileInfo info;
  return calls.Stat(JoinPath(path, "."), info).ok() && info.type() == v1::FileInfo::TYPE_DIRECTORY;
}

}  // namespace

void CopyIn(FileCalls& calls, const std::string& source, const std::string& target, CopyReport& report) {
  Copier copier(calls, report);
  const auto fail = [&](absl::Status status) { report.Fail(source, {.remote = {}, .local = std::move(status)}); };
  const bool into = IsDirectory(calls, target);
  if (!into && absl::EndsWith(target, "/") && source != "-" && !report.stopped()) {
    struct stat info;
    if (stat(source.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
      return fail(absl::NotFoundError(absl::StrCat(target, " is not a directory of the guest")));
    }
  }
  if (source == "-") {
    if (into) return fail(absl::InvalidArgumentError(absl::StrCat(target, " is a directory: name the file")));
    return copier.Stream(STDIN_FILENO, "standard input", target);
  }
  const std::string place = into ? JoinPath(target, LastName(source)) : target;
  const UniqueFd fd(open(source.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info;
  if (!fd.valid() || fstat(fd.get(), &info) != 0) return fail(ErrnoError(errno, absl::StrCat("open ", source)));
  if (!S_ISDIR(info.st_mode)) return copier.Stream(fd.get(), source, place);
  const absl::StatusOr<LocalTree> tree = LocalTree::Open(source);
  if (!tree.ok()) return fail(tree.status());
  copier.Directory(*tree, source, "", info.st_mode, place);
}

}  // namespace sluice::cli
