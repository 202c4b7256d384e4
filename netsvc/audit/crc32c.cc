#include "netsvc/audit/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace sluice::audit {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // reflected, RFC 3720

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < table.size(); ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[byte] = crc;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t ByInstruction(absl::string_view data) {
  uint64_t crc = ~uint32_t{0};
  while (data.size() >= sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, data.data(), sizeof(word));
    crc = _mm_crc32_u64(crc, word);
    data.remove_prefix(sizeof(word));
  }
  auto rest = static_cast<uint32_t>(crc);
  for (const char c : data) rest = _mm_crc32_u8(rest, static_cast<uint8_t>(c));
  return ~rest;
}
#endif

}  // namespace

uint32_t Crc32cByTable(absl::string_view data) {
  uint32_t crc = ~uint32_t{0};
  for (const char c : data) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 0xff];
  return ~crc;
}

uint32_t Crc32c(absl::string_view data) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return ByInstruction(data);
#endif
  return Crc32cByTable(data);
}

}  // namespace sluice::audit
