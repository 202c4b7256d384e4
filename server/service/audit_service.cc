#include "server/service/audit_service.h"

#include "server/service/audit_reactor.h"

namespace sluice {

grpc::ServerWriteReactor<v1::StreamAuditEventsResponse>* AuditServiceImpl::StreamAuditEvents(
    grpc::CallbackServerContext*, const v1::StreamAuditEventsRequest* request) {
  return AuditReactor::Start(*request, directory_, watch_, readers_);
}

}  // namespace sluice
