#include "netsvc/base/domain_name.h"

#include <idn2.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "netsvc/base/quote.h"

namespace sluice {
namespace {

absl::Status NotADomain(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(Quote(text), " is not a domain name: ", why));
}

bool IsAscii(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isascii(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

// RFC 1123 letters, digits and hyphens, and the underscore that service names
// (RFC 8552) and many internal hosts bear.
bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
}

absl::StatusOr<std::string> ToAscii(absl::string_view text) {
  if (IsAscii(text)) return std::string(text);
  char* converted = nullptr;
  const int rc = idn2_to_ascii_8z(std::string(text).c_str(), &converted, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  if (rc != IDN2_OK) return NotADomain(text, idn2_strerror(rc));
  const std::unique_ptr<char, void (*)(void*)> owned(converted, idn2_free);
  return std::string(converted);
}

}  // namespace

absl::StatusOr<DomainName> DomainName::FromWire(std::span<const uint8_t> wire) {
  if (wire.empty() || wire.size() > kMaxWireSize) return absl::InvalidArgumentError("name too long or empty");
  std::string lower(wire.begin(), wire.end());
  size_t at = 0;
  while (lower[at] != 0) {
    const size_t length = static_cast<uint8_t>(lower[at]);
    if (length > kMaxLabelSize || at + 1 + length >= lower.size()) return absl::InvalidArgumentError("bad label");
    for (size_t i = at + 1; i <= at + length; ++i) lower[i] = absl::ascii_tolower(lower[i]);
    at += 1 + length;
  }
  if (at + 1 != lower.size()) return absl::InvalidArgumentError("bytes after the root label");
  return DomainName(std::move(lower));
}

absl::StatusOr<DomainName> DomainName::FromText(absl::string_view text) {
  if (text.empty() || text == ".") return absl::InvalidArgumentError("a domain name is missing");
  if (text.find('\0') != text.npos) return NotADomain(text, "it has a NUL");
  absl::StatusOr<std::string> ascii = ToAscii(text);
  if (!ascii.ok()) return ascii.status();
  absl::string_view rest = absl::StripSuffix(*ascii, ".");
  std::string wire;
  while (true) {
    const absl::string_view label = rest.substr(0, rest.find('.'));
    if (label.empty()) return NotADomain(text, "it has an empty label");
    if (label.size() > kMaxLabelSize) return NotADomain(text, "a label is longer than 63 bytes");
    wire.push_back(static_cast<char>(label.size()));
    for (const char c : label) {
      if (!IsNameCharacter(c)) return NotADomain(text, absl::StrFormat("it has '%s'", absl::CHexEscape({&c, 1})));
      wire.push_back(absl::ascii_tolower(c));
    }
    if (label.size() == rest.size()) break;
    rest.remove_prefix(label.size() + 1);
  }
  wire.push_back('\0');
  if (wire.size() > kMaxWireSize) return NotADomain(text, "it is longer than 253 characters");
  return DomainName(std::move(wire));
}

int DomainName::label_count() const {
  int count = 0;
  for (size_t at = 0; wire_[at] != 0; at += 1 + static_cast<uint8_t>(wire_[at])) ++count;
  return count;
}

bool DomainName::IsWithin(const DomainName& ancestor) const {
  const absl::string_view mine = wire_;
  const size_t suffix = ancestor.wire_.size();
  for (size_t at = 0; mine.size() - at >= suffix; at += 1 + static_cast<uint8_t>(mine[at])) {
    if (mine.size() - at == suffix) return mine.substr(at) == ancestor.wire_;
  }
  return false;
}

DomainName DomainName::Parent() const { return DomainName(wire_.substr(1 + static_cast<uint8_t>(wire_[0]))); }

std::string DomainName::ToString() const {
  if (is_root()) return ".";
  std::string text;
  for (size_t at = 0; wire_[at] != 0; at += 1 + static_cast<uint8_t>(wire_[at])) {
    if (at > 0) text.push_back('.');
    for (const char c : wire_.substr(at + 1, static_cast<uint8_t>(wire_[at]))) {
      if (c == '.' || c == '\\') {
        text.append({'\\', c});
      } else if (absl::ascii_isgraph(static_cast<unsigned char>(c))) {
        text.push_back(c);
      } else {
        absl::StrAppendFormat(&text, "\\%03d", static_cast<uint8_t>(c));
      }
    }
  }
  return text;
}

absl::StatusOr<DomainPattern> DomainPattern::Parse(absl::string_view text) {
  DomainPattern pattern;
  pattern.with_subdomains = absl::ConsumePrefix(&text, "*.");
  absl::StatusOr<DomainName> name = DomainName::FromText(text);
  if (!name.ok()) return name.status();
  pattern.name = *std::move(name);
  return pattern;
}

std::string DomainPattern::ToString() const {
  return absl::StrCat(with_subdomains ? "*." : "", name.ToString());
}

}  // namespace sluice
