#ifndef SLUICE_SERVER_GUEST_SECCOMP_PROFILE_H_
#define SLUICE_SERVER_GUEST_SECCOMP_PROFILE_H_

#include <nlohmann/json.hpp>

namespace sluice {

// The `linux.seccomp` of an OCI guest: an allow-list of what ordinary programs
// do. The rest is EPERM; and ENOSYS where the runtime knows a call to be newer
// than the list, so that C libraries fall back.
//
// Beside what needs a capability anyway (mount, kexec, modules, clocks, reboot)
// it leaves out what an unprivileged program could reach and a guest has no
// business with: new namespaces (unshare, setns, clone's flags; clone3, whose
// flags no filter sees, is ENOSYS), bpf, perf_event_open, userfaultfd, keyrings,
// io_uring, fanotify, file handles, and sockets of families other than Unix,
// IPv4, IPv6, netlink and packet: a vsock would be a way round the gateway.
// Calls of foreign architectures (32-bit programs) are fatal.
nlohmann::json SeccompProfile();

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_SECCOMP_PROFILE_H_
