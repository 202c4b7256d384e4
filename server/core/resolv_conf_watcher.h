#ifndef SLUICE_SERVER_CORE_RESOLV_CONF_WATCHER_H_
#define SLUICE_SERVER_CORE_RESOLV_CONF_WATCHER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/endpoint.h"
#include "server/core/file_watcher.h"

namespace sluice {

// Follows a resolv.conf, through being written, replaced, removed and made
// again. A thread of its own.
class ResolvConfWatcher {
 public:
  using Callback = std::function<void(const std::vector<Endpoint>& servers)>;

  // `on_change` runs on the watcher's thread, once for each change of the list
  // of servers; it does not block for long. A file that cannot be read leaves
  // the list as it was.
  static absl::StatusOr<std::unique_ptr<ResolvConfWatcher>> Start(const std::string& path, Callback on_change);
  // Returns after the last callback.
  ~ResolvConfWatcher() = default;

  // As they were when the watch began.
  const std::vector<Endpoint>& initial() const { return initial_; }

 private:
  ResolvConfWatcher(std::string path, Callback on_change) : path_(std::move(path)), on_change_(std::move(on_change)) {}

  void Reread();

  const std::string path_;
  const Callback on_change_;
  std::vector<Endpoint> initial_;
  std::vector<Endpoint> current_;  // the thread's own
  std::unique_ptr<FileWatcher> watcher_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_RESOLV_CONF_WATCHER_H_
