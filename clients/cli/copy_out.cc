#include "clients/cli/copy_out.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/copy_path.h"
#include "clients/cli/local_tree.h"
#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPermissions = 0777;

// What a guest may call a thing in a directory.
bool IsName(absl::string_view name) {
  return !name.empty() && name != "." && name != ".." && !absl::StrContains(name, '/') && !absl::StrContains(name, '\0');
}

class Copier {
 public:
  Copier(FileCalls& calls, CopyReport& report) : calls_(calls), report_(report) {}

  void Stream(const std::string& source, int fd, uint64_t size) {
    report_.BeginFile(source, size);
    report_.EndFile(Read(source, [fd](absl::string_view data) { return WriteAll(fd, data); }));
  }

  void File(const std::string& source, const v1::FileInfo& info, absl::StatusOr<LocalFile> file) {
    if (!file.ok()) return Fail(source, file.status());
    report_.BeginFile(source, info.size());
    CopyStatus status = Read(source, [&](absl::string_view data) { return file->Write(data); });
    if (status.ok()) status.local = file->Commit(info.mode() & kPermissions);
    report_.EndFile(status);
  }

  // `path` is a directory of `tree` that is there.
  void Directory(const std::string& source, const v1::FileInfo& info, const LocalTree& tree, const std::string& path) {
    std::vector<v1::FileInfo> entries;
    const grpc::Status listed = calls_.List(source, entries);
    if (!listed.ok()) return report_.Fail(source, {.remote = listed, .local = {}});
    for (const v1::FileInfo& entry : entries) {
      if (report_.stopped()) return;
      const std::string name = entry.path().substr(entry.path().rfind('/') + 1);
      if (!IsName(name)) {
        Fail(entry.path(), absl::InvalidArgumentError("that is no name for a file"));
        continue;
      }
      Below(JoinPath(source, name), entry, tree, JoinPath(path, name));
    }
    if (const absl::Status status = tree.SetMode(path, info.mode() & kPermissions); !status.ok()) Fail(source, status);
  }

  void Fail(const std::string& source, const absl::Status& status) {
    report_.Fail(source, {.remote = {}, .local = status});
  }

 private:
  void Below(const std::string& source, const v1::FileInfo& info, const LocalTree& tree, const std::string& path) {
    absl::Status status;
    switch (info.type()) {
      case v1::FileInfo::TYPE_FILE:
        return File(source, info, tree.CreateFile(path));
      case v1::FileInfo::TYPE_DIRECTORY:
        status = tree.MakeDirectory(path);
        if (status.ok()) return Directory(source, info, tree, path);
        break;
      case v1::FileInfo::TYPE_SYMLINK:
        status = tree.MakeLink(info.link_target(), path);
        break;
      default:
        return report_.Skip(source, "it is neither a file nor a directory");
    }
    if (!status.ok()) Fail(source, status);
  }

  CopyStatus Read(const std::string& source, const FileCalls::Sink& sink) {
    return calls_.Read(source, [&](absl::string_view data) {
      report_.Add(data.size());
      return sink(data);
    });
  }

  FileCalls& calls_;
  CopyReport& report_;
};

// What the source is, a link followed.
grpc::Status StatSource(FileCalls& calls, const std::string& source, v1::FileInfo& info) {
  grpc::Status status = calls.Stat(source, info);
  if (!status.ok() || info.type() != v1::FileInfo::TYPE_SYMLINK) return status;
  // The API tells of links themselves, but for one that a path goes through.
  v1::FileInfo behind;
  if (calls.Stat(JoinPath(source, "."), behind).ok()) {
    info = behind;
  } else {
    info.set_type(v1::FileInfo::TYPE_FILE);  // or nothing, which reading it will tell
    info.set_size(0);
    info.set_mode(0644);
  }
  return status;
}

// A device or pipe of the user's is written to; anything else is replaced, where a
// link leads to at last.
void ToFile(Copier& copier, const std::string& source, const v1::FileInfo& info, const std::string& place) {
  std::error_code error;
  // Absolute first: of a relative path of which nothing is there it makes none.
  const fs::path path = fs::weakly_canonical(fs::absolute(place, error), error);
  if (error) return copier.Fail(source, ErrnoError(error.value(), place));
  if (fs::is_other(path, error)) {
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    if (!fd.valid()) return copier.Fail(source, ErrnoError(errno, absl::StrCat("open ", place)));
    return copier.Stream(source, fd.get(), info.size());
  }
  UniqueFd directory(open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return copier.Fail(source, ErrnoError(errno, absl::StrCat("open ", path.parent_path().string())));
  copier.File(source, info, LocalFile::Create(std::move(directory), path.filename()));
}

void ToDirectory(Copier& copier, const std::string& source, const v1::FileInfo& info, const std::string& place) {
  if (mkdir(place.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return copier.Fail(source, ErrnoError(errno, absl::StrCat("make directory ", place)));
  }
  const absl::StatusOr<LocalTree> tree = LocalTree::Open(place);
  if (!tree.ok()) return copier.Fail(source, tree.status());
  copier.Directory(source, info, *tree, "");
}

}  // namespace

void CopyOut(FileCalls& calls, const std::string& source, const std::string& target, CopyReport& report) {
  Copier copier(calls, report);
  v1::FileInfo info;
  const grpc::Status found = StatSource(calls, source, info);
  if (!found.ok()) return report.Fail(source, {.remote = found, .local = {}});
  const bool is_directory = info.type() == v1::FileInfo::TYPE_DIRECTORY;
  if (target == "-") {
    if (is_directory) return copier.Fail(source, absl::InvalidArgumentError("a directory does not go to standard output"));
    return copier.Stream(source, STDOUT_FILENO, info.size());
  }
  std::error_code error;
  const bool into = fs::is_directory(target, error);
  const std::string place = into ? JoinPath(target, LastName(source)) : target;
  if (is_directory) return ToDirectory(copier, source, info, place);
  if (!into && absl::EndsWith(target, "/")) {
    return copier.Fail(source, absl::NotFoundError(absl::StrCat(target, " is not a directory")));
  }
  ToFile(copier, source, info, place);
}

}  // namespace sluice::cli
