#include "netsvc/dns/query_budget.h"

#include <libpsl.h>

#include <algorithm>
#include <string>

#include "absl/hash/hash.h"
#include "absl/strings/ascii.h"

namespace sluice::dns {
namespace {

uint64_t HashOf(const DomainName& name) { return absl::Hash<DomainName>()(name); }

// In text, label for label; a byte that no host name has is a letter, so that it
// is no dot.
std::string TextOf(const DomainName& name) {
  std::string text;
  for (DomainName rest = name; !rest.is_root(); rest = rest.Parent()) {
    const absl::string_view label = rest.wire().substr(1, static_cast<uint8_t>(rest.wire()[0]));
    if (!text.empty()) text.push_back('.');
    for (const char c : label) text.push_back(absl::ascii_isalnum(c) || c == '-' ? c : 'x');
  }
  return text;
}

}  // namespace

DomainName RegistrableDomain(const DomainName& name) {
  const std::string text = TextOf(name);
  const char* domain = psl_registrable_domain(psl_builtin(), text.c_str());
  if (domain == nullptr) return name;
  const auto labels = std::count(domain, text.c_str() + text.size(), '.') + 1;
  DomainName result = name;
  for (int extra = name.label_count() - static_cast<int>(labels); extra > 0; --extra) result = result.Parent();
  return result;
}

bool QueryBudget::TakeQuery(absl::Duration now) {
  const double rate = limits_.queries_per_second;
  if (rate == 0) return true;
  queries_left_ = std::min(rate, queries_left_ + rate * absl::ToDoubleSeconds(now - last_query_));
  last_query_ = now;
  if (queries_left_ < 1) return false;
  queries_left_ -= 1;
  return true;
}

bool QueryBudget::TakeName(const DomainName& name, absl::Duration now) {
  if (limits_.names_per_domain == 0) return true;
  Forget(now - kWindow);
  const uint64_t hash = HashOf(name);
  if (names_.contains(hash)) return true;
  const uint64_t domain = HashOf(RegistrableDomain(name));
  const auto count = names_of_domain_.find(domain);
  if (count != names_of_domain_.end() && count->second >= limits_.names_per_domain) return false;
  if (spent_.size() >= kMaxNames) return false;
  spent_.push_back({now, hash, domain});
  names_.insert(hash);
  ++names_of_domain_[domain];
  return true;
}

void QueryBudget::Forget(absl::Duration before) {
  for (; !spent_.empty() && spent_.front().at <= before; spent_.pop_front()) {
    names_.erase(spent_.front().name);
    const auto count = names_of_domain_.find(spent_.front().domain);
    if (--count->second == 0) names_of_domain_.erase(count);
  }
}

}  // namespace sluice::dns
