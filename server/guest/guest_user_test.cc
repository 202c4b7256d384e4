#include "server/guest/guest_user.h"

#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

TEST(GuestUserTest, ReadsNumbers) {
  EXPECT_EQ(*GuestUser::Parse(""), (GuestUser{.uid = 65534, .gid = 65534}));
  EXPECT_EQ(*GuestUser::Parse("1000"), (GuestUser{.uid = 1000, .gid = 1000}));
  EXPECT_EQ(*GuestUser::Parse("1000:50"), (GuestUser{.uid = 1000, .gid = 50}));
  EXPECT_EQ(*GuestUser::Parse("4294967294:0"), (GuestUser{.uid = 4294967294, .gid = 0}));
}

TEST(GuestUserTest, RefusesEverythingElse) {
  for (const char* text : {"root", ":", "1:", ":1", "1:2:3", "-1", "+1", " 1", "1 ", "0x1", "4294967295", "1:4294967295",
                           "99999999999"}) {
    EXPECT_EQ(FieldOf(GuestUser::Parse(text).status()), "user") << text;
  }
}

}  // namespace
}  // namespace sluice
