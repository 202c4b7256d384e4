#include "server/core/block_list_line.h"

#include <algorithm>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "netsvc/base/ip_address.h"

namespace sluice {
namespace {

using Add = absl::FunctionRef<void(const DomainPattern&)>;

// No top-level domain is a number (RFC 3696 section 2): "0.0.0.0" is an address,
// and so is "1.2.3" to some.
bool EndsInNumber(absl::string_view text) {
  text = absl::StripSuffix(text, ".");
  const absl::string_view last = text.substr(text.rfind('.') + 1);
  return std::all_of(last.begin(), last.end(), absl::ascii_isdigit);
}

bool AddPattern(absl::string_view text, bool with_subdomains, Add add) {
  if (EndsInNumber(text)) return false;
  absl::StatusOr<DomainName> name = DomainName::FromText(text);
  if (!name.ok()) return false;
  add({*std::move(name), with_subdomains});
  return true;
}

// The addresses that lists send names to. With any other, a line of a hosts file
// says where a name is, not that it is to be nowhere.
bool IsNowhere(const IpAddress& address) {
  static const IpAddress kAddresses[] = {*IpAddress::Parse("0.0.0.0"), *IpAddress::Parse("127.0.0.1"),
                                         *IpAddress::Parse("::"), *IpAddress::Parse("::1")};
  return std::find(std::begin(kAddresses), std::end(kAddresses), address) != std::end(kAddresses);
}

// What every hosts file says of the machine itself: localhost, ip6-allnodes.
bool IsOwnName(absl::string_view name) {
  return !absl::StrContains(name, '.') || absl::EqualsIgnoreCase(name, "localhost.localdomain");
}

// "0.0.0.0 name [name...]", from the first name on.
BlockListLine ReadHosts(absl::string_view names, Add add) {
  BlockListLine result = BlockListLine::kNothing;
  for (const absl::string_view name : absl::StrSplit(names, absl::ByAnyChar(" \t"), absl::SkipEmpty())) {
    if (IsOwnName(name)) continue;
    if (!AddPattern(name, /*with_subdomains=*/false, add)) return BlockListLine::kSkipped;
    result = BlockListLine::kNames;
  }
  return result;
}

// "||name^", from the name on. A rule with options holds for some requests only,
// which a name does not tell apart; "important" alone says nothing of the kind.
BlockListLine ReadAdBlock(absl::string_view rule, Add add) {
  absl::ConsumeSuffix(&rule, "$important");
  const bool read = absl::ConsumeSuffix(&rule, "^") && AddPattern(rule, /*with_subdomains=*/true, add);
  return read ? BlockListLine::kNames : BlockListLine::kSkipped;
}

absl::string_view WithoutComment(absl::string_view line) {
  for (const absl::string_view mark : {" #", "\t#"}) line = line.substr(0, line.find(mark));
  return absl::StripAsciiWhitespace(line);
}

bool IsComment(absl::string_view line) {
  return line.empty() || line[0] == '#' || line[0] == '!' || (line[0] == '[' && absl::EndsWith(line, "]"));
}

}  // namespace

BlockListLine ReadBlockListLine(absl::string_view line, Add add) {
  if (line.size() > kMaxBlockListLine) return BlockListLine::kSkipped;
  line = absl::StripAsciiWhitespace(line);
  if (IsComment(line)) return BlockListLine::kNothing;
  line = WithoutComment(line);
  if (absl::ConsumePrefix(&line, "||")) return ReadAdBlock(line, add);
  const size_t blank = line.find_first_of(" \t");
  if (blank != line.npos) {
    const std::optional<IpAddress> address = IpAddress::Parse(line.substr(0, blank));
    return address && IsNowhere(*address) ? ReadHosts(line.substr(blank), add) : BlockListLine::kSkipped;
  }
  const bool with_subdomains = absl::ConsumePrefix(&line, "*.");
  return AddPattern(line, with_subdomains, add) ? BlockListLine::kNames : BlockListLine::kSkipped;
}

}  // namespace sluice
