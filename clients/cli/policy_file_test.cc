#include "clients/cli/policy_file.h"

#include <gtest/gtest.h>

#include <string>

#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

std::string WriteTemporary(const std::string& text) {
  const std::string path = testing::TempDir() + "/policy";
  EXPECT_TRUE(WriteFile(path, text).ok());
  return path;
}

TEST(PolicyFile, ReadsYamlAndJsonWhateverTheName) {
  for (const char* text : {"preset: PRESET_NONE\n", "{\"preset\": \"PRESET_NONE\"}"}) {
    const absl::StatusOr<v1::NetworkPolicy> policy = ReadPolicyFile(WriteTemporary(text));
    ASSERT_TRUE(policy.ok()) << policy.status();
    EXPECT_EQ(policy->preset(), v1::PRESET_NONE);
  }
}

TEST(PolicyFile, NamesTheFileAndTheLine) {
  const std::string path = WriteTemporary("preset: PRESET_NONE\nrules: all\n");
  const absl::Status status = ReadPolicyFile(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), path + ": line 2: rules is a list, not \"all\"");
}

TEST(PolicyFile, NamesTheFileThatIsMissing) {
  const absl::Status status = ReadPolicyFile("/nonexistent/policy.json").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.message().find("/nonexistent/policy.json"), absl::string_view::npos);
}

}  // namespace
}  // namespace sluice::cli
