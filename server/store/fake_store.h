#ifndef SLUICE_SERVER_STORE_FAKE_STORE_H_
#define SLUICE_SERVER_STORE_FAKE_STORE_H_

#include <map>
#include <set>
#include <string>
#include <utility>

#include "server/base/mutex.h"
#include "server/store/state_store.h"

namespace sluice {

// A StateStore in memory, for tests: servers that come one after another on it
// find what is there. Any thread.
class FakeStore : public StateStore {
 public:
  // Changes answer with `status` from now on.
  void FailWith(const absl::Status& status) {
    const MutexLock lock(mutex_);
    failure_ = status;
  }

  Contents TakeContents() override {
    const MutexLock lock(mutex_);
    Contents contents;
    for (const auto& [uid, record] : sandboxes_) contents.sandboxes.push_back(record);
    contents.requests = requests_;
    return contents;
  }
  absl::Status Add(const internal::v1::SandboxRecord& record) override {
    const MutexLock lock(mutex_);
    if (!failure_.ok()) return failure_;
    if (!uids_.insert(record.sandbox().uid()).second) return absl::AlreadyExistsError("the uid was given out");
    sandboxes_[record.sandbox().uid()] = record;
    return absl::OkStatus();
  }
  absl::Status Update(const internal::v1::SandboxRecord& record, const FinishedRequest* request) override {
    const MutexLock lock(mutex_);
    if (!failure_.ok()) return failure_;
    sandboxes_[record.sandbox().uid()] = record;
    if (request != nullptr) requests_.push_back(*request);
    return absl::OkStatus();
  }
  absl::Status Remove(const std::string& uid) override {
    const MutexLock lock(mutex_);
    if (!failure_.ok()) return failure_;
    sandboxes_.erase(uid);
    return absl::OkStatus();
  }
  bool HasGivenOut(absl::string_view uid) override {
    const MutexLock lock(mutex_);
    return uids_.contains(std::string(uid));
  }

 private:
  Mutex mutex_;
  absl::Status failure_ GUARDED_BY(mutex_);
  std::map<std::string, internal::v1::SandboxRecord> sandboxes_ GUARDED_BY(mutex_);
  std::vector<FinishedRequest> requests_ GUARDED_BY(mutex_);
  std::set<std::string> uids_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_STORE_FAKE_STORE_H_
