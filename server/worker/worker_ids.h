#ifndef SLUICE_SERVER_WORKER_WORKER_IDS_H_
#define SLUICE_SERVER_WORKER_WORKER_IDS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/mutex.h"

namespace sluice {

// The users that workers, and virtual machines, run as, one each: what one worker
// owns no other can touch, signal or attach to. The number is the user's and the
// group's. Any thread; outlives its leases.
class WorkerIds {
 public:
  // Past what systemd gives to containers and to homes (systemd's UIDS-GIDS.md:
  // 1879048192 to 2147483647 is free).
  static constexpr uid_t kFirst = 0x70000000;
  static constexpr uint32_t kCount = 65'536;
  static constexpr uid_t kFirstOfVms = kFirst + kCount;

  // A user that is nobody else's until the lease ends.
  class Lease {
   public:
    Lease(WorkerIds& ids, uid_t id) : ids_(ids), id_(id) {}
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    // 0: this process may not become others, and its workers stay what it is.
    uid_t id() const { return id_; }

   private:
    WorkerIds& ids_;
    const uid_t id_;
  };

  // kCount users, from `first` on. `uid_map` and `gid_map` as in /proc/self: where
  // they do not cover all the ids (root of a user namespace), every lease is of 0.
  WorkerIds(absl::string_view uid_map, absl::string_view gid_map, uid_t first = kFirst);
  static std::unique_ptr<WorkerIds> OfThisProcess(uid_t first = kFirst);

  bool separate() const { return separate_; }

  // ResourceExhausted where all are taken.
  absl::StatusOr<std::unique_ptr<Lease>> Acquire();
  // A certain one, of a worker that runs already. AlreadyExists where it is taken.
  absl::StatusOr<std::unique_ptr<Lease>> Claim(uid_t id);

 private:
  const uid_t first_;
  const bool separate_;
  Mutex mutex_;
  std::set<uid_t> taken_ GUARDED_BY(mutex_);
  uid_t last_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_WORKER_IDS_H_
