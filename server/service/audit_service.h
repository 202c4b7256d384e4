#ifndef SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_
#define SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "server/core/executor.h"
#include "server/service/audit_directory.h"
#include "server/service/audit_watch.h"
#include "sluice/v1/audit_service.grpc.pb.h"

namespace sluice {

// sluice.v1.AuditService: StreamAuditEvents; CapturePackets is UNIMPLEMENTED.
class AuditServiceImpl final : public v1::AuditService::CallbackService {
 public:
  // All of it outlives the service. `readers` are the threads that read logs.
  AuditServiceImpl(const AuditDirectory& directory, AuditWatch& watch, Executor& readers)
      : directory_(directory), watch_(watch), readers_(readers) {}

  grpc::ServerWriteReactor<v1::StreamAuditEventsResponse>* StreamAuditEvents(
      grpc::CallbackServerContext* context, const v1::StreamAuditEventsRequest* request) override;

 private:
  const AuditDirectory& directory_;
  AuditWatch& watch_;
  Executor& readers_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_
