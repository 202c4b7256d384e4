#include "server/guest/agent_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "netsvc/base/field_error.h"
#include "server/guest/agent_script.h"
#include "server/guest/guest_root.h"

namespace sluice {
namespace {

// Paths are absolute, so that none is taken for an option. No name has a '/' in it,
// which therefore ends one; some stat(1) print a new line of their own after each.

constexpr char kCheckRegular[] = R"sh([ -f "$1" ] || { [ -e "$1" ] || exit 101; exit 102; })sh";

// path, temporary file, directory of both.
constexpr char kCreate[] = R"sh([ -d "$3" ] || { [ -e "$3" ] || exit 101; exit 103; }
[ -L "$1" ] || [ ! -e "$1" ] || [ -f "$1" ] || exit 102
umask 077
set -C
: >"$2")sh";

// path, temporary file, mode.
constexpr char kRename[] = R"sh([ -L "$1" ] || [ ! -d "$1" ] || exit 102
chmod "$3" "$2" && mv -fT "$2" "$1")sh";

constexpr char kStat[] = R"sh([ -e "$1" ] || [ -L "$1" ] || exit 101
stat -c '%f %s %u %g %Y /' "$1" || exit
[ ! -L "$1" ] || readlink "$1")sh";

// Records, a NUL, and each link with what it leads to.
constexpr char kList[] = R"sh([ -d "$1" ] || { [ -e "$1" ] || exit 101; exit 103; }
command -v stat >/dev/null || { echo "it has no stat" >&2; exit 1; }
cd "$1" || exit
stat -c '%f %s %u %g %Y %n/' -- * .[!.]* ..?* 2>/dev/null
[ $? -le 1 ] || exit 104
printf '\0'
for name in * .[!.]* ..?*; do
  [ ! -L "$name" ] || printf '%s/%s\0' "$name" "$(readlink -- "$name")"
done)sh";

// path, mode, "-p" or nothing.
constexpr char kMakeDirectory[] = R"sh(mkdir $3 -m "$2" "$1")sh";

// path, and anything where it is to be recursive.
constexpr char kRemove[] = R"sh([ -e "$1" ] || [ -L "$1" ] || exit 101
if [ -L "$1" ] || [ ! -d "$1" ]; then rm -f "$1"; elif [ -n "$2" ]; then rm -rf "$1"; else rmdir "$1"; fi)sh";

constexpr char kDiscard[] = R"sh(rm -f "$1")sh";

std::string Octal(uint32_t mode) { return absl::StrFormat("%04o", mode); }

// A path that ends in a name, without slashes after it, and the directory before it.
struct Place {
  std::string path;
  std::string directory;

  static absl::StatusOr<Place> Of(const std::string& path) {
    if (const absl::Status status = CheckGuestPath(path); !status.ok()) return status;
    const size_t end = path.find_last_not_of('/');
    if (end == path.npos) return FieldError("path", "must not be the root directory");
    const size_t slash = path.rfind('/', end);
    const absl::string_view name = absl::string_view(path).substr(slash + 1, end - slash);
    if (name == "." || name == "..") return FieldError("path", "must end in a name");
    return Place{.path = path.substr(0, end + 1), .directory = path.substr(0, slash + 1)};
  }
};

// Of a record of kStat's or kList's: mode, size, user, group, time.
std::optional<v1::FileInfo> ParseInfo(absl::string_view record, std::string path) {
  const std::vector<absl::string_view> fields = absl::StrSplit(record, absl::MaxSplits(' ', 5));
  uint32_t mode, uid, gid;
  uint64_t size;
  int64_t time;
  if (fields.size() != 6 || !absl::SimpleHexAtoi(fields[0], &mode) || !absl::SimpleAtoi(fields[1], &size) ||
      !absl::SimpleAtoi(fields[2], &uid) || !absl::SimpleAtoi(fields[3], &gid) || !absl::SimpleAtoi(fields[4], &time)) {
    return std::nullopt;
  }
  v1::FileInfo info;
  info.set_path(FileNameToUtf8(path));
  info.set_type(FileTypeOf(mode));
  info.set_size(size);
  info.set_mode(mode & GuestFiles::kPermissionBits);
  info.set_uid(uid);
  info.set_gid(gid);
  info.mutable_modify_time()->set_seconds(time);
  return info;
}

