#ifndef SLUICE_TESTS_FUZZ_SEEDS_H_
#define SLUICE_TESTS_FUZZ_SEEDS_H_

#include <cstdint>
#include <vector>

namespace sluice::fuzz {

using Bytes = std::vector<uint8_t>;

// Inputs for a fuzzer to start from: each kind of what it reads, once. Every
// fuzzer that cc_fuzz makes defines it.
std::vector<Bytes> Seeds();

}  // namespace sluice::fuzz

#endif  // SLUICE_TESTS_FUZZ_SEEDS_H_
