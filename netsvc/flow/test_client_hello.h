#ifndef SLUICE_NETSVC_FLOW_TEST_CLIENT_HELLO_H_
#define SLUICE_NETSVC_FLOW_TEST_CLIENT_HELLO_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// ClientHellos for tests: those that OpenSSL says, and those that no library
// would.

namespace sluice::flow {

using Bytes = std::vector<uint8_t>;

Bytes AsBytes(const std::string& text);
Bytes Joined(const std::vector<Bytes>& parts);

// What OpenSSL's client writes first, records and all. Dies where OpenSSL fails.
struct RealHello {
  std::string server_name = {};  // empty: none is sent
  int max_version = 0;           // TLS1_2_VERSION, ...; 0: the library's newest
  std::vector<std::string> alpn = {};  // curl sends h2 and http/1.1
};
Bytes RealStream(const RealHello& hello);
// The same without its record layer.
Bytes RealHandshake(const RealHello& hello);

// An extension of a hello: its type and its content.
using Extension = std::pair<uint16_t, Bytes>;

// server_name with these entries, all of `type`.
Extension ServerName(const std::vector<std::string>& names, uint8_t type = 0);

// A handshake message put together by hand, after RFC 8446 section 4.1.2.
struct HandMadeHello {
  uint8_t type = 1;
  uint16_t version = 0x0303;
  size_t session_id_size = 32;
  Bytes ciphers = {0x13, 0x01, 0xc0, 0x2f};
  Bytes compressions = {0};
  bool with_extensions = true;
  std::vector<Extension> extensions = {};
  Bytes trailer = {};  // after the extensions, inside the message
};
Bytes Handshake(const HandMadeHello& hello);

// `handshake` in records of at most `size` bytes each.
Bytes Records(const Bytes& handshake, size_t size, uint16_t version = 0x0301);

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_TEST_CLIENT_HELLO_H_
