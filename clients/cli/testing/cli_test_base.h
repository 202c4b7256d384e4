#ifndef SLUICE_CLIENTS_CLI_TESTING_CLI_TEST_BASE_H_
#define SLUICE_CLIENTS_CLI_TESTING_CLI_TEST_BASE_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "clients/cli/testing/cli_process.h"
#include "clients/cli/testing/fake_server.h"

namespace sluice::cli {

// A directory of the test's own, gone when the test ends. Under /tmp, for the
// path of a Unix socket has 107 bytes at most.
class TestDirectory {
 public:
  TestDirectory();
  ~TestDirectory();
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  std::string Path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Tests that run `sluice` against a fake server.
class CliTestBase : public testing::Test {
 protected:
  // A command with empty input, to its end.
  CliResult RunCli(const std::vector<std::string>& arguments) {
    CliProcess process(arguments, address_);
    process.CloseInput();
    return process.Wait();
  }

  const TestDirectory directory_;
  const std::string address_ = "unix:" + directory_.Path("api.sock");
  FakeServer server_{address_};
  FakeState& state_ = server_.state();
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_TESTING_CLI_TEST_BASE_H_
