#ifndef SLUICE_SERVER_GUEST_ORPHANS_H_
#define SLUICE_SERVER_GUEST_ORPHANS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <set>

#include "server/base/mutex.h"

namespace sluice {

// What OCI runtimes leave to this process, a subreaper. The processes that it asked
// for are claimed by whoever waits for them; a runtime's helpers that outlived it are
// nobody's (crun leaves one of each container, and one of each program that could not
// be run). Those must be reaped too, or they stay for good, and one in a guest's pid
// namespace keeps the guest's first process from ending (pid_namespaces(7)).
//
// Children that this process started by itself are told by their session: its own, or
// one that they lead; and by running a program, which processes of a guest of gVisor's,
// leaders too, never do. Any thread; calls read /proc.
class Orphans : public std::enable_shared_from_this<Orphans> {
 public:
  static std::shared_ptr<Orphans> Create() { return std::shared_ptr<Orphans>(new Orphans); }

  // Exists while a runtime runs, and until what it was to start is claimed.
  class Launch {
   public:
    explicit Launch(Orphans& orphans);
    Launch(const Launch&) = delete;
    Launch& operator=(const Launch&) = delete;
    ~Launch();  // reaps

   private:
    Orphans& orphans_;
    const int64_t began_;
  };

  // To be held until `pid` was waited for.
  using Claim = std::shared_ptr<const void>;
  Claim ClaimChild(pid_t pid);

  // Reaps what has ended and is nobody's. What started since the oldest launch under
  // way is left to that one's end.
  void Reap();

 private:
  Orphans() = default;
  bool IsNobodys(pid_t pid) const REQUIRES(mutex_);

  Mutex mutex_;
  std::multiset<pid_t> claimed_ GUARDED_BY(mutex_);
  // When they began, in the kernel's ticks since boot (proc(5), starttime).
  std::multiset<int64_t> launches_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_ORPHANS_H_
