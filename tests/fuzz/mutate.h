#ifndef SLUICE_TESTS_FUZZ_MUTATE_H_
#define SLUICE_TESTS_FUZZ_MUTATE_H_

#include <random>

#include "tests/fuzz/seeds.h"

namespace sluice::fuzz {

// Changes, takes out or puts in one byte. Does nothing to an empty input.
void Mutate(Bytes& input, std::mt19937& random);

}  // namespace sluice::fuzz

#endif  // SLUICE_TESTS_FUZZ_MUTATE_H_
