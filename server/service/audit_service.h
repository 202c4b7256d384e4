#ifndef SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_
#define SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "server/access/callers.h"
#include "server/service/audit_reactor.h"
#include "server/service/capture_reactor.h"
#include "sluice/v1/audit_service.grpc.pb.h"

namespace sluice {

// sluice.v1.AuditService.
class AuditServiceImpl final : public v1::AuditService::CallbackService {
 public:
  // What its streams work with, and whose they are; all of it outlives the service.
  AuditServiceImpl(const AuditReactor::Parts& events, const CaptureReactor::Parts& captures, const Callers& callers)
      : events_(events), captures_(captures), callers_(callers) {}

  grpc::ServerWriteReactor<v1::StreamAuditEventsResponse>* StreamAuditEvents(
      grpc::CallbackServerContext* context, const v1::StreamAuditEventsRequest* request) override {
    return AuditReactor::Start(*request, callers_.OfStream(*context), events_);
  }

  grpc::ServerWriteReactor<v1::CapturePacketsResponse>* CapturePackets(
      grpc::CallbackServerContext* context, const v1::CapturePacketsRequest* request) override {
    return CaptureReactor::Start(*request, callers_.OfStream(*context), captures_);
  }

 private:
  const AuditReactor::Parts events_;
  const CaptureReactor::Parts captures_;
  const Callers& callers_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_SERVICE_H_
