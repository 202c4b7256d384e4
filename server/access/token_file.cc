#include "server/access/token_file.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sluice {
namespace {

static_assert(SHA256_DIGEST_LENGTH == 32);
constexpr size_t kHexSize = 2 * SHA256_DIGEST_LENGTH;

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= TokenFile::kMaxName &&
         std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isgraph(c); });
}

bool IsHash(absl::string_view hex) {
  return hex.size() == kHexSize && std::all_of(hex.begin(), hex.end(), absl::ascii_isxdigit);
}

}  // namespace

absl::StatusOr<TokenFile> TokenFile::Parse(absl::string_view text) {
  TokenFile file;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty() || words[0].front() == '#') continue;
    if (words.size() != 2 || !IsName(words[0]) || !IsHash(words[1])) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": is not a name and the SHA-256 of a token in ", kHexSize, " hexadecimal digits"));
    }
    if (file.tokens_.size() == kMaxTokens) return absl::InvalidArgumentError(absl::StrCat("has more than ", kMaxTokens, " tokens"));
    Token token{.name = std::string(words[0]), .hash = {}};
    const std::string bytes = absl::HexStringToBytes(words[1]);
    std::copy(bytes.begin(), bytes.end(), token.hash.begin());
    file.tokens_.push_back(std::move(token));
  }
  return file;
}

std::optional<std::string> TokenFile::Find(absl::string_view token) const {
  if (token.empty() || token.size() > kMaxToken) return std::nullopt;
  Hash hash;
  SHA256(reinterpret_cast<const uint8_t*>(token.data()), token.size(), hash.data());
  const Token* found = nullptr;
  // All of them, so that the time tells nothing.
  for (const Token& known : tokens_) {
    if (CRYPTO_memcmp(known.hash.data(), hash.data(), hash.size()) == 0) found = &known;
  }
  if (found == nullptr) return std::nullopt;
  return found->name;
}

}  // namespace sluice
