#include "netsvc/base/endpoint.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(EndpointTest, ParsesAndPrints) {
  for (const char* text : {"1.2.3.4:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[2001:db8::1]:443"}) {
    const std::optional<Endpoint> endpoint = Endpoint::Parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->ToString(), text);
  }
}

TEST(EndpointTest, RefusesWhatIsNoEndpoint) {
  for (const char* text : {"", ":80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:+80",
                           "1.2.3.4: 80", "1.2.3.4:80 ", "1.2.3.4:0x50", "1.2.3.4:99999999999", "::1:80", "[::1]",
                           "[::1]80", "[::1:80", "::1]:80", "[1.2.3.4]:80", "[[::1]]:80", "example.com:80"}) {
    EXPECT_FALSE(Endpoint::Parse(text)) << text;
  }
}

TEST(EndpointTest, GoesThroughASockaddrUnchanged) {
  for (const char* text : {"1.2.3.4:80", "[2001:db8::1]:443"}) {
    const Endpoint endpoint = *Endpoint::Parse(text);
    sockaddr_storage storage;
    const socklen_t length = endpoint.ToSockaddr(storage);
    EXPECT_EQ(length, endpoint.address.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    EXPECT_EQ(Endpoint::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage)), endpoint);
  }
  sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_FALSE(Endpoint::FromSockaddr(&other));
}

}  // namespace
}  // namespace sluice
