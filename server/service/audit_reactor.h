#ifndef SLUICE_SERVER_SERVICE_AUDIT_REACTOR_H_
#define SLUICE_SERVER_SERVICE_AUDIT_REACTOR_H_

#include <grpcpp/grpcpp.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/clock.h"
#include "server/access/caller.h"
#include "server/base/mutex.h"
#include "server/core/executor.h"
#include "server/service/audit_directory.h"
#include "server/service/audit_reading.h"
#include "server/service/audit_streams.h"
#include "server/service/audit_watch.h"
#include "sluice/v1/audit_service.pb.h"

namespace sluice {

// One StreamAuditEvents call. One batch of responses in memory, read from disk
// once gRPC has taken the last, on a thread that it holds no longer than for
// that. What the watch tells is noted and read then, so a slow reader costs what
// its notes cost: an entry a log. Owned by itself until gRPC, the watch and the
// readers are done with it.
class AuditReactor : public grpc::ServerWriteReactor<v1::StreamAuditEventsResponse>,
                     public AuditWatch::Listener,
                     public AuditStreams::Stream,
                     public std::enable_shared_from_this<AuditReactor> {
 public:
  // A stream without events says this often that it is alive.
  static constexpr absl::Duration kHeartbeat = absl::Seconds(15);

  // All of it outlives the call.
  struct Parts {
    const AuditDirectory& directory;
    AuditWatch& watch;
    AuditStreams& streams;
    Executor& readers;
    const Clock& clock;
  };

  // Ends at once with the error of `caller`, where it is one.
  static AuditReactor* Start(const v1::StreamAuditEventsRequest& request, absl::StatusOr<Caller> caller,
                             const Parts& parts);

  void End(const absl::Status& status) override;
  absl::Duration lag() const override;

 private:
  AuditReactor(const Parts& parts, bool follow) : parts_(parts), follow_(follow) {}

  absl::Status Begin(const v1::StreamAuditEventsRequest& request, absl::StatusOr<Caller> caller);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  bool OnLog(const AuditLogInfo& log) override;
  void OnRemoved(const std::string& uid) override;
  void OnAppended(const std::string& uid) override;
  void OnTick() override;

  // Something was noted, or a heartbeat is due.
  void Wake() REQUIRES(mutex_);
  void ReadSoon();
  // On a reader's thread, one at a time; not while responses wait.
  void Read();
  // Tells the reading what was noted; false once the call has ended.
  bool TakeNotes();
  // The reading has nothing: a heartbeat, or quiet until the next Wake.
  void Rest();
  void WriteNext();

  const Parts parts_;
  const bool follow_;
  Caller caller_;
  std::shared_ptr<AuditReactor> self_;
  uint64_t listener_ = 0;
  std::optional<AuditReading> reading_;
  // Touched by whoever reads or writes: the two take turns.
  std::deque<v1::StreamAuditEventsResponse> responses_;
  v1::StreamAuditEventsResponse response_;

  mutable Mutex mutex_;
  // What the watch told since the last Read.
  std::map<std::string, AuditLogInfo> found_ GUARDED_BY(mutex_);  // by uid
  std::set<std::string> removed_ GUARDED_BY(mutex_);
  std::set<std::string> appended_ GUARDED_BY(mutex_);
  bool busy_ GUARDED_BY(mutex_) = true;    // reading or writing
  bool again_ GUARDED_BY(mutex_) = false;  // woken while it was
  bool ended_ GUARDED_BY(mutex_) = false;
  absl::Duration last_write_ GUARDED_BY(mutex_);  // monotonic
  // Of the event that was written last; nothing where all was read then.
  std::optional<absl::Time> behind_at_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_REACTOR_H_
