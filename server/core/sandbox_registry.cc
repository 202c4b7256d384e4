#include "server/core/sandbox_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/core/id_generator.h"

namespace sluice {

absl::StatusOr<std::shared_ptr<Sandbox>> SandboxRegistry::Reserve(const SandboxEnvironment& environment,
                                                                  v1::Sandbox spec, const CancelToken& creation) {
  const MutexLock lock(mutex_);
  if (!open_) return absl::UnavailableError("the server is starting or stopping");
  if (const absl::Status room = CheckRoom(spec.labels()); !room.ok()) return room;
  if (sandboxes_.contains(spec.id())) {
    return absl::AlreadyExistsError(absl::StrCat("there is a sandbox ", spec.id(), " already"));
  }
  while (spec.id().empty() || sandboxes_.contains(spec.id())) spec.set_id(NewSandboxId());
  labels_[spec.id()] = spec.labels();
  auto sandbox = Sandbox::New(environment, std::move(spec), host_, creation);
  sandboxes_[sandbox->id()] = sandbox;
  return sandbox;
}

absl::Status SandboxRegistry::CheckRoom(const Labels& labels) const {
  if (sandboxes_.size() >= limits_.total) {
    return absl::ResourceExhaustedError(absl::StrCat("the server has ", limits_.total, " sandboxes already, as many as it may"));
  }
  for (const auto& [key, most] : limits_.per_label) {
    const auto wanted = labels.find(key);
    if (wanted == labels.end()) continue;
    const auto count = std::count_if(labels_.begin(), labels_.end(), [&, &key = key](const auto& other) {
      const auto found = other.second.find(key);
      return found != other.second.end() && found->second == wanted->second;
    });
    if (static_cast<size_t>(count) >= most) {
      return absl::ResourceExhaustedError(absl::StrCat("there are ", count, " sandboxes with the label ", key, "=",
                                                       wanted->second, " already, as many as there may be"));
    }
  }
  return absl::OkStatus();
}

std::shared_ptr<Sandbox> SandboxRegistry::Restore(const SandboxEnvironment& environment,
                                                  internal::v1::SandboxRecord record) {
  const MutexLock lock(mutex_);
  labels_[record.sandbox().id()] = record.sandbox().labels();
  auto sandbox = Sandbox::Restore(environment, std::move(record), host_);
  sandboxes_[sandbox->id()] = sandbox;
  return sandbox;
}

void SandboxRegistry::Forget(const Sandbox& sandbox) {
  std::shared_ptr<Sandbox> last;  // outlives the lock
  const MutexLock lock(mutex_);
  const auto found = sandboxes_.find(sandbox.id());
  if (found == sandboxes_.end() || found->second.get() != &sandbox) return;
  last = std::move(found->second);
  labels_.erase(found->first);
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

std::vector<std::shared_ptr<Sandbox>> SandboxRegistry::Open(std::vector<Endpoint> control_plane) {
  const MutexLock lock(mutex_);
  host_.control_plane = std::move(control_plane);
  open_ = true;
  return AllLocked();
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
