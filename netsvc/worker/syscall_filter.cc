#include "netsvc/worker/syscall_filter.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

// Calls whose arguments do not matter: each acts on descriptors that the worker
// has, or on its own memory.
constexpr int kAllowed[] = {
    // The loop: waiting, timers' wake-ups, the control connection's turn.
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(poll),
    SCMP_SYS(ppoll), SCMP_SYS(eventfd2), SCMP_SYS(restart_syscall),
    // Frames, sockets of flows, the control connection, rtnetlink.
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(connect), SCMP_SYS(bind),
    SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(shutdown), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(close),
    // libslirp makes its sockets non-blocking and close-on-exec with fcntl, and
    // the worker puts the server's listeners in their place with dup2.
    SCMP_SYS(fcntl), SCMP_SYS(dup2), SCMP_SYS(dup3),
    // The audit log: segments begun, cut, listed, removed by retention. The empty
    // root is all that paths lead to; c-ares and the C library find none of their
    // configuration there.
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(ftruncate),
    SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(newfstatat), SCMP_SYS(getdents64), SCMP_SYS(unlinkat), SCMP_SYS(unlink),
    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(access), SCMP_SYS(readlink),
    // Memory: the allocator, and block lists that the server hands over.
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mprotect),
    // The C library's qsort asks how much of it there is.
    SCMP_SYS(sysinfo),
    // Locks of the C library and of GLib; nobody else is there to wait for.
    SCMP_SYS(futex), SCMP_SYS(sched_yield),
    // Time where the vDSO has none; the log library's line heads.
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(gettid),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
    // Random ids and hash seeds. GLib mixes process ids into those of libslirp's
    // router advertisement timers.
    SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(getppid),
    // Signals, for a signalfd and for a clean abort().
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(signalfd4),
    // The end.
    SCMP_SYS(exit), SCMP_SYS(exit_group),
};

// What a TAP is asked for when it is attached; libslirp's of its sockets; what the
// socket of a flow that is ended still has to send; and GLib's of standard error, ahead
// of a warning of libslirp's: whether it is a terminal.
constexpr unsigned long kIoctls[] = {TUNGETIFF, TUNSETOFFLOAD, TUNGETVNETHDRSZ, TUNSETVNETHDRSZ, FIONREAD,
                                     FIONBIO,   SIOCOUTQ,      SIOCOUTQNSD,     TCGETS};

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_KILL_PROCESS)) {}
  ~Filter() { seccomp_release(context_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  template <typename... Conditions>
  void Allow(int call, Conditions... conditions) {
    if (error_ == 0) error_ = seccomp_rule_add(context_, SCMP_ACT_ALLOW, call, sizeof...(conditions), conditions...);
  }

  absl::Status Load() {
    if (error_ == 0) error_ = seccomp_load(context_);
    return error_ == 0 ? absl::OkStatus() : ErrnoError(-error_, "the filter of system calls");
  }

 private:
  const scmp_filter_ctx context_;
  int error_ = 0;
};

// Sockets of flows and of resolvers, ping sockets, the DNS service's connection.
// No raw ones: SOCK_RAW is a netlink socket's type alone.
void AllowSockets(Filter& filter) {
  constexpr uint64_t kTypeMask = 0xf;  // without SOCK_NONBLOCK and SOCK_CLOEXEC
  for (const uint64_t family : {AF_INET, AF_INET6, AF_UNIX}) {
    for (const uint64_t type : {SOCK_STREAM, SOCK_DGRAM}) {
      filter.Allow(SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, family), SCMP_A1(SCMP_CMP_MASKED_EQ, kTypeMask, type));
    }
  }
  filter.Allow(SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, 0 /* NETLINK_ROUTE */));
}

}  // namespace

absl::Status FilterSyscalls() {
  Filter filter;
  for (const int call : kAllowed) filter.Allow(call);
  for (const unsigned long request : kIoctls) {
    filter.Allow(SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, request));
  }
  AllowSockets(filter);
  // getrlimit: how many descriptors there may be. Nothing is set.
  filter.Allow(SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
  // abort() signals itself.
  filter.Allow(SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, static_cast<uint64_t>(getpid())));
  return filter.Load();
}

}  // namespace sluice