absl::Status Unintelligible(const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat("what the guest's stat says of ", path, " is not understood"));
}

class AgentFileReader : public FileReader {
 public:
  AgentFileReader(std::shared_ptr<GuestAgent> agent, std::shared_ptr<const void> call, int64_t handle,
                  std::string path, uint64_t length)
      : agent_(std::move(agent)),
        call_(std::move(call)),
        handle_(handle),
        path_(std::move(path)),
        left_(length == 0 ? std::numeric_limits<uint64_t>::max() : length) {}
  ~AgentFileReader() override { agent_->CloseFile(handle_).IgnoreError(); }

  absl::StatusOr<std::string> Next() override {
    const size_t count = static_cast<size_t>(std::min<uint64_t>(left_, kMaxChunk));
    if (count == 0) return "";
    absl::StatusOr<std::string> data = agent_->ReadFile(handle_, count);
    if (data.ok()) left_ -= data->size();
    return data;
  }

 private:
  const std::shared_ptr<GuestAgent> agent_;
  const std::shared_ptr<const void> call_;
  const int64_t handle_;
  const std::string path_;
  uint64_t left_;
};

class AgentFileWriter : public FileWriter {
 public:
  AgentFileWriter(std::shared_ptr<GuestAgent> agent, std::shared_ptr<const void> call, std::string path,
                  std::string temporary, uint32_t mode)
      : agent_(std::move(agent)),
        call_(std::move(call)),
        path_(std::move(path)),
        temporary_(std::move(temporary)),
        mode_(mode) {}
  ~AgentFileWriter() override {
    Close().IgnoreError();
    if (!committed_) Run(kDiscard, {temporary_}).IgnoreError();
  }

  absl::Status Open() {
    const absl::StatusOr<int64_t> handle = agent_->OpenFile(temporary_, "r+");
    if (!handle.ok()) return ExplainGuestError(handle.status().message(), path_);
    handle_ = *handle;
    return absl::OkStatus();
  }

