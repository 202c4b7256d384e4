#ifndef SLUICE_SERVER_SERVICE_AUDIT_WATCH_H_
#define SLUICE_SERVER_SERVICE_AUDIT_WATCH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"
#include "server/base/mutex.h"
#include "server/service/audit_directory.h"

namespace sluice {

// Tells listeners which audit logs there are and which were written to: one
// inotify instance and one thread for all of them. A change costs what it takes
// to tell those who asked about that log, however many others there are. Any
// thread may call it.
class AuditWatch {
 public:
  // What comes is told on one thread at a time, under the watch's lock: a
  // listener notes it and returns; it may not call the watch.
  class Listener {
   public:
    virtual ~Listener() = default;
    // There is this log, or its info is another than before. Is OnAppended
    // wanted for it?
    virtual bool OnLog(const AuditLogInfo& log) = 0;
    virtual void OnRemoved(const std::string& uid) = 0;
    // Something was written to it. One call may stand for many writes.
    virtual void OnAppended(const std::string& uid) = 0;
    // Every second.
    virtual void OnTick() {}
  };

  // Writes are told at most this much later, and together.
  static constexpr absl::Duration kPace = absl::Milliseconds(5);

  // `logs` outlives it.
  static absl::StatusOr<std::unique_ptr<AuditWatch>> Start(AuditDirectory& logs);

  // Every listener is removed by then.
  ~AuditWatch();

  // Tells `listener` of every log that there is before it returns, and of all
  // that follows. Returns a number for Remove.
  uint64_t Add(std::shared_ptr<Listener> listener);
  // Once it returns, the listener is not called and will not be called again.
  void Remove(uint64_t listener);

 private:
  struct Log {
    AuditLogInfo info;
    int watch = -1;  // -1: nothing more is written, or inotify has no more watches
    std::set<uint64_t> wanted_by;
  };

  AuditWatch(AuditDirectory& logs, UniqueFd inotify, UniqueFd signal);

  void Loop();
  void Signal() const;
  void Refresh() REQUIRES(mutex_);
  void Put(AuditLogInfo info) REQUIRES(mutex_);
  void SetWatch(Log& log) REQUIRES(mutex_);
  // The logs that inotify tells of.
  std::set<std::string> ReadChanges() REQUIRES(mutex_);
  void TellAppended(const std::string& uid) REQUIRES(mutex_);
  void Tick() REQUIRES(mutex_);

  AuditDirectory& logs_;
  const UniqueFd inotify_;
  const UniqueFd signal_;  // an eventfd: the directory changed, or the end
  Mutex mutex_;
  std::map<std::string, Log> known_ GUARDED_BY(mutex_);  // by uid
  std::map<int, std::string> watched_ GUARDED_BY(mutex_);  // watch to uid
  std::map<uint64_t, std::shared_ptr<Listener>> listeners_ GUARDED_BY(mutex_);
  uint64_t last_listener_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<AuditDirectory::Subscription> subscription_;
  std::thread thread_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_WATCH_H_
