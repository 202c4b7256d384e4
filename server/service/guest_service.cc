#include "server/service/guest_service.h"

#include "server/service/exec_reactor.h"

namespace sluice {

grpc::ServerBidiReactor<v1::ExecRequest, v1::ExecResponse>* GuestServiceImpl::Exec(grpc::CallbackServerContext*) {
  return ExecReactor::Start(lookup_, run_blocking_);
}

}  // namespace sluice
