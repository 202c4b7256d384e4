#include "server/core/resolv_conf_watcher.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "server/core/resolv_conf.h"

namespace sluice {
namespace {

// Everything that can make the name stand for other bytes.
constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE;

// The directory of the name, and that of what it points at in the end.
std::set<std::string> Directories(const std::string& path) {
  std::error_code error;
  std::set<std::string> directories;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (!error) directories.insert(absolute.parent_path());
  const std::filesystem::path target = std::filesystem::weakly_canonical(path, error);
  if (!error) directories.insert(target.parent_path());
  return directories;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ResolvConfWatcher>> ResolvConfWatcher::Start(const std::string& path,
                                                                            Callback on_change) {
  UniqueFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify.valid()) return ErrnoError(errno, "inotify_init1");
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop.valid()) return ErrnoError(errno, "eventfd");
  for (const std::string& directory : Directories(path)) {
    if (inotify_add_watch(inotify.get(), directory.c_str(), kEvents) < 0) {
      return ErrnoError(errno, absl::StrCat("watch ", directory));
    }
  }
  // Read after the watch is there: a change in between is seen twice, not never.
  absl::StatusOr<std::vector<Endpoint>> servers = ReadResolvConf(path);
  if (!servers.ok()) return servers.status();
  std::unique_ptr<ResolvConfWatcher> watcher(
      new ResolvConfWatcher(path, std::move(on_change), std::move(inotify), std::move(stop)));
  watcher->initial_ = *servers;
  watcher->current_ = *std::move(servers);
  watcher->thread_ = std::thread([w = watcher.get()] { w->Loop(); });
  return watcher;
}

ResolvConfWatcher::ResolvConfWatcher(std::string path, Callback on_change, UniqueFd inotify, UniqueFd stop)
    : path_(std::move(path)), on_change_(std::move(on_change)), inotify_(std::move(inotify)), stop_(std::move(stop)) {}

ResolvConfWatcher::~ResolvConfWatcher() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void ResolvConfWatcher::Loop() {
  pollfd fds[] = {{.fd = inotify_.get(), .events = POLLIN, .revents = 0},
                  {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
  while (true) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    // Which file of the directory it was does not matter: the list decides.
    alignas(inotify_event) char events[4096];
    while (read(inotify_.get(), events, sizeof(events)) > 0) {
    }
    Reread();
  }
}

void ResolvConfWatcher::Reread() {
  absl::StatusOr<std::vector<Endpoint>> servers = ReadResolvConf(path_);
  if (!servers.ok() || *servers == current_) return;
  current_ = *std::move(servers);
  on_change_(current_);
}

}  // namespace sluice
