#ifndef SLUICE_NETSVC_LINK_TEST_PEER_H_
#define SLUICE_NETSVC_LINK_TEST_PEER_H_

#include <sys/un.h>

#include <cstdint>
#include <string>
#include <vector>

#include "netsvc/base/unique_fd.h"

// The VMM's end of a link, for tests. What cannot be done dies.

namespace sluice::link {

// A directory of the test's own, removed with what is in it.
class TestDirectory {
 public:
  TestDirectory();
  ~TestDirectory();
  sockaddr_un At(const std::string& name) const;

 private:
  std::string path_;
};

// Sockets of SOCK_STREAM or SOCK_DGRAM, non-blocking but for what is said.
UniqueFd Bind(int type, const sockaddr_un& at);
// Connected; bound first where `from` is given.
UniqueFd ConnectTo(int type, const sockaddr_un& to, const sockaddr_un* from = nullptr);

// All that can be read now.
std::vector<uint8_t> ReadAll(const UniqueFd& fd);
void Send(const UniqueFd& fd, const std::vector<uint8_t>& bytes);

// Whether `fd` becomes readable (POLLIN) or writable at once.
bool IsReady(int fd, short events);

std::vector<uint8_t> FrameOf(size_t size, uint8_t fill);

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_TEST_PEER_H_
