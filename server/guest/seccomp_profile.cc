#include "server/guest/seccomp_profile.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"

namespace sluice {
namespace {

using nlohmann::json;

// Names that an architecture does not have are passed over by the runtime.
constexpr char kFiles[] =
    "access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 "
    "fallocate fchdir fchmod fchmodat fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fremovexattr "
    "fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr inotify_add_watch "
    "inotify_init inotify_init1 inotify_rm_watch ioctl landlock_add_rule landlock_create_ruleset "
    "landlock_restrict_self lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek lsetxattr lstat "
    "mkdir mkdirat mknod mknodat newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev "
    "pwritev2 read readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir sendfile "
    "setxattr splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink "
    "unlinkat ustat utime utimensat utimes vmsplice write writev";
constexpr char kMemory[] =
    "brk get_mempolicy madvise mbind membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mprotect "
    "mremap msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_madvise process_mrelease "
    "remap_file_pages set_mempolicy set_mempolicy_home_node";
constexpr char kProcesses[] =
    "alarm arch_prctl capget capset execve execveat exit exit_group fork futex futex_waitv get_robust_list "
    "get_thread_area getcpu getegid geteuid getgid getgroups getitimer getpgid getpgrp getpid getppid getpriority "
    "getresgid getresuid getrlimit getrusage getsid gettid getuid ioprio_get ioprio_set kcmp kill modify_ldt pause "
    "pidfd_getfd pidfd_open pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev ptrace "
    "restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
    "rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity "
    "sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr "
    "sched_setparam sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address setfsgid "
    "setfsuid setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid "
    "setuid sigaltstack tgkill tkill vfork wait4 waitid";
constexpr char kWaiting[] =
    "epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 io_cancel io_destroy "
    "io_getevents io_pgetevents io_setup io_submit poll ppoll pselect6 select signalfd signalfd4 timer_create "
    "timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime";
constexpr char kTimeAndSystem[] =
    "clock_getres clock_gettime clock_nanosleep getrandom gettimeofday nanosleep sysinfo time times uname";
constexpr char kBetweenProcesses[] =
    "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget "
    "semop semtimedop shmat shmctl shmdt shmget";
constexpr char kSockets[] =
    "accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg "
    "sendto setsockopt shutdown socketpair";

constexpr int kSocketFamilies[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET};
// PER_LINUX, PER_LINUX32, and asking for the present one (linux/personality.h).
constexpr uint32_t kPersonalities[] = {0x0, 0x8, 0xffffffff};
constexpr uint64_t kNewNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
json Allow(absl::string_view names) {
  const std::vector<std::string> list = absl::StrSplit(names, ' ');
  return {{"names", list}, {"action", "SCMP_ACT_ALLOW"}};
}

json AllowWhere(const char* name, json condition) {
  return {{"names", {name}}, {"action", "SCMP_ACT_ALLOW"}, {"args", json::array({std::move(condition)})}};
}

json Refuse(const char* name, int error) {
  return {{"names", {name}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", error}};
}

json FirstIs(uint64_t value) { return {{"index", 0}, {"value", value}, {"op", "SCMP_CMP_EQ"}}; }

}  // namespace

json SeccompProfile() {
  json calls = json::array();
  for (const char* names : {kFiles, kMemory, kProcesses, kWaiting, kTimeAndSystem, kBetweenProcesses, kSockets}) {
    calls.push_back(Allow(names));
  }
  for (const int family : kSocketFamilies) calls.push_back(AllowWhere("socket", FirstIs(static_cast<uint64_t>(family))));
  for (const uint32_t personality : kPersonalities) calls.push_back(AllowWhere("personality", FirstIs(personality)));
  calls.push_back(AllowWhere("clone", {{"index", 0},
                                       {"value", kNewNamespaces},
                                       {"valueTwo", 0},
                                       {"op", "SCMP_CMP_MASKED_EQ"}}));
  calls.push_back(Refuse("clone3", ENOSYS));
  return {{"defaultAction", "SCMP_ACT_ERRNO"}, {"defaultErrnoRet", EPERM}, {"syscalls", std::move(calls)}};
}

}  // namespace sluice
