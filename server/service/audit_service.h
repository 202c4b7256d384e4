#ifndef SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_
#define SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "server/access/callers.h"
#include "server/service/audit_reactor.h"
#include "sluice/v1/audit_service.grpc.pb.h"

namespace sluice {

// sluice.v1.AuditService: StreamAuditEvents; CapturePackets is UNIMPLEMENTED.
class AuditServiceImpl final : public v1::AuditService::CallbackService {
 public:
  // What its streams work with, and whose they are; all of it outlives the service.
  AuditServiceImpl(const AuditReactor::Parts& parts, const Callers& callers) : parts_(parts), callers_(callers) {}

  grpc::ServerWriteReactor<v1::StreamAuditEventsResponse>* StreamAuditEvents(
      grpc::CallbackServerContext* context, const v1::StreamAuditEventsRequest* request) override {
    return AuditReactor::Start(*request, callers_.OfStream(*context), parts_);
  }

 private:
  const AuditReactor::Parts parts_;
  const Callers& callers_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_
