#include "netsvc/base/field_error.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(FieldErrorTest, CarriesItsField) {
  const absl::Status status = FieldError("cidr", "is not a prefix");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "is not a prefix");
  EXPECT_EQ(FieldOf(status), "cidr");
}

TEST(FieldErrorTest, OtherStatusesHaveNoField) {
  EXPECT_FALSE(FieldOf(absl::OkStatus()));
  EXPECT_FALSE(FieldOf(absl::InvalidArgumentError("x")));
}

TEST(FieldErrorTest, PathsGrowFromTheInsideOut) {
  const absl::Status status =
      InField("policy", InField("rules[3]", InField("peers[0]", FieldError("cidr", "is not a prefix"))));
  EXPECT_EQ(FieldOf(status), "policy.rules[3].peers[0].cidr");
  EXPECT_EQ(status.message(), "is not a prefix");
}

TEST(FieldErrorTest, LeavesOtherStatusesAlone) {
  EXPECT_EQ(InField("policy", absl::OkStatus()), absl::OkStatus());
  EXPECT_EQ(InField("policy", absl::InternalError("x")), absl::InternalError("x"));
}

}  // namespace
}  // namespace sluice
