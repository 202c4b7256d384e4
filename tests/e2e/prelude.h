// What nearly every end-to-end test includes, precompiled: the build includes it
// ahead of a test's own first line (e2e_test.bzl).
#ifndef SLUICE_TESTS_E2E_PRELUDE_H_
#define SLUICE_TESTS_E2E_PRELUDE_H_

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"

#endif  // SLUICE_TESTS_E2E_PRELUDE_H_
