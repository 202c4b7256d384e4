#include "clients/cpp/port_syntax.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::client {
namespace {

struct Case {
  std::string text;
  std::string mapping;  // as PortMappingText writes it
};

class GoodMapping : public testing::TestWithParam<Case> {};

TEST_P(GoodMapping, IsRead) {
  const absl::StatusOr<v1::PortMapping> port = ParsePortMapping(GetParam().text);
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_EQ(PortMappingText(*port), GetParam().mapping);
}

INSTANTIATE_TEST_SUITE_P(All, GoodMapping,
                         testing::Values(Case{"8080:80", "127.0.0.1:8080->80/tcp"},
                                         Case{"8080:80/tcp", "127.0.0.1:8080->80/tcp"},
                                         Case{"0:80", "127.0.0.1:0->80/tcp"},
                                         Case{"0.0.0.0:5353:53/udp", "0.0.0.0:5353->53/udp"},
                                         Case{"[::1]:8080:80", "[::1]:8080->80/tcp"},
                                         Case{"[::]:65535:65535/UDP", "[::]:65535->65535/udp"}));

class BadMapping : public testing::TestWithParam<std::string> {};

TEST_P(BadMapping, IsRefused) { EXPECT_FALSE(ParsePortMapping(GetParam()).ok()); }

INSTANTIATE_TEST_SUITE_P(All, BadMapping,
                         testing::Values("", "80", "8080:0", "8080:", ":80", ":8080:80", "65536:80",
                                         "8080:65536", "8080:80/icmp", "8080:80/", "::1:8080:80",
                                         "[127.0.0.1]:1:2", "[::1]8080:80", "localhost:8080:80", "-1:80",
                                         "+1:80", "1 :2"));

TEST(HostPort, NamesAMappingWithoutItsGuestPort) {
  const absl::StatusOr<v1::PortMapping> port = ParseHostPort("[::1]:5353/udp");
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_EQ(port->host_address(), "::1");
  EXPECT_EQ(port->host_port(), 5353u);
  EXPECT_EQ(port->protocol(), v1::PROTOCOL_UDP);
  EXPECT_EQ(port->guest_port(), 0u);
  EXPECT_TRUE(ParseHostPort("8080").ok());
  EXPECT_FALSE(ParseHostPort("8080x").ok());
  EXPECT_FALSE(ParseHostPort("").ok());
}

}  // namespace
}  // namespace sluice::client
