#ifndef SLUICE_SERVER_ACCESS_CALLERS_H_
#define SLUICE_SERVER_ACCESS_CALLERS_H_

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "server/access/caller.h"

namespace sluice {

// Tells a service whose call it has. Any thread; does not block.
class Callers {
 public:
  virtual ~Callers() = default;

  // Unauthenticated or PermissionDenied for nobody who may call.
  virtual absl::StatusOr<Caller> OfCall(const grpc::CallbackServerContext& call) const = 0;
  // The same; the call is one of the caller's streams until the last copy of
  // Caller::stream is gone. ResourceExhausted where too many are open.
  virtual absl::StatusOr<Caller> OfStream(const grpc::CallbackServerContext& call) const = 0;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_CALLERS_H_
