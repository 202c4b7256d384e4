// What nearly every unit test includes, precompiled: the build includes it ahead of
// a test's own first line (unit_test.bzl).
#ifndef SLUICE_TESTS_UNIT_PRELUDE_H_
#define SLUICE_TESTS_UNIT_PRELUDE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#endif  // SLUICE_TESTS_UNIT_PRELUDE_H_
