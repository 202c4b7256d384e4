#include <openssl/ssl.h>

#include <string>

#include "netsvc/flow/test_client_hello.h"
#include "tests/fuzz/seeds.h"

namespace sluice::fuzz {
namespace {

using flow::AsBytes;
using flow::Handshake;
using flow::RealHandshake;
using flow::RealStream;
using flow::Records;
using flow::ServerName;

void AddHellos(std::vector<Bytes>& seeds) {
  seeds.push_back(RealStream({.server_name = "web.example.com"}));
  seeds.push_back(RealStream({.server_name = "web.example.com", .alpn = {"h2", "http/1.1"}}));
  seeds.push_back(RealStream({.server_name = "web.example.com", .max_version = TLS1_2_VERSION}));
  seeds.push_back(RealStream({}));
  seeds.push_back(Records(RealHandshake({.server_name = "web.example.com"}), 50));
  seeds.push_back(Records(Handshake({.extensions = {ServerName({"a.test"}), {0xfe0d, Bytes(20)}}}), 400));
  seeds.push_back(Records(Handshake({.extensions = {ServerName({"a.test", "b.test"})}}), 400));
  seeds.push_back({0x80, 0x2e, 1, 3, 1, 0, 3, 0, 0, 0, 16});
}

void AddLines(std::vector<Bytes>& seeds) {
  for (const char* text : {
           "GET /a?b HTTP/1.1\r\nHost: web.example.com\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
           "\r\nPOST / HTTP/1.0\r\nhost: \ta.test:80 \r\nContent-Length: 1\r\n\r\nx",
           "GET http://a.test:80/x HTTP/1.1\r\nHost: a.test:80\r\n\r\n",
           "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
           "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
           "GET /a b HTTP/1.1\nHost : a.test\n\n",
           "GET / HTTP/1.1\r\nHost: a.test\r\n b\r\nHost: b.test\r\n\r\n",
           "GET /\r\n",
           "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
           "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
           "OPTIONS rtsp://a.test/x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
           "*1\r\n$4\r\nPING\r\n",
       }) {
    seeds.push_back(AsBytes(text));
  }
}

}  // namespace

std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds;
  AddHellos(seeds);
  AddLines(seeds);
  return seeds;
}

}  // namespace sluice::fuzz
