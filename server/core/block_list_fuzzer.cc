// What a block list's lines may do: nothing but name patterns that a set takes and
// finds again.

#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "netsvc/policy/domain_set.h"
#include "server/core/block_list_line.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/seeds.h"

namespace sluice::fuzz {

// A file of each form.
std::vector<Bytes> Seeds() {
  constexpr absl::string_view kFiles[] = {
      "# ads\nads.test\n*.wild.test\n",
      "127.0.0.1 localhost\n0.0.0.0 ads.test track.test # two\n::1 ip6-localhost\n",
      "[Adblock Plus 2.0]\n! title\n||ads.test^\n||ads.test^$important\n@@||ok.test^\n||ads.test^$third-party\n",
      "b\xc3\xbc" "cher.test\r\nxn--bcher-kva.test\n\xff\xfe\n",
  };
  std::vector<Bytes> seeds;
  for (const absl::string_view file : kFiles) seeds.emplace_back(file.begin(), file.end());
  return seeds;
}

}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  sluice::policy::DomainSet::Builder builder;
  std::vector<sluice::DomainPattern> patterns;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    sluice::ReadBlockListLine(line, [&](const sluice::DomainPattern& pattern) {
      FUZZ_REQUIRE(builder.Add(pattern).ok());
      patterns.push_back(pattern);
    });
  }
  const sluice::policy::DomainSet set = std::move(builder).Build();
  for (const sluice::DomainPattern& pattern : patterns) {
    FUZZ_REQUIRE(set.Contains(pattern.name));
  }
  return 0;
}
