#include "netsvc/flow/http_request.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace sluice::flow {
namespace {

Inspection Inspect(const std::string& text) {
  return InspectHttp({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

Inspection Named(const std::string& name) { return Inspection::Named(DomainName::FromText(name).value()); }

std::string Get(const std::string& fields) { return "GET / HTTP/1.1\r\n" + fields + "\r\n"; }

TEST(HttpRequestTest, RequestsAreReadAtTheEndOfTheirHeader) {
  const std::string request =
      "GET /a?b=c HTTP/1.1\r\nHost: web.example.com\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
  for (size_t size = 0; size < request.size(); ++size) {
    ASSERT_TRUE(Inspect(request.substr(0, size)).undecided()) << size;
  }
  EXPECT_EQ(Inspect(request), Named("web.example.com"));
  EXPECT_EQ(Inspect(request + "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"), Named("web.example.com"));
}

TEST(HttpRequestTest, NamesOfRequests) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {Get("Host: a.test\r\n"), "a.test"},
      {Get("hOST:A.Test\r\n"), "a.test"},
      {Get("Host:  \t a.test \t \r\n"), "a.test"},
      {Get("Host: a.test.\r\n"), "a.test"},
      {Get("Host: a.test:8080\r\n"), "a.test"},
      {Get("Host: a.test:\r\n"), "a.test"},
      {Get("X: 1\r\nY:\r\nHost: a.test\r\n"), "a.test"},
      {Get("Host: a.test\r\nhost: A.TEST:80\r\n"), "a.test"},
      {Get("X: \x80\xff\tb\r\nHost: a.test\r\n"), "a.test"},
      {"\r\n\r\n" + Get("Host: a.test\r\n"), "a.test"},
      {"\n\r\n" + Get("Host: a.test\r\n"), "a.test"},
      {"POST /x HTTP/1.0\r\nHost: a.test\r\n\r\nbody", "a.test"},
      {"get / HTTP/1.1\r\nHost: a.test\r\n\r\n", "a.test"},
      {"M-SEARCH * HTTP/1.1\r\nHost: a.test\r\n\r\n", "a.test"},
      {"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", "a.test"},
      {"SSH-2.0-x / HTTP/1.1\r\nHost: a.test\r\n\r\n", "a.test"},
      {"0 /\x80 HTTP/1.1\r\nHost: a.test\r\n\r\n", "a.test"},
      {"GET http://a.test HTTP/1.1\r\n\r\n", "a.test"},
      {"GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", "a.test"},
      {"GET http://A.test:80/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n", "a.test"},
      {"GET HTTPS://a.test?x HTTP/1.0\r\n\r\n", "a.test"},
      {"GET ws+unix://a.test#x HTTP/1.1\r\n\r\n", "a.test"},
      {"CONNECT a.test:443 HTTP/1.1\r\n\r\n", "a.test"},
      {"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", "a.test"},
      {"GET //b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", "a.test"},
      {"GET /http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", "a.test"},
      {"GET http://a.test/\r\n", "a.test"},
      {"OPTIONS rtsp://a.test:554/media RTSP/1.0\r\n", "a.test"},
  };
  for (const auto& [request, name] : cases) EXPECT_EQ(Inspect(request), Named(name)) << request;
}

TEST(HttpRequestTest, RequestsWithoutAName) {
  const std::vector<std::string> cases = {
      Get(""),
      Get("Host:\r\n"),
      Get("Host: \t\r\n"),
      Get("Host: 93.184.216.34\r\n"),
      Get("Host: 93.184.216.34:80\r\n"),
      Get("Host: [2606:2800:220:1::1]\r\n"),
      Get("Host: [2606:2800:220:1::1]:80\r\n"),
      Get("X-Host: a.test\r\nHosts: b.test\r\n"),
      "GET / HTTP/1.0\r\n\r\n",
      "GET http://[::1]/ HTTP/1.1\r\nHost: [::1]\r\n\r\n",
      "CONNECT 93.184.216.34:443 HTTP/1.1\r\n\r\n",
      "GET /\r\n",
      "FOO /bar\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "PRI * HTTP/2.0\r\n",
  };
  for (const std::string& request : cases) EXPECT_EQ(Inspect(request), Inspection::Nameless()) << request;
}

TEST(HttpRequestTest, WhatServersDifferOverIsUnreadable) {
  const std::vector<std::string> cases = {
      // Two hosts.
      Get("Host: a.test\r\nHost: b.test\r\n"),
      Get("Host: a.test\r\nX: 1\r\nHost:\r\n"),
      Get("Host: a.test, b.test\r\n"),
      Get("Host: a.test b.test\r\n"),
      "GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n",
      "GET http://a.test/ HTTP/1.1\r\nHost:\r\n\r\n",
      "CONNECT a.test:443 HTTP/1.1\r\nHost: b.test\r\n\r\n",
      // No host name.
      Get("Host: a_b/c\r\n"),
      Get("Host: user@a.test\r\n"),
      Get("Host: a.test:80:90\r\n"),
      Get("Host: a.test:http\r\n"),
      Get("Host: :80\r\n"),
      Get("Host: .\r\n"),
      Get("Host: a..test\r\n"),
      Get("Host: %61.test\r\n"),
      Get("Host: b\xc3\xbc" "cher.example\r\n"),
      Get("Host: [::1\r\n"),
      Get("Host: [1.2.3.4]\r\n"),
      Get("Host: [a.test]\r\n"),
      Get("Host: [::1]a.test\r\n"),
      Get("Host: 2606:2800::1\r\n"),
      "GET http://b.test@a.test/ HTTP/1.1\r\n\r\n",
      "GET http://a.test\\@b.test/ HTTP/1.1\r\n\r\n",
      "GET http:///a.test HTTP/1.1\r\n\r\n",
      // Fields.
      Get("Host : a.test\r\n"),
      Get("Host\t: a.test\r\n"),
      Get(" Host: a.test\r\n"),
      Get("Host: a.test\r\n b.test\r\n"),
      Get("X: a\r\n\tHost: b.test\r\nHost: a.test\r\n"),
      Get("Host\r\n"),
      Get(": a.test\r\n"),
      Get("Ho st: b.test\r\nHost: a.test\r\n"),
      Get("X: 1\nHost: b.test\r\nHost: a.test\r\n"),
      Get("X: 1\rHost: b.test\r\nHost: a.test\r\n"),
      Get("Host: a.test\n"),
      Get(std::string("Host: a.test\0\r\n", 15)),
      Get(std::string("X: \0\r\nHost: a.test\r\n", 20)),
      Get("X: \x01\r\nHost: a.test\r\n"),
      // Request lines.
      "GET / HTTP/1.1\nHost: a.test\r\n\r\n",
      "GET /\n",
      "GET / HTTP/1.1\r\r\nHost: a.test\r\n\r\n",
      "GET / HTTP/1.1\rHost: a.test\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "GET /  HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: a.test\r\n\r\n",
      "GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "GET\v/\fHTTP/1.1\r\nHost: a.test\r\n\r\n",
      " GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "GET /a b\r\nHost: a.test\r\n\r\n",
      "GET / HTTP\r\nHost: a.test\r\n\r\n",
      "GET / http/1.1\r\nHost: a.test\r\n\r\n",
      "GET / HTTP/1.10\r\nHost: a.test\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: a.test\r\n\r\n",
      "GET / HTTP/1.1 HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "GET HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "GET a.test HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "GET a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "GET http:/a.test HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "connect a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "odd target HTTP/1.0\r\nHost: a.test\r\n\r\n",
      "PRI * HTTP/2.0\n",
      std::string("GET /\0", 6),
      "GET /\x01",
      "GET /\x7f",
      "key valu\x02",
  };
  for (const std::string& request : cases) EXPECT_EQ(Inspect(request), Inspection::Unreadable()) << request;
}

// Each is known for no request by its last byte, and not before.
TEST(HttpRequestTest, OtherProtocolsAreKnownByTheirFirstByteThatDoesNotFit) {
  const std::vector<std::string> cases = {
      "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
      "SSH-2.0-Go\r\n",
      "SSH-2.0-libssh2_1.10.0\n",
      "NICK guest\r\n",
      "USER guest 0 * :A B\r\n",
      "*1\r\n",
      "PING\r\n",
      "get key\r\n",
      "EHLO guest.example\r\n",
      "RFB 003.008\n",
      "INVITE sip:bob@example.com SIP/2.0\r\n",
      "hello\n",
      "hello \r\n",
      "@",
      "{",
      "\x03",
      std::string("\0", 1),
      std::string("AMQP\0", 5),
      "GET/",
      "GET(",
      " (",
      "\r\n(",
      "0\x0c\x02",  // an LDAP bind of 12 bytes, and one of 32
      "0 \x02",
  };
  for (const std::string& stream : cases) {
    EXPECT_EQ(Inspect(stream), Inspection::Unknown()) << stream;
    EXPECT_EQ(Inspect(stream + "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"), Inspection::Unknown()) << stream;
    for (size_t size = 0; size < stream.size(); ++size) {
      EXPECT_TRUE(Inspect(stream.substr(0, size)).undecided()) << size << " of " << stream;
    }
  }
}

}  // namespace
}  // namespace sluice::flow
