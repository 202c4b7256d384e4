#ifndef SLUICE_TESTS_FUZZ_REQUIRE_H_
#define SLUICE_TESTS_FUZZ_REQUIRE_H_

#include <cstdio>
#include <cstdlib>

// What holds for every input of a fuzzer: says what did not, and dies of it.
#define FUZZ_REQUIRE(condition)                                               \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                                \
    }                                                                         \
  } while (false)

#endif  // SLUICE_TESTS_FUZZ_REQUIRE_H_
