#include "netsvc/base/mac_address.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(MacAddressTest, ParsesEitherCaseAndPrintsLower) {
  EXPECT_EQ(MacAddress::Parse("02:73:6c:00:00:0f")->ToString(), "02:73:6c:00:00:0f");
  EXPECT_EQ(MacAddress::Parse("FF:FF:FF:ff:ff:ff")->ToString(), "ff:ff:ff:ff:ff:ff");
}

TEST(MacAddressTest, RefusesWhatIsNoAddress) {
  for (const char* text : {"", "02:73:6c:00:00", "02:73:6c:00:00:0f:11", "02-73-6c-00-00-0f", "0273.6c00.000f",
                           "2:73:6c:00:00:0f", "02:73:6c:00:00:0g", "02:73:6c:00:00:", "02:73:6c:00:00:0f ",
                           "02:73:6c:00:00:+f", "02:73:6c:00:00: f", "02:73:6c:00:00:0x", "02:73:6c:00:00:-1"}) {
    EXPECT_FALSE(MacAddress::Parse(text)) << text;
  }
}

TEST(MacAddressTest, KnowsGroupAddresses) {
  EXPECT_TRUE(MacAddress::Parse("ff:ff:ff:ff:ff:ff")->is_group());
  EXPECT_TRUE(MacAddress::Parse("01:00:5e:00:00:01")->is_group());
  EXPECT_TRUE(MacAddress::Parse("33:33:00:00:00:01")->is_group());
  EXPECT_FALSE(MacAddress::Parse("02:00:00:00:00:01")->is_group());
}

}  // namespace
}  // namespace sluice
