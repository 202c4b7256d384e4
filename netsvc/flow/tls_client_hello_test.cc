#include "netsvc/flow/tls_client_hello.h"

#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "netsvc/flow/test_client_hello.h"

namespace sluice::flow {
namespace {

Inspection Named(const std::string& name) { return Inspection::Named(DomainName::FromText(name).value()); }

Bytes First(const Bytes& bytes, size_t size) { return Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)); }

// Undecided for every shorter prefix, and `expected` for the whole and with bytes
// after it.
void ExpectAtItsEnd(const Bytes& stream, const Inspection& expected) {
  for (size_t size = 0; size < stream.size(); ++size) {
    ASSERT_TRUE(InspectTls(First(stream, size)).undecided()) << size << " of " << stream.size();
  }
  EXPECT_EQ(InspectTls(stream), expected);
  EXPECT_EQ(InspectTls(Joined({stream, {20, 3, 3, 0, 1, 1}})), expected);
}

TEST(TlsClientHelloTest, RealHellosAreReadOnceTheyAreWhole) {
  for (const int version : {0, TLS1_2_VERSION}) {
    ExpectAtItsEnd(RealStream({.server_name = "web.example.com", .max_version = version}), Named("web.example.com"));
    ExpectAtItsEnd(RealStream({.server_name = "web.example.com", .max_version = version, .alpn = {"h2", "http/1.1"}}),
                   Named("web.example.com"));
    ExpectAtItsEnd(RealStream({.max_version = version}), Inspection::Nameless());
  }
}

TEST(TlsClientHelloTest, RecordsSplitTheHelloAsTheyLike) {
  const Bytes handshake = RealHandshake({.server_name = "web.example.com"});
  for (size_t size = 1; size <= handshake.size(); ++size) {
    ASSERT_EQ(InspectTls(Records(handshake, size)), Named("web.example.com")) << size;
  }
  ExpectAtItsEnd(Records(handshake, 1), Named("web.example.com"));
  ExpectAtItsEnd(Records(handshake, 100), Named("web.example.com"));
}

TEST(TlsClientHelloTest, EveryVersionOfARecordIsTaken) {
  const Bytes handshake = RealHandshake({.server_name = "web.example.com"});
  for (const uint16_t version : {0x0300, 0x0301, 0x0303, 0x0304, 0x03ff}) {
    EXPECT_EQ(InspectTls(Records(handshake, 200, version)), Named("web.example.com")) << version;
  }
  for (const uint16_t version : {0x0200, 0x0103, 0x0403, 0xfefd}) {
    EXPECT_EQ(InspectTls(Records(handshake, 200, version)), Inspection::Unreadable()) << version;
  }
}

struct Case {
  std::string what;
  HandMadeHello hello;
  Inspection expected;
};

// RFC 8701: values that no server knows, among the ciphers and extensions.
const HandMadeHello kGreased = {
    .ciphers = {0x2a, 0x2a, 0x13, 0x01},
    .extensions = {{0x4a4a, {}}, ServerName({"web.example.com"}), {0x002b, {2, 0x3a, 0x3a}}, {0xdada, {0}}}};