  absl::Status Write(absl::string_view data) override {
    if (const absl::Status status = agent_->WriteFile(*handle_, data); !status.ok()) {
      return ExplainGuestError(status.message(), path_);
    }
    size_ += data.size();
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Commit() override {
    // What was not written yet is now, where there is room for it.
    if (const absl::Status status = Close(); !status.ok()) return ExplainGuestError(status.message(), path_);
    if (const absl::Status status = Run(kRename, {path_, temporary_, Octal(mode_)}); !status.ok()) return status;
    committed_ = true;
    return size_;
  }

 private:
  absl::Status Close() {
    if (!handle_) return absl::OkStatus();
    const int64_t handle = *handle_;
    handle_.reset();
    return agent_->CloseFile(handle);
  }

  absl::Status Run(const char* text, std::vector<std::string> args) {
    return RunScript(*agent_, {.text = text, .args = std::move(args), .path = path_}, AgentFiles::kTimeout).status();
  }

  const std::shared_ptr<GuestAgent> agent_;
  const std::shared_ptr<const void> call_;
  const std::string path_;
  const std::string temporary_;
  const uint32_t mode_;
  std::optional<int64_t> handle_;
  bool committed_ = false;
  uint64_t size_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FileReader>> AgentFiles::Read(const v1::ReadFileRequest& request) const {
  const std::string& path = request.path();
  if (const absl::Status status = CheckFileOffset(request.offset()); !status.ok()) return status;
  if (const absl::Status status = CheckGuestPath(path); !status.ok()) return status;
  const absl::Status regular =
      RunScript(*agent_, {.text = kCheckRegular, .args = {path}, .path = path}, kTimeout).status();
  if (!regular.ok()) return regular;
  const absl::StatusOr<int64_t> handle = agent_->OpenFile(path, "r");
  if (!handle.ok()) return ExplainGuestError(handle.status().message(), path);
  auto reader = std::make_unique<AgentFileReader>(agent_, call_, *handle, path, request.length());
  if (request.offset() == 0) return reader;
  if (const absl::Status status = agent_->SeekFile(*handle, request.offset()); !status.ok()) return status;
  return reader;
}

absl::StatusOr<std::unique_ptr<FileWriter>> AgentFiles::Write(const v1::WriteFileOpen& request) const {
  if (const absl::Status status = CheckFileMode(request.mode()); !status.ok()) return status;
  if (absl::EndsWith(request.path(), "/")) return FieldError("path", "must name a file");
  const absl::StatusOr<Place> place = Place::Of(request.path());
  if (!place.ok()) return place.status();
  const absl::StatusOr<std::string> name = TemporaryFileName();
  if (!name.ok()) return name.status();
  const std::string temporary = absl::StrCat(place->directory, *name);
  const AgentScript create = {
      .text = kCreate, .args = {place->path, temporary, place->directory}, .path = request.path()};
  if (const absl::Status status = RunScript(*agent_, create, kTimeout).status(); !status.ok()) return status;
  const uint32_t mode = request.mode() == 0 ? uint32_t{kDefaultFileMode} : request.mode();
  auto writer = std::make_unique<AgentFileWriter>(agent_, call_, request.path(), temporary, mode);
  if (const absl::Status status = writer->Open(); !status.ok()) return status;
  return writer;
}

absl::StatusOr<v1::FileInfo> AgentFiles::Stat(const std::string& path) const {
  if (const absl::Status status = CheckGuestPath(path); !status.ok()) return status;
  const absl::StatusOr<std::string> told = RunScript(*agent_, {.text = kStat, .args = {path}, .path = path}, kTimeout);
  if (!told.ok()) return told.status();
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(*told, absl::MaxSplits('/', 1));
  std::optional<v1::FileInfo> info = ParseInfo(parts.first, path);
  if (!info) return Unintelligible(path);
  const absl::string_view target = absl::StripSuffix(absl::StripPrefix(parts.second, "\n"), "\n");
  if (info->type() == v1::FileInfo::TYPE_SYMLINK) info->set_link_target(FileNameToUtf8(std::string(target)));
  return *std::move(info);
}

absl::StatusOr<std::vector<v1::FileInfo>> AgentFiles::List(const std::string& path) const {
  if (const absl::Status status = CheckGuestPath(path); !status.ok()) return status;
  const absl::StatusOr<std::string> told = RunScript(*agent_, {.text = kList, .args = {path}, .path = path}, kTimeout);
  if (!told.ok()) return told.status();
  std::vector<absl::string_view> parts = absl::StrSplit(*told, '\0');
  std::map<absl::string_view, absl::string_view> targets;
  for (size_t i = 1; i < parts.size(); ++i) targets.insert(absl::StrSplit(parts[i], absl::MaxSplits('/', 1)));
  const std::string prefix = absl::EndsWith(path, "/") ? path : absl::StrCat(path, "/");
  FileListing listing(path);
  for (absl::string_view record : absl::StrSplit(parts.front(), '/')) {
    record = absl::StripPrefix(record, "\n");
    if (record.empty()) continue;
    const std::vector<absl::string_view> fields = absl::StrSplit(record, absl::MaxSplits(' ', 5));
    std::optional<v1::FileInfo> info = ParseInfo(record, absl::StrCat(prefix, fields.back()));
    if (!info) return Unintelligible(path);
    if (const auto target = targets.find(fields.back()); target != targets.end()) {
      info->set_link_target(FileNameToUtf8(std::string(target->second)));
    }
    if (const absl::Status status = listing.Add(*std::move(info)); !status.ok()) return status;
  }
  return std::move(listing).Sorted();
}

absl::Status AgentFiles::MakeDirectory(const v1::MakeDirectoryRequest& request) const {
  if (const absl::Status status = CheckFileMode(request.mode()); !status.ok()) return status;
  const absl::StatusOr<Place> place = Place::Of(request.path());
  if (!place.ok()) return place.status();
  const uint32_t mode = request.mode() == 0 ? uint32_t{kDefaultDirectoryMode} : request.mode();
  const AgentScript make = {.text = kMakeDirectory,
                            .args = {place->path, Octal(mode), request.parents() ? "-p" : ""},
                            .path = request.path()};
  return RunScript(*agent_, make, kTimeout).status();
}

absl::Status AgentFiles::Remove(const std::string& path, bool recursive) const {
  const absl::StatusOr<Place> place = Place::Of(path);
  if (!place.ok()) return place.status();
  const AgentScript remove = {.text = kRemove, .args = {place->path, recursive ? "yes" : ""}, .path = path};
  return RunScript(*agent_, remove, kTimeout).status();
}

}  // namespace sluice
