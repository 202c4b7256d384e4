#include "clients/cli/status_text.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace sluice::cli {
namespace {

TEST(StatusText, NamesEveryFieldThatIsWrong) {
  google::rpc::BadRequest bad_request;
  auto* first = bad_request.add_field_violations();
  first->set_field("sandbox.id");
  first->set_description("is too long");
  auto* second = bad_request.add_field_violations();
  second->set_field("sandbox.network.ports[0].guest_port");
  second->set_description("is required");
  google::rpc::Status details;
  details.add_details()->PackFrom(bad_request);
  const grpc::Status status(grpc::StatusCode::INVALID_ARGUMENT, "invalid request",
                            details.SerializeAsString());
  EXPECT_EQ(StatusText(status), "sandbox.id: is too long; sandbox.network.ports[0].guest_port: is required");
}

TEST(StatusText, FallsBackToTheMessageInOneSafeLine) {
  EXPECT_EQ(StatusText({grpc::StatusCode::INTERNAL, "two\nlines", "not a Status"}), "two\\x0alines");
  EXPECT_EQ(StatusText({grpc::StatusCode::INTERNAL, ""}), "the server answered with gRPC code 13");
}

TEST(StatusText, HintsAtSandboxesOnlyWhereOneIsMissing) {
  EXPECT_NE(HintFor({grpc::StatusCode::NOT_FOUND, "there is no sandbox web"}), "");
  EXPECT_EQ(HintFor({grpc::StatusCode::NOT_FOUND, "there is no program curl in the guest"}), "");
  EXPECT_NE(HintFor({grpc::StatusCode::UNAVAILABLE, ""}), "");
  EXPECT_EQ(HintFor({grpc::StatusCode::INTERNAL, "there is no sandbox web"}), "");
}

TEST(StatusText, ConnectionProblemIsTheInnermostOne) {
  EXPECT_EQ(
      ConnectionProblem({grpc::StatusCode::UNAVAILABLE,
                         "failed to connect to all addresses; last error: UNKNOWN: unix:/x: No such file"}),
      "No such file");
  EXPECT_EQ(ConnectionProblem({grpc::StatusCode::UNAVAILABLE, "Socket closed"}), "Socket closed");
}

}  // namespace
}  // namespace sluice::cli
