#include "server/core/resolv_conf.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/io.h"
#include "server/core/nameserver.h"

namespace sluice {

std::vector<Endpoint> ParseResolvConf(absl::string_view text) {
  std::vector<Endpoint> servers;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    // Comments stand in lines of their own (resolv.conf(5)): they are no
    // "nameserver".
    const std::vector<absl::string_view> words = absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.size() < 2 || words[0] != "nameserver" || servers.size() == kMaxHostNameservers) continue;
    if (const std::optional<Endpoint> server = ParseNameserver(words[1])) servers.push_back(*server);
  }
  return servers;
}

absl::StatusOr<std::vector<Endpoint>> ReadResolvConf(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxResolvConf);
  if (absl::IsNotFound(text.status())) return std::vector<Endpoint>();
  if (!text.ok()) return text.status();
  return ParseResolvConf(*text);
}

}  // namespace sluice