const std::vector<Case> kCases = {
    {"a name", {.extensions = {ServerName({"web.example.com"})}}, Named("web.example.com")},
    {"GREASE", kGreased, Named("web.example.com")},
    {"capitals", {.extensions = {ServerName({"WEB.Example.COM"})}}, Named("web.example.com")},
    {"a trailing dot", {.extensions = {ServerName({"web.example.com."})}}, Named("web.example.com")},
    {"one label", {.extensions = {ServerName({"web"})}}, Named("web")},
    {"an IDN in ASCII", {.extensions = {ServerName({"xn--bcher-kva.example"})}}, Named("xn--bcher-kva.example")},
    {"the name last", {.extensions = {{10, {0, 2, 0, 29}}, ServerName({"a.test"})}}, Named("a.test")},
    {"Encrypted Client Hello",
     {.extensions = {ServerName({"outer.example"}), {0xfe0d, Bytes(120, 7)}}},
     Named("outer.example")},
    {"SSL 3.0", {.version = 0x0300, .extensions = {ServerName({"a.test"})}}, Named("a.test")},
    {"no session", {.session_id_size = 0, .extensions = {ServerName({"a.test"})}}, Named("a.test")},
    {"no extensions", {}, Inspection::Nameless()},
    {"not even their length", {.with_extensions = false}, Inspection::Nameless()},
    {"an IPv4 address", {.extensions = {ServerName({"93.184.216.34"})}}, Inspection::Nameless()},
    {"an IPv6 address", {.extensions = {ServerName({"2606:2800:220:1::1"})}}, Inspection::Nameless()},
    {"two names", {.extensions = {ServerName({"a.test", "b.test"})}}, Inspection::Unreadable()},
    {"the same name twice", {.extensions = {ServerName({"a.test", "a.test"})}}, Inspection::Unreadable()},
    {"two server names",
     {.extensions = {ServerName({"a.test"}), {43, {2, 3, 4}}, ServerName({"a.test"})}},
     Inspection::Unreadable()},
    {"no name in the list", {.extensions = {ServerName({})}}, Inspection::Unreadable()},
    {"an empty extension", {.extensions = {{0, {}}}}, Inspection::Unreadable()},
    {"an empty name", {.extensions = {ServerName({""})}}, Inspection::Unreadable()},
    {"the root", {.extensions = {ServerName({"."})}}, Inspection::Unreadable()},
    {"another type of name", {.extensions = {ServerName({"a.test"}, 1)}}, Inspection::Unreadable()},
    {"a NUL", {.extensions = {ServerName({std::string("a.test\0b", 8)})}}, Inspection::Unreadable()},
    {"a NUL at the end", {.extensions = {ServerName({std::string("a.test\0", 7)})}}, Inspection::Unreadable()},
    {"an empty label", {.extensions = {ServerName({"a..test"})}}, Inspection::Unreadable()},
    {"a space", {.extensions = {ServerName({"a.test "})}}, Inspection::Unreadable()},
    {"an IDN in UTF-8", {.extensions = {ServerName({"b\xc3\xbc"
                                                    "cher.example"})}},
     Inspection::Unreadable()},
    {"a label of 64", {.extensions = {ServerName({std::string(64, 'a') + ".test"})}}, Inspection::Unreadable()},
    {"a list that is too long", {.extensions = {{0, {0, 9, 0, 0, 1, 'a'}}}}, Inspection::Unreadable()},
    {"a list that is too short", {.extensions = {{0, {0, 3, 0, 0, 1, 'a'}}}}, Inspection::Unreadable()},
    {"bytes after the list", {.extensions = {{0, {0, 4, 0, 0, 1, 'a', 0}}}}, Inspection::Unreadable()},
    {"bytes after the extensions", {.extensions = {ServerName({"a.test"})}, .trailer = {0}}, Inspection::Unreadable()},
    {"half an extension", {.with_extensions = false, .trailer = {0, 3, 0, 43, 0}}, Inspection::Unreadable()},
    {"an extension past the end",
     {.with_extensions = false, .trailer = {0, 5, 0, 43, 0, 9, 1}},
     Inspection::Unreadable()},
    {"a session id of 33", {.session_id_size = 33}, Inspection::Unreadable()},
    {"no ciphers", {.ciphers = {}}, Inspection::Unreadable()},
    {"half a cipher", {.ciphers = {0x13}}, Inspection::Unreadable()},
    {"no compression", {.compressions = {}}, Inspection::Unreadable()},
    {"DTLS", {.version = 0xfefd}, Inspection::Unreadable()},
    {"a ServerHello", {.type = 2}, Inspection::Unreadable()},
    {"a HelloRequest", {.type = 0}, Inspection::Unreadable()},
};

TEST(TlsClientHelloTest, Hellos) {
  for (const Case& each : kCases) {
    const Bytes handshake = Handshake(each.hello);
    EXPECT_EQ(InspectHandshake(handshake), each.expected) << each.what;
    for (const size_t size : {size_t{1}, size_t{7}, size_t{16'384}}) {
      EXPECT_EQ(InspectTls(Records(handshake, size)), each.expected) << each.what << " in records of " << size;
    }
  }
}

TEST(TlsClientHelloTest, AHelloCutShortInsideIsUnreadable) {
  const Bytes whole = Handshake({.extensions = {ServerName({"a.test"})}});
  for (size_t size = 4; size < whole.size(); ++size) {
    Bytes cut = First(whole, size);
    cut[3] = static_cast<uint8_t>(size - 4);
    // Before the extensions' length it is the hello of an old client.
    const bool without_extensions = size == 4 + 2 + 32 + 33 + 6 + 2;
    EXPECT_EQ(InspectHandshake(cut), without_extensions ? Inspection::Nameless() : Inspection::Unreadable()) << size;
  }
}

TEST(TlsClientHelloTest, WhatIsTooLongIsUnreadableAtOnce) {
  EXPECT_EQ(InspectHandshake(Bytes{1, 0, 0x3f, 0xfc}), Inspection::Undecided());
  EXPECT_EQ(InspectHandshake(Bytes{1, 0, 0x3f, 0xfd}), Inspection::Unreadable());
  EXPECT_EQ(InspectHandshake(Bytes{1, 1, 0, 0}), Inspection::Unreadable());
  EXPECT_EQ(InspectTls(Bytes{22, 3, 1, 0x40, 0}), Inspection::Undecided());
  EXPECT_EQ(InspectTls(Bytes{22, 3, 1, 0x40, 1}), Inspection::Unreadable());
  const Bytes longest = Handshake({.extensions = {{21, Bytes(15'000, 0)}, ServerName({"a.test"})}});
  EXPECT_EQ(InspectTls(Records(longest, 16'384)), Named("a.test"));
}

TEST(TlsClientHelloTest, NothingElseStandsBetweenTheRecordsOfAHello) {
  const Bytes handshake = Handshake({.extensions = {ServerName({"a.test"})}});
  const Bytes begin = Records(First(handshake, 40), 40);
  const Bytes end = Records(Bytes(handshake.begin() + 40, handshake.end()), 400);
  EXPECT_EQ(InspectTls(Joined({begin, end})), Named("a.test"));
  for (const uint8_t type : {20, 21, 23, 24, 0, 255}) {
    EXPECT_EQ(InspectTls(Joined({begin, {type, 3, 1, 0, 1, 1}, end})), Inspection::Unreadable()) << int{type};
  }
  EXPECT_EQ(InspectTls(Joined({begin, {22, 3, 1, 0, 0}, end})), Inspection::Unreadable());
}

}  // namespace
}  // namespace sluice::flow
