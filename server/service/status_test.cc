#include "server/service/status.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

TEST(ToGrpcTest, KeepsCodeAndMessage) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  const grpc::Status status = ToGrpc(absl::AlreadyExistsError("port 80 is taken"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(status.error_message(), "port 80 is taken");
  EXPECT_EQ(status.error_details(), "");
}

TEST(ToGrpcTest, NamesTheFieldInMessageAndDetails) {
  const grpc::Status status = ToGrpc(FieldError("policy.rules[3].peers[0].cidr", "is not a prefix"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "policy.rules[3].peers[0].cidr: is not a prefix");

  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(details.message(), status.error_message());
  ASSERT_EQ(details.details_size(), 1);
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(details.details(0).UnpackTo(&bad_request));
  ASSERT_EQ(bad_request.field_violations_size(), 1);
  EXPECT_EQ(bad_request.field_violations(0).field(), "policy.rules[3].peers[0].cidr");
  EXPECT_EQ(bad_request.field_violations(0).description(), "is not a prefix");
}

TEST(ToGrpcTest, ALongMessageFitsIntoTrailers) {
  const grpc::Status status = ToGrpc(FieldError("path", std::string(100'000, 'a')));
  EXPECT_LT(status.error_message().size() + status.error_details().size() * 4 / 3, 8192u - 1024);
  EXPECT_EQ(status.error_message(), "path: " + std::string(1024, 'a') + "...");
  std::string umlauts = "a";
  for (int i = 0; i < 2'000; ++i) umlauts += "\xc3\xbc";
  EXPECT_EQ(ToGrpc(absl::InternalError(umlauts)).error_message(), umlauts.substr(0, 1023) + "...");
}

TEST(ToGrpcTest, SaysWhatItIsAbout) {
  const grpc::Status status = ToGrpc(WithResource("sandbox", "web", absl::NotFoundError("there is no sandbox web")));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "there is no sandbox web");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  ASSERT_EQ(details.details_size(), 1);
  google::rpc::ResourceInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.resource_type(), "sandbox");
  EXPECT_EQ(info.resource_name(), "web");
  EXPECT_NE(ToGrpc(WithResource("program", "/etc", absl::PermissionDeniedError("no"))).error_details(), "");
  EXPECT_EQ(ToGrpc(WithResource("sandbox", "web", absl::InternalError("no"))).error_details(), "");
}

}  // namespace
}  // namespace sluice
