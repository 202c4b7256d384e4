// A short run of a fuzzer with any compiler: its seeds, and mutations of them
// that are the same every time.

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/seeds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace sluice::fuzz {
namespace {

constexpr int kMutations = 5'000;
constexpr size_t kMaxCuts = 400;  // of one seed

void RunInput(const Bytes& input) { LLVMFuzzerTestOneInput(input.data(), input.size()); }

TEST(ReplayTest, SeedsHold) {
  for (const Bytes& seed : Seeds()) RunInput(seed);
}

TEST(ReplayTest, MutationsHold) {
  std::mt19937 random(1);
  const std::vector<Bytes> seeds = Seeds();
  for (int round = 0; round < kMutations; ++round) {
    Bytes input = seeds[random() % seeds.size()];
    for (int mutations = 1 + static_cast<int>(random() % 6); mutations > 0; --mutations) Mutate(input, random);
    RunInput(input);
  }
}

TEST(ReplayTest, SeedsCutShortHold) {
  for (const Bytes& seed : Seeds()) {
    const size_t step = 1 + seed.size() / kMaxCuts;
    for (size_t size = 0; size < seed.size(); size += step) {
      RunInput(Bytes(seed.begin(), seed.begin() + static_cast<ptrdiff_t>(size)));
    }
  }
}

}  // namespace
}  // namespace sluice::fuzz
