#include "tests/e2e/user_client.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel_posix.h"

namespace sluice::e2e {
namespace {

// A socket that `connect` makes as `uid`, in `netns` where that is not -1: each
// thread of Linux has users and namespaces of its own.
UniqueFd As(uid_t uid, const std::function<UniqueFd()>& connect, int netns = -1) {
  UniqueFd fd;
  std::thread([&] {
    if (netns >= 0 && setns(netns, CLONE_NEWNET) != 0) return;
    if (syscall(SYS_setresgid, uid, uid, uid) == 0 && syscall(SYS_setresuid, uid, uid, uid) == 0) fd = connect();
  }).join();
  return fd;
}

UniqueFd ConnectTo(const sockaddr* address, socklen_t size) {
  UniqueFd fd(socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() || connect(fd.get(), address, size) != 0) return UniqueFd();
  fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return fd;
}

}  // namespace

UniqueFd ConnectUnixAs(uid_t uid, const std::string& path) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  std::strcpy(address.sun_path, path.c_str());
  return As(uid, [&] { return ConnectTo(reinterpret_cast<const sockaddr*>(&address), sizeof(address)); });
}

UniqueFd ConnectLoopbackAs(uid_t uid, pid_t pid, uint16_t port) {
  const UniqueFd netns(open(absl::StrCat("/proc/", pid, "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return As(uid, [&] { return ConnectTo(reinterpret_cast<const sockaddr*>(&address), sizeof(address)); }, netns.get());
}

std::shared_ptr<grpc::Channel> ChannelOn(UniqueFd connection) {
  return grpc::CreateInsecureChannelFromFd("localhost", connection.release());
}

}  // namespace sluice::e2e
