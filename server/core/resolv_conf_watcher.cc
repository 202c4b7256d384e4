#include "server/core/resolv_conf_watcher.h"

#include <utility>

#include "server/core/resolv_conf.h"

namespace sluice {

absl::StatusOr<std::unique_ptr<ResolvConfWatcher>> ResolvConfWatcher::Start(const std::string& path,
                                                                            Callback on_change) {
  absl::StatusOr<std::unique_ptr<FileWatcher>> files = FileWatcher::Create({path});
  if (!files.ok()) return files.status();
  // Read after the watch is there: a change in between is seen twice, not never.
  absl::StatusOr<std::vector<Endpoint>> servers = ReadResolvConf(path);
  if (!servers.ok()) return servers.status();
  std::unique_ptr<ResolvConfWatcher> watcher(new ResolvConfWatcher(path, std::move(on_change)));
  watcher->initial_ = *servers;
  watcher->current_ = *std::move(servers);
  watcher->watcher_ = *std::move(files);
  watcher->watcher_->Start([w = watcher.get()](size_t) { w->Reread(); });
  return watcher;
}

void ResolvConfWatcher::Reread() {
  absl::StatusOr<std::vector<Endpoint>> servers = ReadResolvConf(path_);
  if (!servers.ok() || *servers == current_) return;
  current_ = *std::move(servers);
  on_change_(current_);
}

}  // namespace sluice
