#include "netsvc/flow/quic_keys.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <algorithm>
#include <memory>

#include "absl/strings/string_view.h"

namespace sluice::flow {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr size_t kHashSize = 32;  // SHA-256
constexpr size_t kTagSize = 16;   // AES-128-GCM
constexpr size_t kSampleSize = 16;
constexpr size_t kMaxNumberSize = 4;

// RFC 9001 section 5.2
constexpr std::array<uint8_t, 20> kSaltV1 = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                             0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
// RFC 9369 section 3.3.1
constexpr std::array<uint8_t, 20> kSaltV2 = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                                             0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)>;

CipherContext NewCipherContext() { return {EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free}; }

// One step of HKDF (RFC 5869) with SHA-256: `mode` says which.
bool Hkdf(int mode, Bytes key, Bytes salt, Bytes info, std::span<uint8_t> out) {
  const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> context(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr),
                                                                       EVP_PKEY_CTX_free);
  size_t size = out.size();
  return context != nullptr && EVP_PKEY_derive_init(context.get()) == 1 &&
         EVP_PKEY_CTX_set_hkdf_mode(context.get(), mode) == 1 &&
         EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set1_hkdf_key(context.get(), key.data(), static_cast<int>(key.size())) == 1 &&
         (salt.empty() ||
          EVP_PKEY_CTX_set1_hkdf_salt(context.get(), salt.data(), static_cast<int>(salt.size())) == 1) &&
         EVP_PKEY_CTX_add1_hkdf_info(context.get(), info.data(), static_cast<int>(info.size())) == 1 &&
         EVP_PKEY_derive(context.get(), out.data(), &size) == 1;
}

// HKDF-Expand-Label (RFC 8446 section 7.1), with no context.
bool ExpandLabel(Bytes secret, absl::string_view label, std::span<uint8_t> out) {
  constexpr absl::string_view kPrefix = "tls13 ";
  std::vector<uint8_t> info = {0, static_cast<uint8_t>(out.size()), static_cast<uint8_t>(kPrefix.size() + label.size())};
  info.insert(info.end(), kPrefix.begin(), kPrefix.end());
  info.insert(info.end(), label.begin(), label.end());
  info.push_back(0);
  return Hkdf(EVP_PKEY_HKDEF_MODE_EXPAND_ONLY, secret, {}, info, out);
}

// RFC 9001 section 5.4.3
bool HeaderMask(Bytes header_key, Bytes sample, std::span<uint8_t, kSampleSize> mask) {
  const CipherContext context = NewCipherContext();
  int size = 0;
  return context != nullptr &&
         EVP_EncryptInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, header_key.data(), nullptr) == 1 &&
         EVP_EncryptUpdate(context.get(), mask.data(), &size, sample.data(), kSampleSize) == 1;
}

// The number whose last `size` bytes are `truncated` that lies nearest to the one
// after `largest` (RFC 9000 appendix A.3).
uint64_t WholeNumber(uint64_t truncated, size_t size, std::optional<uint64_t> largest) {
  const uint64_t expected = largest ? *largest + 1 : 0;
  const uint64_t window = uint64_t{1} << 8 * size;
  const uint64_t candidate = (expected & ~(window - 1)) | truncated;
  if (candidate + window / 2 <= expected) return candidate + window;
  if (candidate > expected + window / 2 && candidate >= window) return candidate - window;
  return candidate;
}

bool OpenAead(Bytes key, Bytes nonce, Bytes header, Bytes sealed, std::vector<uint8_t>& out) {
  const CipherContext context = NewCipherContext();
  const Bytes text = sealed.first(sealed.size() - kTagSize);
  std::array<uint8_t, kTagSize> tag;
  std::ranges::copy(sealed.last(kTagSize), tag.begin());
  out.resize(text.size());
  int size = 0;
  return context != nullptr &&
         EVP_DecryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, key.data(), nonce.data()) == 1 &&
         EVP_DecryptUpdate(context.get(), nullptr, &size, header.data(), static_cast<int>(header.size())) == 1 &&
         EVP_DecryptUpdate(context.get(), out.data(), &size, text.data(), static_cast<int>(text.size())) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) == 1 &&
         EVP_DecryptFinal_ex(context.get(), out.data() + out.size(), &size) == 1;
}

}  // namespace

std::optional<QuicKeys> QuicKeys::ForClient(QuicVersion version, Bytes destination_id) {
  const bool v1 = version == QuicVersion::kV1;
  std::array<uint8_t, kHashSize> initial;
  std::array<uint8_t, kHashSize> client;
  QuicKeys keys;
  const bool derived = Hkdf(EVP_PKEY_HKDEF_MODE_EXTRACT_ONLY, destination_id, v1 ? kSaltV1 : kSaltV2, {}, initial) &&
                       ExpandLabel(initial, "client in", client) &&
                       ExpandLabel(client, v1 ? "quic key" : "quicv2 key", keys.key_) &&
                       ExpandLabel(client, v1 ? "quic iv" : "quicv2 iv", keys.nonce_) &&
                       ExpandLabel(client, v1 ? "quic hp" : "quicv2 hp", keys.header_key_);
  return derived ? std::optional(keys) : std::nullopt;
}

std::optional<QuicKeys::Opened> QuicKeys::Open(const QuicPacket& packet, std::optional<uint64_t> largest_number) const {
  const size_t sample_at = packet.number_at + kMaxNumberSize;
  if (packet.bytes.size() < sample_at + kSampleSize) return std::nullopt;
  std::array<uint8_t, kSampleSize> mask;
  if (!HeaderMask(header_key_, packet.bytes.subspan(sample_at, kSampleSize), mask)) return std::nullopt;
  const uint8_t first = packet.bytes[0] ^ (mask[0] & 0x0f);
  const size_t number_size = 1 + (first & 3);
  std::vector<uint8_t> header(packet.bytes.begin(),
                              packet.bytes.begin() + static_cast<ptrdiff_t>(packet.number_at + number_size));
  header[0] = first;
  uint64_t truncated = 0;
  for (size_t i = 0; i < number_size; ++i) {
    header[packet.number_at + i] ^= mask[1 + i];
    truncated = truncated << 8 | header[packet.number_at + i];
  }
  Opened opened{.number = WholeNumber(truncated, number_size, largest_number), .frames = {}};
  std::array<uint8_t, kNonceSize> nonce = nonce_;
  for (size_t i = 0; i < 8; ++i) nonce[kNonceSize - 1 - i] ^= static_cast<uint8_t>(opened.number >> 8 * i);
  const bool sound = OpenAead(key_, nonce, header, packet.bytes.subspan(header.size()), opened.frames);
  return sound ? std::optional(std::move(opened)) : std::nullopt;
}

}  // namespace sluice::flow
