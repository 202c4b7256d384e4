// Images of domain sets that are not what a builder made: looking names up in them
// never leaves their bytes. The input is an image; its header's size and magic are
// put right, so that what comes behind them is read.

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "netsvc/policy/domain_set.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/seeds.h"

namespace sluice::fuzz {

// Sound images, small and larger.
std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds;
  for (const int names : {0, 3, 40}) {
    policy::DomainSet::Builder builder;
    builder.Add(DomainPattern::Parse("*.example.com").value()).IgnoreError();
    for (int i = 0; i < names; ++i) {
      builder.Add(DomainPattern::Parse("*.n" + std::to_string(i) + ".com").value()).IgnoreError();
    }
    const policy::DomainSet set = std::move(builder).Build();
    seeds.emplace_back(set.image().begin(), set.image().end());
  }
  return seeds;
}

}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sluice::DomainName;
  using sluice::policy::DomainSet;
  static const DomainSet* const sound = [] {
    DomainSet::Builder builder;
    builder.Add(sluice::DomainPattern::Parse("*.example.com").value()).IgnoreError();
    return new DomainSet(std::move(builder).Build());
  }();
  static const std::vector<DomainName>* const names = [] {
    auto* all = new std::vector<DomainName>;
    for (const char* text : {"example.com", "www.example.com", "a.b.c.d.e.f", "com"}) {
      all->push_back(DomainName::FromText(text).value());
    }
    return all;
  }();
  constexpr size_t kMagicAndSize = 16;
  // On the heap, to its exact size, where a sanitizer sees every step outside.
  const auto image = std::make_shared<std::vector<char>>(data, data + size);
  if (size >= kMagicAndSize) {
    const uint64_t whole = size;
    std::memcpy(image->data(), sound->image().data(), sizeof(uint64_t));
    std::memcpy(image->data() + sizeof(uint64_t), &whole, sizeof(whole));
  }
  const auto set = DomainSet::FromImage({image->data(), image->size()}, image);
  if (!set.ok() || set->empty()) return 0;
  for (const DomainName& name : *names) {
    set->ForEachMatch(name, [&](DomainSet::Match match) {
      FUZZ_REQUIRE(match.slot < set->name_count());
      return true;
    });
    set->SlotOf(name);
  }
  return 0;
}
