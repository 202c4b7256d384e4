#include "tests/e2e/operator_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"

namespace sluice::e2e {

OperatorFile::OperatorFile(absl::string_view name) : path_(absl::StrCat(getenv("TEST_TMPDIR"), "/", name)) {}

void OperatorFile::Replace(absl::string_view text) const {
  const std::string next = path_ + ".new";
  const absl::Status written = WriteFile(next, text);
  ASSERT_TRUE(written.ok()) << written;
  ASSERT_EQ(rename(next.c_str(), path_.c_str()), 0) << strerror(errno);
}

}  // namespace sluice::e2e
