#include "clients/cli/testing/cli_test_base.h"

#include <stdlib.h>

#include <filesystem>
#include <system_error>

namespace sluice::cli {

TestDirectory::TestDirectory() {
  std::string name = "/tmp/sluice-cli-XXXXXX";
  if (const char* made = mkdtemp(name.data()); made != nullptr) path_ = made;
}

TestDirectory::~TestDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace sluice::cli
