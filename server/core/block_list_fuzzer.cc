// What a block list's lines may do: nothing but name patterns that a set takes and
// finds again.

#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "netsvc/policy/domain_set.h"
#include "server/core/block_list_line.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  sluice::policy::DomainSet::Builder builder;
  std::vector<sluice::DomainPattern> patterns;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    sluice::ReadBlockListLine(line, [&](const sluice::DomainPattern& pattern) {
      if (!builder.Add(pattern).ok()) abort();
      patterns.push_back(pattern);
    });
  }
  const sluice::policy::DomainSet set = std::move(builder).Build();
  for (const sluice::DomainPattern& pattern : patterns) {
    if (!set.Contains(pattern.name)) abort();
  }
  return 0;
}
