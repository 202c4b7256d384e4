// Asks for a router and prints the resolver that its advertisement names (RFC 8106),
// for guests whose own tools read no such thing. rdnss INTERFACE; static.

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace {

constexpr int kTries = 10;
constexpr int kHopLimit = 255;  // RFC 4861: what is not on the link has less
constexpr uint8_t kResolvers = 25;
constexpr size_t kUnit = 8;  // bytes of an option's length

// Prints the first resolver of an advertisement; false where it has none.
bool Print(const uint8_t* data, size_t size) {
  if (size < sizeof(nd_router_advert) || data[0] != ND_ROUTER_ADVERT) return false;
  for (size_t at = sizeof(nd_router_advert); at + kUnit <= size && data[at + 1] > 0; at += data[at + 1] * kUnit) {
    if (data[at] != kResolvers || at + kUnit + sizeof(in6_addr) > size) continue;
    char text[INET6_ADDRSTRLEN];
    std::puts(inet_ntop(AF_INET6, data + at + kUnit, text, sizeof(text)));
    return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int fd = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  const timeval patience = {.tv_sec = 1, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &kHopLimit, sizeof(kHopLimit));
  sockaddr_in6 routers = {};
  routers.sin6_family = AF_INET6;
  routers.sin6_scope_id = if_nametoindex(argv[1]);
  inet_pton(AF_INET6, "ff02::2", &routers.sin6_addr);
  for (int i = 0; i < kTries; ++i) {
    nd_router_solicit solicit = {};
    solicit.nd_rs_type = ND_ROUTER_SOLICIT;
    sendto(fd, &solicit, sizeof(solicit), 0, reinterpret_cast<sockaddr*>(&routers), sizeof(routers));
    uint8_t data[2048];
    ssize_t n;
    while ((n = recv(fd, data, sizeof(data), 0)) > 0) {
      if (Print(data, static_cast<size_t>(n))) return 0;
    }
  }
  return 1;
}
