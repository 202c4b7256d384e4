#ifndef SLUICE_SERVER_CORE_SANDBOX_SNAPSHOT_H_
#define SLUICE_SERVER_CORE_SANDBOX_SNAPSHOT_H_

#include <memory>

#include "sluice/v1/sandbox.pb.h"
#include "sluice/v1/sandbox_service.pb.h"

namespace sluice {

// A sandbox as it was at one moment, in both views. Immutable, shared by
// readers without a lock.
class SandboxSnapshot {
 public:
  explicit SandboxSnapshot(const v1::Sandbox& sandbox);

  const v1::Sandbox& full() const { return full_; }
  // Without policy rules and domain lists.
  const v1::Sandbox& basic() const { return basic_; }
  // `fallback` where `view` is unspecified.
  const v1::Sandbox& In(v1::SandboxView view, v1::SandboxView fallback) const;

 private:
  const v1::Sandbox full_;
  const v1::Sandbox basic_;
};

using SandboxSnapshotPtr = std::shared_ptr<const SandboxSnapshot>;

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_SANDBOX_SNAPSHOT_H_
