// A short run of a fuzzer with any compiler: its seeds, and mutations of them, the
// same ones every time, as far as a few seconds go.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/seeds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// Of a fuzzer that knows how its inputs are made.
extern "C" __attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                                                unsigned seed);

namespace sluice::fuzz {
namespace {

constexpr int kMutations = 5'000;
constexpr size_t kMaxCuts = 400;  // of one seed
constexpr size_t kMaxSize = 4096;  // of what a custom mutator makes
constexpr absl::Duration kTime = absl::Milliseconds(1250);  // of each test

void RunInput(const Bytes& input) { LLVMFuzzerTestOneInput(input.data(), input.size()); }

void MutateOnce(Bytes& input, std::mt19937& random) {
  if (LLVMFuzzerCustomMutator == nullptr) return Mutate(input, random);
  const size_t size = input.size();
  const size_t max_size = std::max(size, kMaxSize);
  input.resize(max_size);
  input.resize(LLVMFuzzerCustomMutator(input.data(), size, max_size, static_cast<unsigned>(random())));
}

TEST(ReplayTest, SeedsHold) {
  for (const Bytes& seed : Seeds()) RunInput(seed);
}

TEST(ReplayTest, MutationsHold) {
  const absl::Time end = absl::Now() + kTime;
  std::mt19937 random(1);
  const std::vector<Bytes> seeds = Seeds();
  for (int round = 0; round < kMutations && absl::Now() < end; ++round) {
    Bytes input = seeds[random() % seeds.size()];
    for (int mutations = 1 + static_cast<int>(random() % 6); mutations > 0; --mutations) MutateOnce(input, random);
    RunInput(input);
  }
}

TEST(ReplayTest, SeedsCutShortHold) {
  const absl::Time end = absl::Now() + kTime;
  for (const Bytes& seed : Seeds()) {
    const size_t step = 1 + seed.size() / kMaxCuts;
    for (size_t size = 0; size < seed.size() && absl::Now() < end; size += step) {
      RunInput(Bytes(seed.begin(), seed.begin() + static_cast<ptrdiff_t>(size)));
    }
  }
}

}  // namespace
}  // namespace sluice::fuzz
