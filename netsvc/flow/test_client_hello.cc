#include "netsvc/flow/test_client_hello.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <span>

#include "netsvc/base/big_endian.h"

namespace sluice::flow {
namespace {

void Require(bool condition) {
  if (!condition) abort();
}

// `content` after its length in `size` bytes.
Bytes Vector(size_t size, const Bytes& content) {
  Bytes vector;
  for (size_t i = size; i > 0; --i) vector.push_back(static_cast<uint8_t>(content.size() >> 8 * (i - 1)));
  vector.insert(vector.end(), content.begin(), content.end());
  return vector;
}

Bytes Number(uint16_t value) { return {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)}; }

}  // namespace

Bytes AsBytes(const std::string& text) { return Bytes(text.begin(), text.end()); }

Bytes Joined(const std::vector<Bytes>& parts) {
  Bytes joined;
  for (const Bytes& part : parts) joined.insert(joined.end(), part.begin(), part.end());
  return joined;
}

Bytes RealStream(const RealHello& hello) {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  Require(context != nullptr && SSL_CTX_set_max_proto_version(context.get(), hello.max_version) == 1);
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
  BIO* const from_server = BIO_new(BIO_s_mem());
  BIO* const to_server = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), from_server, to_server);  // takes both
  if (!hello.server_name.empty()) Require(SSL_set_tlsext_host_name(ssl.get(), hello.server_name.c_str()) == 1);
  Bytes protocols;
  for (const std::string& name : hello.alpn) protocols = Joined({protocols, Vector(1, AsBytes(name))});
  if (!protocols.empty()) {
    Require(SSL_set_alpn_protos(ssl.get(), protocols.data(), static_cast<unsigned>(protocols.size())) == 0);
  }
  Require(SSL_connect(ssl.get()) == -1 && SSL_get_error(ssl.get(), -1) == SSL_ERROR_WANT_READ);
  char* start = nullptr;
  const long size = BIO_get_mem_data(to_server, &start);
  Require(size > 0);
  return Bytes(start, start + size);
}

Bytes RealHandshake(const RealHello& hello) {
  const Bytes stream = RealStream(hello);
  constexpr ptrdiff_t kRecordHeaderSize = 5;
  Require(Load16(&stream[3]) == stream.size() - kRecordHeaderSize);
  return Bytes(stream.begin() + kRecordHeaderSize, stream.end());
}

Extension ServerName(const std::vector<std::string>& names, uint8_t type) {
  Bytes list;
  for (const std::string& name : names) list = Joined({list, {type}, Vector(2, AsBytes(name))});
  return {0, Vector(2, list)};
}

Bytes Handshake(const HandMadeHello& hello) {
  Bytes body = Joined({Number(hello.version), Bytes(32, 0xaa), Vector(1, Bytes(hello.session_id_size, 0xbb)),
                       Vector(2, hello.ciphers), Vector(1, hello.compressions)});
  Bytes extensions;
  for (const auto& [type, content] : hello.extensions) {
    extensions = Joined({extensions, Number(type), Vector(2, content)});
  }
  if (hello.with_extensions) body = Joined({body, Vector(2, extensions)});
  return Joined({{hello.type}, Vector(3, Joined({body, hello.trailer}))});
}

Bytes Records(const Bytes& handshake, size_t size, uint16_t version) {
  Bytes records;
  for (std::span<const uint8_t> rest = handshake; !rest.empty();) {
    const std::span<const uint8_t> part = rest.first(std::min(size, rest.size()));
    records = Joined({records, {22}, Number(version), Vector(2, Bytes(part.begin(), part.end()))});
    rest = rest.subspan(part.size());
  }
  return records;
}

}  // namespace sluice::flow
