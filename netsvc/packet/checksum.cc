#include "netsvc/packet/checksum.h"

#include <immintrin.h>

#include <cstring>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/headers.h"

namespace sluice::packet {
namespace {

uint16_t Fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// The sums below are of words in the machine's order, in 64 bits: a ones'
// complement sum may be taken in any word size and byte order (RFC 1071 section
// 2), if what comes out is swapped once.

uint64_t SumWords(const uint8_t* at, size_t size) {
  uint64_t sum = 0;
  for (; size >= sizeof(uint32_t); at += sizeof(uint32_t), size -= sizeof(uint32_t)) {
    uint32_t word;
    std::memcpy(&word, at, sizeof(word));
    sum += word;
  }
  uint32_t rest = 0;
  std::memcpy(&rest, at, size);
  return sum + rest;
}

#ifdef __x86_64__

constexpr size_t kAvx2Block = 64;

__attribute__((target("avx2"))) uint64_t SumWordsAvx2(const uint8_t* at, size_t size) {
  const __m256i low_half = _mm256_set1_epi64x(0xffffffff);
  __m256i low = _mm256_setzero_si256();
  __m256i high = _mm256_setzero_si256();
  for (; size >= kAvx2Block; at += kAvx2Block, size -= kAvx2Block) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at) + 1);
    low = _mm256_add_epi64(low, _mm256_add_epi64(_mm256_and_si256(a, low_half), _mm256_and_si256(b, low_half)));
    high = _mm256_add_epi64(high, _mm256_add_epi64(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32)));
  }
  alignas(32) uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), _mm256_add_epi64(low, high));
  return lanes[0] + lanes[1] + lanes[2] + lanes[3] + SumWords(at, size);
}

uint64_t SumAny(const uint8_t* at, size_t size) {
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  return has_avx2 && size >= kAvx2Block ? SumWordsAvx2(at, size) : SumWords(at, size);
}

#else

uint64_t SumAny(const uint8_t* at, size_t size) { return SumWords(at, size); }

#endif

}  // namespace

uint16_t Sum(std::span<const uint8_t> bytes, uint16_t initial) {
  const uint16_t native = Fold(SumAny(bytes.data(), bytes.size()));
  uint8_t in_order[sizeof(native)];
  std::memcpy(in_order, &native, sizeof(native));
  return Fold(uint64_t{initial} + Load16(in_order));
}

uint16_t PseudoHeaderSum(const IpAddress& source, const IpAddress& destination, uint8_t protocol, uint32_t length) {
  const uint16_t addresses = Sum(destination.bytes(), Sum(source.bytes()));
  return Fold(uint64_t{addresses} + protocol + length);
}

uint16_t UpdateChecksum(uint16_t checksum, uint16_t old_sum, uint16_t new_sum) {
  const uint16_t without_old = static_cast<uint16_t>(~old_sum);
  return static_cast<uint16_t>(~Fold(uint64_t{static_cast<uint16_t>(~checksum)} + without_old + new_sum));
}

std::optional<size_t> ChecksumOffset(uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return tcp::kChecksum;
    case kUdp:
      return udp::kChecksum;
    case kIcmp:
    case kIcmpv6:
      return icmp::kChecksum;
  }
  return std::nullopt;
}

uint16_t TransportSum(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                      std::span<const uint8_t> transport) {
  if (protocol == kIcmp) return Sum(transport);
  return Sum(transport, PseudoHeaderSum(source, destination, protocol, static_cast<uint32_t>(transport.size())));
}

void FillTransportChecksum(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                           std::span<uint8_t> transport) {
  const std::optional<size_t> offset = ChecksumOffset(protocol);
  if (!offset) return;
  uint8_t* const field = transport.data() + *offset;
  Store16(field, 0);
  uint16_t checksum = static_cast<uint16_t>(~TransportSum(source, destination, protocol, transport));
  if (protocol == kUdp && checksum == 0) checksum = udp::kZeroChecksum;
  Store16(field, checksum);
}

void FillIpv4Checksum(std::span<uint8_t> header) {
  uint8_t* const field = header.data() + ipv4::kChecksum;
  Store16(field, 0);
  Store16(field, static_cast<uint16_t>(~Sum(header)));
}

}  // namespace sluice::packet
