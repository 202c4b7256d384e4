#include "server/access/doorkeeper.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/service/status.h"

namespace sluice {
namespace {

std::string Value(const AccessControl::Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
}

}  // namespace

void Doorkeeper::SetUser(uid_t uid) {
  const MutexLock lock(mutex_);
  user_ = absl::StrCat(uid);
}

void Doorkeeper::SetStrangers() {
  const MutexLock lock(mutex_);
  user_ = AccessControl::kNoUser;
}

bool Doorkeeper::IsStranger() {
  const MutexLock lock(mutex_);
  return user_ == AccessControl::kNoUser;
}

grpc::Status Doorkeeper::Process(const InputMetadata& metadata, grpc::AuthContext* peer, OutputMetadata*,
                                 OutputMetadata*) {
  {
    const MutexLock lock(mutex_);
    // Once a connection, ahead of its first call: whoever reads it later reads
    // what does not change any more.
    if (user_ && peer->FindPropertyValues(AccessControl::kUserProperty).empty()) {
      peer->AddProperty(AccessControl::kUserProperty, *user_);
    }
  }
  const std::string path = Value(metadata, ":path");
  const absl::StatusOr<Caller> caller = access_.Admit(*peer, metadata, path);
  if (caller.ok()) return grpc::Status::OK;
  grpc::Status status = ToGrpc(caller.status());
  // The door has named it, once for all of its calls.
  if (IsStranger()) return status;
  log_.Write({.caller = access_.NameOf(*peer, metadata), .method = path, .code = status.error_code()});
  return status;
}

}  // namespace sluice
