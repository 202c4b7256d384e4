#ifndef SLUICE_SERVER_ACCESS_DOORKEEPER_H_
#define SLUICE_SERVER_ACCESS_DOORKEEPER_H_

#include <grpcpp/security/auth_metadata_processor.h>
#include <sys/types.h>

#include <optional>
#include <string>

#include "server/access/access_control.h"
#include "server/access/access_log.h"
#include "server/base/mutex.h"

namespace sluice {

// Stands ahead of every method, those of gRPC's own services included: a call that
// may not be goes no further, and into the access log unless it is a stranger's. gRPC's
// threads call it.
class Doorkeeper : public grpc::AuthMetadataProcessor {
 public:
  // Both outlive it.
  Doorkeeper(const AccessControl& access, AccessLog& log) : access_(access), log_(log) {}

  // All connections that it sees from now on are this user's, or of users who may not
  // call. Ahead of the first.
  void SetUser(uid_t uid);
  void SetStrangers();

  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* peer, OutputMetadata* consumed,
                       OutputMetadata* response) override;

 private:
  bool IsStranger();

  const AccessControl& access_;
  AccessLog& log_;
  Mutex mutex_;  // also of the connections' properties, while they are written
  std::optional<std::string> user_ GUARDED_BY(mutex_);  // AccessControl::kUserProperty
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_DOORKEEPER_H_
