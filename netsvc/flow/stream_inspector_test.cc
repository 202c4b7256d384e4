#include "netsvc/flow/stream_inspector.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "netsvc/flow/test_client_hello.h"

namespace sluice::flow {
namespace {

Inspection Named(const std::string& name) { return Inspection::Named(DomainName::FromText(name).value()); }

Inspection Inspect(const Bytes& bytes) { return InspectStream(bytes); }

TEST(StreamInspectorTest, TlsAndHttpAreTold) {
  EXPECT_TRUE(Inspect({}).undecided());
  EXPECT_EQ(Inspect(RealStream({.server_name = "web.example.com"})), Named("web.example.com"));
  EXPECT_EQ(Inspect(AsBytes("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")), Named("a.test"));
  EXPECT_EQ(Inspect(AsBytes("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")), Inspection::Unknown());
}

// RFC 5246 appendix E.2.
TEST(StreamInspectorTest, Ssl2HellosAreUnreadable) {
  EXPECT_EQ(Inspect({0x80, 0x2e, 1, 3, 1}), Inspection::Unreadable());
  EXPECT_EQ(Inspect({0x80, 0x2e, 1, 0, 2}), Inspection::Unreadable());
  EXPECT_TRUE(Inspect({0x80, 0x2e, 1, 0}).undecided());
  EXPECT_TRUE(Inspect({0x80, 0x2e, 1}).undecided());
  EXPECT_TRUE(Inspect({0x80, 0x2e}).undecided());
}

TEST(StreamInspectorTest, BinaryProtocolsAreKnownEarly) {
  const std::vector<Bytes> cases = {
      {0x80, 0, 0},        // ONC RPC over TCP: a fragment of less than 256 bytes
      {0x80, 0, 1, 0x55},  // and of more
      {0x80, 0, 1, 0, 1},
      {0xff},           // Telnet: IAC
      {0xe2, 0x80, 0x9c},  // text in UTF-8
      {0},              // PostgreSQL, Kafka, SMB
      {0x05},           // SOCKS
      {0x10},           // MQTT
      {0x13},           // BitTorrent
      {0x15, 0x15},
      {0x18, 0},
  };
  for (const Bytes& stream : cases) {
    EXPECT_EQ(Inspect(stream), Inspection::Unknown()) << int{stream[0]};
    EXPECT_TRUE(Inspect(Bytes(stream.begin(), stream.end() - 1)).undecided()) << int{stream[0]};
  }
}

TEST(StreamInspectorTest, TlsThatDoesNotBeginWithAHandshakeIsUnreadable) {
  const Bytes hello = RealStream({.server_name = "web.example.com"});
  // A warning of TLS, after which OpenSSL's server reads on.
  EXPECT_EQ(Inspect(Joined({{21, 3, 1, 0, 2, 1, 90}, hello})), Inspection::Unreadable());
  for (const uint8_t type : {20, 21, 23, 24}) {
    EXPECT_TRUE(Inspect({type}).undecided()) << int{type};
    EXPECT_EQ(Inspect({type, 3}), Inspection::Unreadable()) << int{type};
  }
}

TEST(StreamInspectorTest, ThereIsAnAnswerAtTheLimit) {
  std::string request = "GET / HTTP/1.1\r\nHost: a.test\r\nX: ";
  request.resize(kMaxInspected - 1, 'x');
  EXPECT_TRUE(Inspect(AsBytes(request)).undecided());
  EXPECT_EQ(Inspect(AsBytes(request + "x")), Inspection::Unreadable());
  EXPECT_EQ(Inspect(AsBytes(request + "xxx\r\n\r\n")), Inspection::Unreadable());
  request.resize(kMaxInspected - 4);
  EXPECT_EQ(Inspect(AsBytes(request + "\r\n\r\n")), Named("a.test"));

  const Bytes hello = Records(Handshake({.extensions = {{21, Bytes(15'000, 0)}, ServerName({"a.test"})}}), 8);
  EXPECT_TRUE(Inspect(Bytes(hello.begin(), hello.begin() + kMaxInspected - 1)).undecided());
  EXPECT_EQ(Inspect(hello), Inspection::Unreadable());
  EXPECT_EQ(Inspect(Bytes(kMaxInspected, '\n')), Inspection::Unreadable());
}

}  // namespace
}  // namespace sluice::flow
