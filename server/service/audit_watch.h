#ifndef SLUICE_SERVER_SERVICE_AUDIT_WATCH_H_
#define SLUICE_SERVER_SERVICE_AUDIT_WATCH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "server/base/mutex.h"
#include "server/service/audit_directory.h"

namespace sluice {

// Tells listeners that some audit log was written to, or that there is another:
// one inotify instance and one thread for all of them. Any thread may call it.
class AuditWatch {
 public:
  // `logs` outlives it.
  static absl::StatusOr<std::unique_ptr<AuditWatch>> Start(AuditDirectory& logs);

  ~AuditWatch();

  // `wake` runs on the watch's thread after each change, and every second
  // without one; it must not block. Returns a number for Remove.
  uint64_t Add(std::function<void()> wake);
  // Once it returns, `wake` does not run and will not run again.
  void Remove(uint64_t listener);

 private:
  AuditWatch(AuditDirectory& logs, UniqueFd inotify, UniqueFd signal);

  void Loop();
  void Follow();
  void Signal() const;

  AuditDirectory& logs_;
  const UniqueFd inotify_;
  const UniqueFd signal_;  // an eventfd: the directory changed, or the end
  std::map<std::string, int> followed_;  // the thread's own: directory to watch
  Mutex mutex_;
  std::map<uint64_t, std::function<void()>> listeners_ GUARDED_BY(mutex_);
  uint64_t last_listener_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<AuditDirectory::Subscription> subscription_;
  std::thread thread_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_WATCH_H_
