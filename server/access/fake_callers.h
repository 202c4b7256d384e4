#ifndef SLUICE_SERVER_ACCESS_FAKE_CALLERS_H_
#define SLUICE_SERVER_ACCESS_FAKE_CALLERS_H_

#include "absl/status/statusor.h"
#include "server/access/callers.h"
#include "server/base/mutex.h"

namespace sluice {

// Every call is of whom the test says; of an administrator at first. Any thread.
class FakeCallers : public Callers {
 public:
  void Set(absl::StatusOr<Caller> caller) {
    const MutexLock lock(mutex_);
    caller_ = std::move(caller);
  }

  absl::StatusOr<Caller> OfCall(const grpc::CallbackServerContext&) const override {
    const MutexLock lock(mutex_);
    return caller_;
  }
  absl::StatusOr<Caller> OfStream(const grpc::CallbackServerContext& call) const override { return OfCall(call); }

 private:
  mutable Mutex mutex_;
  absl::StatusOr<Caller> caller_ GUARDED_BY(mutex_) = Caller{.name = "admin", .role = Role::kAdmin, .scope = {}};
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_FAKE_CALLERS_H_
