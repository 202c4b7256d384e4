#ifndef SLUICE_SERVER_ACCESS_ACCESS_CONTROL_H_
#define SLUICE_SERVER_ACCESS_ACCESS_CONTROL_H_

#include <grpcpp/security/auth_context.h>
#include <grpcpp/support/string_ref.h>
#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/access_policy.h"
#include "server/access/caller.h"
#include "server/access/callers.h"
#include "server/access/stream_limit.h"
#include "server/access/token_file.h"
#include "server/base/mutex.h"
#include "server/core/file_watcher.h"

namespace sluice {

// Who calls, and whether that caller may call that method. Which sandboxes are
// there for the caller is the services' matter, by Caller::scope. Any thread; does
// not block.
class AccessControl : public Callers {
 public:
  // Of a call, as gRPC has it.
  using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

  // The property of a connection whose far end the kernel told us: its user's
  // number.
  static constexpr char kUserProperty[] = "sluice_user";
  // Its value for users who may not call: no token of theirs is looked at.
  static constexpr char kNoUser[] = "nobody";

  // Empty paths: no such file.
  struct Files {
    std::string policy;
    std::string tokens;
  };

  // InvalidArgument, one sentence that begins with the flag, where a file is not
  // right. Follows the files from then on: a new version that is not right is
  // logged and changes nothing.
  static absl::StatusOr<std::unique_ptr<AccessControl>> Load(const Files& files, size_t max_streams_of_one);

  // Reads the files again, as it does when they change.
  void Reload();

  // Nothing for a user who may not call at all.
  std::optional<Caller> OfUser(uid_t uid) const;

  // Unauthenticated, or PermissionDenied for one who is known and may not call.
  absl::StatusOr<Caller> Identify(const grpc::AuthContext& peer, const Metadata& metadata) const;

  // Who calls, as logs say it: Caller's name, or for one whom no grant names the like
  // ("token siem"). Empty for nobody known.
  std::string NameOf(const grpc::AuthContext& peer, const Metadata& metadata) const;

  absl::StatusOr<Caller> OfCall(const grpc::CallbackServerContext& call) const override;
  absl::StatusOr<Caller> OfStream(const grpc::CallbackServerContext& call) const override;

  // Identify, and PermissionDenied where the caller may not call `path`, Unimplemented
  // where there is no such method.
  absl::StatusOr<Caller> Admit(const grpc::AuthContext& peer, const Metadata& metadata, absl::string_view path) const;

 private:
  struct Rules {
    AccessPolicy policy;
    TokenFile tokens;
  };
  struct Known {
    std::string name;
    std::optional<Caller> caller;  // nothing: no grant names them
  };

  AccessControl(Files files, size_t max_streams_of_one) : files_(std::move(files)), streams_(max_streams_of_one) {}

  static absl::StatusOr<std::shared_ptr<const Rules>> Read(const Files& files);
  absl::Status Follow();
  std::shared_ptr<const Rules> rules() const;
  // Unauthenticated for nobody known.
  absl::StatusOr<Known> Recognize(const grpc::AuthContext& peer, const Metadata& metadata) const;

  const Files files_;
  Mutex reload_mutex_;  // one at a time reads the files
  mutable StreamLimit streams_;
  mutable Mutex mutex_;
  std::shared_ptr<const Rules> rules_ GUARDED_BY(mutex_);
  std::unique_ptr<FileWatcher> watcher_;  // ends first
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_ACCESS_CONTROL_H_
