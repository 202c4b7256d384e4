#include "server/core/sandbox_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/core/id_generator.h"

namespace sluice {

absl::StatusOr<std::shared_ptr<Sandbox>> SandboxRegistry::Reserve(const SandboxEnvironment& environment,
                                                                  v1::Sandbox spec, const CancelToken& creation) {
  const MutexLock lock(mutex_);
  if (!open_) return absl::UnavailableError("the server is starting or stopping");
  if (sandboxes_.size() >= kMaxSandboxes) {
    return absl::ResourceExhaustedError(absl::StrCat("the server has ", kMaxSandboxes, " sandboxes already"));
  }
  if (sandboxes_.contains(spec.id())) {
    return absl::AlreadyExistsError(absl::StrCat("there is a sandbox ", spec.id(), " already"));
  }
  while (spec.id().empty() || sandboxes_.contains(spec.id())) spec.set_id(NewSandboxId());
  auto sandbox = Sandbox::New(environment, std::move(spec), host_, creation);
  sandboxes_[sandbox->id()] = sandbox;
  return sandbox;
}

void SandboxRegistry::Forget(const Sandbox& sandbox) {
  std::shared_ptr<Sandbox> last;  // outlives the lock
  const MutexLock lock(mutex_);
  const auto found = sandboxes_.find(sandbox.id());
  if (found == sandboxes_.end() || found->second.get() != &sandbox) return;
  last = std::move(found->second);
  sandboxes_.erase(found);
}

absl::StatusOr<std::shared_ptr<Sandbox>> SandboxRegistry::Find(const std::string& id) const {
  const MutexLock lock(mutex_);
  const auto found = sandboxes_.find(id);
  if (found != sandboxes_.end()) return found->second;
  return absl::NotFoundError(absl::StrCat("there is no sandbox ", id));
}

std::vector<std::shared_ptr<Sandbox>> SandboxRegistry::All() const {
  const MutexLock lock(mutex_);
  return AllLocked();
}

HostNetwork SandboxRegistry::host() const {
  const MutexLock lock(mutex_);
  return host_;
}

void SandboxRegistry::Open(std::vector<Endpoint> control_plane) {
  const MutexLock lock(mutex_);
  host_.control_plane = std::move(control_plane);
  open_ = true;
}

void SandboxRegistry::Close() {
  const MutexLock lock(mutex_);
  open_ = false;
}

std::vector<std::shared_ptr<Sandbox>> SandboxRegistry::SetNameservers(const std::vector<Endpoint>& nameservers) {
  const MutexLock lock(mutex_);
  host_.nameservers = nameservers;
  return AllLocked();
}

std::vector<std::shared_ptr<Sandbox>> SandboxRegistry::AllLocked() const {
  std::vector<std::shared_ptr<Sandbox>> all;
  all.reserve(sandboxes_.size());
  for (const auto& [id, sandbox] : sandboxes_) all.push_back(sandbox);
  return all;
}

}  // namespace sluice
