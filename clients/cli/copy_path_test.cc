#include "clients/cli/copy_path.h"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

TEST(CopyPathTest, IsInASandboxOrHere) {
  const struct {
    const char* text;
    const char* sandbox;
    const char* path;
  } kCases[] = {
      {"box:/etc/hosts", "box", "/etc/hosts"}, {"box:/", "box", "/"}, {"box:/a:b", "box", "/a:b"},
      {"/etc/hosts", "", "/etc/hosts"},        {"file", "", "file"},  {"./a:b", "", "./a:b"},
      {"dir/box:/x", "", "dir/box:/x"},        {"-", "", "-"},
  };
  for (const auto& c : kCases) {
    const auto path = ParseCopyPath(c.text);
    ASSERT_TRUE(path.ok()) << c.text << path.status();
    EXPECT_EQ(path->sandbox, c.sandbox) << c.text;
    EXPECT_EQ(path->path, c.path) << c.text;
    EXPECT_EQ(path->IsHere(), *c.sandbox == '\0');
  }
  EXPECT_TRUE(ParseCopyPath("-")->IsStream());
  EXPECT_FALSE(ParseCopyPath("box:/-")->IsStream());
  for (const char* bad : {"", ":/etc", "box:etc", "box:", "C:\\x"}) EXPECT_FALSE(ParseCopyPath(bad).ok()) << bad;
}

TEST(CopyPathTest, JoinsAndEnds) {
  EXPECT_EQ(JoinPath("/", "a"), "/a");
  EXPECT_EQ(JoinPath("/a", "b"), "/a/b");
  EXPECT_EQ(JoinPath("/a/", "b"), "/a/b");
  EXPECT_EQ(JoinPath("/a", ""), "/a");
  EXPECT_EQ(JoinPath("", "a"), "a");
  EXPECT_EQ(LastName("/a/b"), "b");
  EXPECT_EQ(LastName("/a/b//"), "b");
  EXPECT_EQ(LastName("b"), "b");
  for (const char* none : {"/", ".", "..", "/a/.", "a/../"}) EXPECT_EQ(LastName(none), "") << none;
}

}  // namespace
}  // namespace sluice::cli
