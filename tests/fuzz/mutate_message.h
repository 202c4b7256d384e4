#ifndef SLUICE_TESTS_FUZZ_MUTATE_MESSAGE_H_
#define SLUICE_TESTS_FUZZ_MUTATE_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <random>

#include "google/protobuf/message.h"

namespace sluice::fuzz {

// Changes one field, at any depth: sets it, clears it, adds to it, removes from it
// or changes its order. Numbers are often at a limit, and texts what Sluice's API
// has in its fields; they stay UTF-8.
void MutateMessage(google::protobuf::Message& message, std::mt19937& random);

// The LLVMFuzzerCustomMutator of a fuzzer whose input ends with a serialized
// message of `scratch`'s type, after `prefix` bytes of something else: now the
// bytes change, now the message. Returns the new size, at most `max_size`.
size_t MutateSerialized(google::protobuf::Message& scratch, size_t prefix, uint8_t* data, size_t size,
                        size_t max_size, unsigned seed);

}  // namespace sluice::fuzz

#endif  // SLUICE_TESTS_FUZZ_MUTATE_MESSAGE_H_
