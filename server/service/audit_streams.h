#ifndef SLUICE_SERVER_SERVICE_AUDIT_STREAMS_H_
#define SLUICE_SERVER_SERVICE_AUDIT_STREAMS_H_

#include <cstddef>
#include <memory>
#include <set>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"

namespace sluice {

// The StreamAuditEvents calls that are open: how many there may be, what is
// known of them, and their end when the server stops. Any thread.
class AuditStreams {
 public:
  class Stream {
   public:
    virtual ~Stream() = default;
    // Ends the call with `status`, if it has not ended. Does not block.
    virtual void End(const absl::Status& status) = 0;
    // How far behind the log's end its reader is: the age of the oldest event
    // that waits for it; zero where none does.
    virtual absl::Duration lag() const = 0;
  };

  static constexpr size_t kMaxStreams = 10'000;

  // ResourceExhausted past kMaxStreams, and what EndAll said once it was called.
  absl::Status Add(std::shared_ptr<Stream> stream);
  void Remove(const std::shared_ptr<Stream>& stream);

  // Ends every stream, now and to come.
  void EndAll(const absl::Status& status);

  struct Summary {
    size_t open = 0;
    absl::Duration max_lag;
  };
  Summary Summarize() const;

 private:
  mutable Mutex mutex_;
  std::set<std::shared_ptr<Stream>> streams_ GUARDED_BY(mutex_);
  absl::Status end_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_STREAMS_H_
