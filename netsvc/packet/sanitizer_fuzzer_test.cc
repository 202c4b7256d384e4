// A short run of sanitizer_fuzzer with any compiler: its seeds, and mutations of
// them that are the same every time.

#include <gtest/gtest.h>

#include <random>

#include "netsvc/packet/sanitizer_seeds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace sluice::packet {
namespace {

void RunInput(const Bytes& input) { LLVMFuzzerTestOneInput(input.data(), input.size()); }

void Mutate(Bytes& input, std::mt19937& random) {
  const size_t at = random() % input.size();
  switch (random() % 4) {
    case 0:
      input[at] = static_cast<uint8_t>(random());
      break;
    case 1:
      input[at] ^= static_cast<uint8_t>(1u << random() % 8);
      break;
    case 2:
      input.erase(input.begin() + static_cast<ptrdiff_t>(at));
      break;
    case 3:
      input.insert(input.begin() + static_cast<ptrdiff_t>(at), random() % 2 == 0 ? 0x00 : 0xff);
      break;
  }
}

TEST(SanitizerFuzzerTest, SeedsHold) {
  for (const Bytes& seed : SanitizerSeeds()) RunInput(seed);
}

TEST(SanitizerFuzzerTest, MutationsHold) {
  std::mt19937 random(1);
  const std::vector<Bytes> seeds = SanitizerSeeds();
  for (int round = 0; round < 20'000; ++round) {
    Bytes input = seeds[random() % seeds.size()];
    const Bytes& next = seeds[random() % seeds.size()];
    input.insert(input.end(), next.begin(), next.end());
    for (int mutations = 1 + static_cast<int>(random() % 6); mutations > 0; --mutations) Mutate(input, random);
    RunInput(input);
  }
}

TEST(SanitizerFuzzerTest, EveryLengthHolds) {
  for (const Bytes& seed : SanitizerSeeds()) {
    for (size_t size = 0; size < seed.size(); ++size) {
      RunInput(Bytes(seed.begin(), seed.begin() + static_cast<ptrdiff_t>(size)));
    }
  }
}

}  // namespace
}  // namespace sluice::packet
