#ifndef SLUICE_SERVER_SERVICE_AUDIT_REACTOR_H_
#define SLUICE_SERVER_SERVICE_AUDIT_REACTOR_H_

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/core/executor.h"
#include "server/service/audit_reading.h"
#include "server/service/audit_watch.h"
#include "sluice/v1/audit_service.pb.h"

namespace sluice {

// One StreamAuditEvents call: one response in memory, read from disk once gRPC
// has taken the last, on a thread that it holds no longer than for that. Owned by
// itself until gRPC, the watch and the readers are done with it.
class AuditReactor : public grpc::ServerWriteReactor<v1::StreamAuditEventsResponse>,
                     public std::enable_shared_from_this<AuditReactor> {
 public:
  // A stream without events says this often that it is alive.
  static constexpr absl::Duration kHeartbeat = absl::Seconds(15);

  static AuditReactor* Start(const v1::StreamAuditEventsRequest& request, const AuditDirectory& directory,
                             AuditWatch& watch, Executor& readers);

 private:
  AuditReactor(AuditWatch& watch, Executor& readers, bool follow)
      : watch_(watch), readers_(readers), follow_(follow) {}

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Something may be there to read.
  void Wake();
  // On a reader's thread, one at a time.
  void Read();
  void Write();
  void End(const absl::Status& status);

  AuditWatch& watch_;
  Executor& readers_;
  const bool follow_;
  std::shared_ptr<AuditReactor> self_;
  uint64_t listener_ = 0;
  std::unique_ptr<AuditReading> reading_;
  v1::StreamAuditEventsResponse response_;

  Mutex mutex_;
  bool busy_ GUARDED_BY(mutex_) = false;   // reading or writing
  bool again_ GUARDED_BY(mutex_) = false;  // woken while it was
  bool ended_ GUARDED_BY(mutex_) = false;
  absl::Time last_write_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_REACTOR_H_
