#include "server/core/file_watcher.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

// A file of one of our names has other bytes.
constexpr uint32_t kContent = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
// A file that is being made says so when it is closed; a link does not.
constexpr uint32_t kEvents = kContent | IN_CREATE;

std::string TargetOf(const std::string& path) {
  std::error_code error;
  const fs::path target = fs::canonical(path, error);
  return error ? "" : target.string();
}

bool IsNamed(absl::string_view name, const std::string& path) { return fs::path(path).filename() == std::string(name); }

}  // namespace

absl::StatusOr<std::unique_ptr<FileWatcher>> FileWatcher::Create(std::vector<std::string> paths) {
  UniqueFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify.valid()) return ErrnoError(errno, "inotify_init1");
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop.valid()) return ErrnoError(errno, "eventfd");
  for (std::string& path : paths) path = fs::absolute(path);
  std::unique_ptr<FileWatcher> watcher(new FileWatcher(std::move(paths), std::move(inotify), std::move(stop)));
  if (absl::Status status = watcher->WatchDirectories(); !status.ok()) return status;
  return watcher;
}

FileWatcher::FileWatcher(std::vector<std::string> paths, UniqueFd inotify, UniqueFd stop)
    : inotify_(std::move(inotify)), stop_(std::move(stop)) {
  for (std::string& path : paths) {
    std::string target = TargetOf(path);
    files_.push_back({std::move(path), std::move(target)});
  }
}

FileWatcher::~FileWatcher() {
  eventfd_write(stop_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

void FileWatcher::Start(Callback on_change) {
  thread_ = std::thread([this, on_change = std::move(on_change)] { Loop(on_change); });
}

absl::Status FileWatcher::WatchDirectories() {
  for (const File& file : files_) {
    for (const std::string* const path : {&file.path, &file.target}) {
      if (path->empty()) continue;
      const std::string directory = fs::path(*path).parent_path();
      if (inotify_add_watch(inotify_.get(), directory.c_str(), kEvents) < 0) {
        return ErrnoError(errno, absl::StrCat("watch ", directory));
      }
    }
  }
  return absl::OkStatus();
}

void FileWatcher::Loop(const Callback& on_change) {
  pollfd fds[] = {{.fd = inotify_.get(), .events = POLLIN, .revents = 0},
                  {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
  while (true) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    const std::vector<bool> changed = ReadEvents();
    // Before anyone reads: what changes from here on is told again.
    WatchDirectories().IgnoreError();
    for (size_t i = 0; i < changed.size(); ++i) {
      if (changed[i]) on_change(i);
    }
  }
}

std::vector<bool> FileWatcher::ReadEvents() {
  std::vector<bool> changed(files_.size());
  alignas(inotify_event) char events[4096];
  ssize_t size = 0;
  while ((size = read(inotify_.get(), events, sizeof(events))) > 0) {
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(events + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      const bool lost = (event->mask & IN_Q_OVERFLOW) != 0;
      const absl::string_view name = event->len > 0 ? event->name : "";
      for (size_t i = 0; i < files_.size(); ++i) {
        const bool named = IsNamed(name, files_[i].path) || IsNamed(name, files_[i].target);
        if (lost || ((event->mask & kContent) != 0 && named)) changed[i] = true;
      }
    }
  }
  for (size_t i = 0; i < files_.size(); ++i) {
    std::string target = TargetOf(files_[i].path);
    // A path that begins to lead somewhere because a file is being made there is
    // told of when that file is closed; a link is made at once.
    std::error_code error;
    const bool whole = !files_[i].target.empty() || fs::is_symlink(files_[i].path, error);
    if (target != files_[i].target && whole) changed[i] = true;
    files_[i].target = std::move(target);
  }
  return changed;
}

}  // namespace sluice
