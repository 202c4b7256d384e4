#include "netsvc/link/test_peer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <filesystem>

namespace sluice::link {
namespace {

void DieUnless(bool ok, const char* what) {
  if (ok) return;
  perror(what);
  abort();
}

UniqueFd NewSocket(int type) {
  UniqueFd fd(socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  DieUnless(fd.valid(), "socket");
  return fd;
}

void BindTo(const UniqueFd& fd, const sockaddr_un& at) {
  DieUnless(bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0, "bind");
}

}  // namespace

TestDirectory::TestDirectory() {
  char path[] = "/tmp/link_test.XXXXXX";
  DieUnless(mkdtemp(path) != nullptr, "mkdtemp");
  path_ = path;
}

TestDirectory::~TestDirectory() { std::filesystem::remove_all(path_); }

sockaddr_un TestDirectory::At(const std::string& name) const {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = path_ + "/" + name;
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd Bind(int type, const sockaddr_un& at) {
  UniqueFd fd = NewSocket(type);
  BindTo(fd, at);
  if (type == SOCK_STREAM) DieUnless(listen(fd.get(), 8) == 0, "listen");
  return fd;
}

UniqueFd ConnectTo(int type, const sockaddr_un& to, const sockaddr_un* from) {
  UniqueFd fd = NewSocket(type);
  if (from != nullptr) BindTo(fd, *from);
  DieUnless(connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0, "connect");
  return fd;
}

std::vector<uint8_t> ReadAll(const UniqueFd& fd) {
  std::vector<uint8_t> all;
  std::vector<uint8_t> some(1 << 17);
  ssize_t n;
  while ((n = recv(fd.get(), some.data(), some.size(), 0)) > 0) all.insert(all.end(), some.begin(), some.begin() + n);
  return all;
}

void Send(const UniqueFd& fd, const std::vector<uint8_t>& bytes) {
  DieUnless(send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()), "send");
}

bool IsReady(int fd, short events) {
  pollfd poll_fd = {.fd = fd, .events = events, .revents = 0};
  return poll(&poll_fd, 1, 0) == 1;
}

std::vector<uint8_t> FrameOf(size_t size, uint8_t fill) { return std::vector<uint8_t>(size, fill); }

}  // namespace sluice::link
