#include "server/core/id_generator.h"

#include <sys/random.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

// Crockford's base 32 without its capitals: no i, l, o or u.
constexpr absl::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr size_t kIdCharacters = 10;

template <size_t N>
std::array<uint8_t, N> RandomBytes() {
  std::array<uint8_t, N> bytes;
  // Up to 256 bytes never come short; it fails only where the kernel has no
  // such call, and then there is no identity to give out.
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  return bytes;
}

}  // namespace

std::string NewSandboxUid() {
  const auto bytes = RandomBytes<16>();
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::string NewSandboxId() {
  std::string id = "sb-";
  for (const uint8_t byte : RandomBytes<kIdCharacters>()) id.push_back(kAlphabet[byte % kAlphabet.size()]);
  return id;
}

}  // namespace sluice
