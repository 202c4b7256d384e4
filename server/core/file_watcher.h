#ifndef SLUICE_SERVER_CORE_FILE_WATCHER_H_
#define SLUICE_SERVER_CORE_FILE_WATCHER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// Tells when files are other files than before: written to and closed, replaced
// by a rename, removed, made again, or reached through symbolic links that now
// lead elsewhere. inotify on their directories and on those of what they lead to.
class FileWatcher {
 public:
  // Runs on the watcher's thread; `index` is the path's.
  using Callback = std::function<void(size_t index)>;

  // Changes count from when this returns. An error in words where a path's
  // directory is not there.
  static absl::StatusOr<std::unique_ptr<FileWatcher>> Create(std::vector<std::string> paths);
  // Returns after the last callback.
  ~FileWatcher();

  // Once: starts the thread, which tells also what has changed since Create.
  void Start(Callback on_change);

 private:
  // A path, and what it leads to; "" where that is nothing.
  struct File {
    std::string path;
    std::string target;
  };

  FileWatcher(std::vector<std::string> paths, UniqueFd inotify, UniqueFd stop);
  // Also of directories that are watched already.
  absl::Status WatchDirectories();
  void Loop(const Callback& on_change);
  // The files that what inotify has to say is about.
  std::vector<bool> ReadEvents();

  std::vector<File> files_;
  const UniqueFd inotify_;
  const UniqueFd stop_;  // an eventfd; written to once
  std::thread thread_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_FILE_WATCHER_H_
