#include "server/access/token_file.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

// printf %s "$TOKEN" | sha256sum
constexpr char kHashOfSesame[] = "41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb";
constexpr char kHashOfRosebud[] = "b5e5a0d5a5c0f5b56a2b2a1b6e4d2d5b6c0d5c4f3f3a0f6b5b0a0b5c9d8e7f60";

TEST(TokenFileTest, KnowsTokensByTheirHash) {
  const absl::StatusOr<TokenFile> file =
      TokenFile::Parse(absl::StrCat("# who  what\n\nci ", kHashOfSesame, "\n  other\t", kHashOfRosebud, "  \n"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->Find("open sesame"), "ci");
  EXPECT_EQ(file->Find("open sesam"), std::nullopt);
  EXPECT_EQ(file->Find(""), std::nullopt);
  EXPECT_EQ(file->Find(kHashOfSesame), std::nullopt) << "the hash is no token";
  EXPECT_EQ(file->Find(std::string(TokenFile::kMaxToken + 1, 'a')), std::nullopt);
}

TEST(TokenFileTest, ANameMayHaveSeveralTokens) {
  const absl::StatusOr<TokenFile> file =
      TokenFile::Parse(absl::StrCat("ci ", kHashOfRosebud, "\nci ", kHashOfSesame, "\n"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->Find("open sesame"), "ci");
}

TEST(TokenFileTest, SaysWhichLineIsWrongAndShowsNoHash) {
  for (const std::string& line : {std::string("ci"), absl::StrCat("ci ", kHashOfSesame, "0"), absl::StrCat("ci ", kHashOfSesame, " x"),
                                  absl::StrCat(kHashOfSesame), std::string("ci open-sesame"),
                                  absl::StrCat(std::string(TokenFile::kMaxName + 1, 'n'), " ", kHashOfSesame)}) {
    const absl::Status status = TokenFile::Parse(absl::StrCat("\n", line, "\n")).status();
    EXPECT_EQ(status, absl::InvalidArgumentError("line 2: is not a name and the SHA-256 of a token in 64 hexadecimal digits"))
        << line;
  }
}

}  // namespace
}  // namespace sluice
