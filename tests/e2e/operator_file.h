#ifndef SLUICE_TESTS_E2E_OPERATOR_FILE_H_
#define SLUICE_TESTS_E2E_OPERATOR_FILE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace sluice::e2e {

// A file of the operator's that a server reads again when it changes, in the test's own
// directory. Not there until it is written.
class OperatorFile {
 public:
  explicit OperatorFile(absl::string_view name);

  const std::string& path() const { return path_; }

  // In one step, as editors do: a server never reads a part of it. An error fails the
  // test.
  void Replace(absl::string_view text) const;

 private:
  const std::string path_;
};

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_OPERATOR_FILE_H_
