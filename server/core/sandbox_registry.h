#ifndef SLUICE_SERVER_CORE_SANDBOX_REGISTRY_H_
#define SLUICE_SERVER_CORE_SANDBOX_REGISTRY_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/endpoint.h"
#include "server/base/mutex.h"
#include "server/core/cancel_token.h"
#include "server/core/host_network.h"
#include "server/core/labels.h"
#include "server/core/sandbox.h"
#include "server/core/sandbox_limits.h"

namespace sluice {

// Which ids are taken, and by what. Any thread; does not block.
class SandboxRegistry {
 public:
  explicit SandboxRegistry(HostNetwork host, SandboxLimits limits = {})
      : limits_(std::move(limits)), host_(std::move(host)) {}

  // Takes the id of `spec`, or makes one up, for a new sandbox. AlreadyExists,
  // or ResourceExhausted past a limit; Unavailable before Open and after
  // Close.
  absl::StatusOr<std::shared_ptr<Sandbox>> Reserve(const SandboxEnvironment& environment, v1::Sandbox spec,
                                                   const CancelToken& creation);
  // Of an earlier server; before Open.
  std::shared_ptr<Sandbox> Restore(const SandboxEnvironment& environment, internal::v1::SandboxRecord record);
  // Frees the id.
  void Forget(const Sandbox& sandbox);

  absl::StatusOr<std::shared_ptr<Sandbox>> Find(const std::string& id) const;
  std::vector<std::shared_ptr<Sandbox>> All() const;

  // What a sandbox made now would be told.
  HostNetwork host() const;

  // From now on sandboxes can be made; `control_plane` are the server's own
  // listeners. Returns those that exist already and have to be told.
  std::vector<std::shared_ptr<Sandbox>> Open(std::vector<Endpoint> control_plane);
  void Close();
  // For sandboxes to come. Returns those that exist and have to be told.
  std::vector<std::shared_ptr<Sandbox>> SetNameservers(const std::vector<Endpoint>& nameservers);

 private:
  std::vector<std::shared_ptr<Sandbox>> AllLocked() const REQUIRES(mutex_);
  // ResourceExhausted where a sandbox with these labels is one too many.
  absl::Status CheckRoom(const Labels& labels) const REQUIRES(mutex_);

  const SandboxLimits limits_;
  mutable Mutex mutex_;
  bool open_ GUARDED_BY(mutex_) = false;
  HostNetwork host_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<Sandbox>> sandboxes_ GUARDED_BY(mutex_);  // by id
  std::map<std::string, Labels> labels_ GUARDED_BY(mutex_);  // as they were created, by id
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_SANDBOX_REGISTRY_H_
