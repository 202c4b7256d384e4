#ifndef SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_
#define SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "server/service/audit_reactor.h"
#include "sluice/v1/audit_service.grpc.pb.h"

namespace sluice {

// sluice.v1.AuditService: StreamAuditEvents; CapturePackets is UNIMPLEMENTED.
class AuditServiceImpl final : public v1::AuditService::CallbackService {
 public:
  // What its streams work with; all of it outlives the service.
  explicit AuditServiceImpl(const AuditReactor::Parts& parts) : parts_(parts) {}

  grpc::ServerWriteReactor<v1::StreamAuditEventsResponse>* StreamAuditEvents(
      grpc::CallbackServerContext*, const v1::StreamAuditEventsRequest* request) override {
    return AuditReactor::Start(*request, parts_);
  }

 private:
  const AuditReactor::Parts parts_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_
