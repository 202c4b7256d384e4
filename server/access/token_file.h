#ifndef SLUICE_SERVER_ACCESS_TOKEN_FILE_H_
#define SLUICE_SERVER_ACCESS_TOKEN_FILE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice {

// Bearer tokens, by the SHA-256 of each: a file of --token_file. One "NAME HASH" a
// line, the hash in hexadecimal; empty lines and lines with a '#' first count for
// nothing. A name may stand on several lines, so that a new token is taken
// while the old one still is. Immutable; any thread.
class TokenFile {
 public:
  static constexpr size_t kMaxTokens = 4096;
  static constexpr size_t kMaxName = 63;    // bytes
  static constexpr size_t kMaxToken = 512;  // bytes: longer is no token

  // InvalidArgument with the line; it never shows a hash.
  static absl::StatusOr<TokenFile> Parse(absl::string_view text);

  // The name of `token`; nothing for what is none. Takes the same time whichever
  // it is and however much of a hash is right.
  std::optional<std::string> Find(absl::string_view token) const;

 private:
  using Hash = std::array<uint8_t, 32>;
  struct Token {
    std::string name;
    Hash hash;
  };

  std::vector<Token> tokens_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_TOKEN_FILE_H_
