#include "netsvc/flow/test_quic.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <memory>
#include <string>

namespace sluice::flow {
namespace {

constexpr size_t kTagSize = 16;

Bytes First(const Bytes& bytes, size_t size) { return Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)); }

Bytes Hmac(const Bytes& key, const Bytes& text) {
  Bytes mac(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), text.data(), text.size(), mac.data(), &size);
  mac.resize(size);
  return mac;
}

// RFC 8446 section 7.1, of one block at most.
Bytes ExpandLabel(const Bytes& secret, const std::string& label, size_t size) {
  const std::string whole = "tls13 " + label;
  const Bytes info = Joined({{0, static_cast<uint8_t>(size), static_cast<uint8_t>(whole.size())}, AsBytes(whole), {0, 1}});
  return First(Hmac(secret, info), size);
}

Bytes Encrypt(const EVP_CIPHER* cipher, const Bytes& key, const Bytes& nonce, const Bytes& header, const Bytes& text) {
  const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  Bytes sealed(text.size());
  int size = 0;
  EVP_EncryptInit_ex(context.get(), cipher, nullptr, key.data(), nonce.empty() ? nullptr : nonce.data());
  if (!header.empty()) EVP_EncryptUpdate(context.get(), nullptr, &size, header.data(), static_cast<int>(header.size()));
  EVP_EncryptUpdate(context.get(), sealed.data(), &size, text.data(), static_cast<int>(text.size()));
  if (nonce.empty()) return sealed;
  Bytes tag(kTagSize);
  EVP_EncryptFinal_ex(context.get(), tag.data(), &size);
  EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagSize), tag.data());
  return Joined({sealed, tag});
}

Bytes BigEndian(uint64_t value, size_t size) {
  Bytes bytes(size);
  for (; size > 0; value >>= 8) bytes[--size] = static_cast<uint8_t>(value);
  return bytes;
}

Bytes LongHeader(uint8_t first, QuicVersion version, const Bytes& destination_id, const Bytes& source_id) {
  return Joined({{first},
                 BigEndian(static_cast<uint32_t>(version), 4),
                 {static_cast<uint8_t>(destination_id.size())},
                 destination_id,
                 {static_cast<uint8_t>(source_id.size())},
                 source_id});
}

}  // namespace

Bytes QuicInteger(uint64_t value, size_t size) {
  if (size == 0) size = value < 1u << 6 ? 1 : value < 1u << 14 ? 2 : value < 1u << 30 ? 4 : 8;
  Bytes bytes = BigEndian(value, size);
  bytes[0] |= size == 1 ? 0x00 : size == 2 ? 0x40 : size == 4 ? 0x80 : 0xc0;
  return bytes;
}

Bytes CryptoFrame(uint64_t offset, const Bytes& piece) {
  return Joined({{6}, QuicInteger(offset), QuicInteger(piece.size()), piece});
}

SealingKeys ClientKeys(QuicVersion version, const Bytes& destination_id) {
  const bool v1 = version == QuicVersion::kV1;
  const Bytes salt = v1 ? Bytes{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a}
                        : Bytes{0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                                0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
  const std::string prefix = v1 ? "quic " : "quicv2 ";
  const Bytes client = ExpandLabel(Hmac(salt, destination_id), "client in", 32);
  return {ExpandLabel(client, prefix + "key", 16), ExpandLabel(client, prefix + "iv", 12),
          ExpandLabel(client, prefix + "hp", 16)};
}

Bytes Seal(const InitialPacket& packet) {
  Bytes frames = packet.frames;
  frames.resize(std::max(frames.size(), packet.padded_to));
  const uint8_t type = packet.version == QuicVersion::kV1 ? 0xc0 : 0xd0;
  const uint8_t first = static_cast<uint8_t>(type | (packet.number_size - 1));
  Bytes header = Joined({LongHeader(first, packet.version, packet.destination_id, packet.source_id),
                         QuicInteger(packet.token.size()), packet.token,
                         QuicInteger(packet.number_size + frames.size() + kTagSize, 2)});
  const size_t number_at = header.size();
  header = Joined({header, BigEndian(packet.number, packet.number_size)});
  const SealingKeys keys = packet.keys.value_or(ClientKeys(packet.version, packet.destination_id));
  Bytes nonce = keys.nonce;
  const Bytes number = BigEndian(packet.number, nonce.size());
  for (size_t i = 0; i < nonce.size(); ++i) nonce[i] ^= number[i];
  Bytes sealed = Joined({header, Encrypt(EVP_aes_128_gcm(), keys.key, nonce, header, frames)});
  const auto sample = sealed.begin() + static_cast<ptrdiff_t>(number_at) + 4;
  const Bytes mask = Encrypt(EVP_aes_128_ecb(), keys.header_key, {}, {}, Bytes(sample, sample + 16));
  sealed[0] ^= mask[0] & 0x0f;
  for (size_t i = 0; i < packet.number_size; ++i) sealed[number_at + i] ^= mask[1 + i];
  return sealed;
}

Bytes LongPacket(uint8_t first, QuicVersion version, const Bytes& destination_id) {
  return Joined({LongHeader(first, version, destination_id, {}), QuicInteger(40, 2), Bytes(40, 0x55)});
}

}  // namespace sluice::flow
