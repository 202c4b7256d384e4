// The server describes itself: clients need no .proto file.

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

using testing::HasSubstr;

class ReflectionTest : public E2eTest {
 protected:
  // `buf curl` on the server's Unix socket.
  static std::string Buf(const std::vector<std::string>& args) {
    const char* const buf = std::getenv("SLUICE_BUF");
    if (buf == nullptr) {
      ADD_FAILURE() << "SLUICE_BUF does not name buf: tests/run.sh sets it";
      return "";
    }
    const std::string socket = server().unix_address().substr(std::string("unix:").size());
    std::vector<std::string> command = {buf, "curl", "--protocol", "grpc", "--http2-prior-knowledge",
                                        "--unix-socket", socket};
    command.insert(command.end(), args.begin(), args.end());
    const auto result = lab::RunCommand(command, absl::Seconds(60), "");
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? absl::StrCat(result->out, result->err) : "";
  }
};

TEST_F(ReflectionTest, ListsTheServices) {
  const std::string services = Buf({"--list-services", "http://localhost"});
  for (const char* service : {"sluice.v1.SandboxService", "sluice.v1.AuditService", "sluice.v1.GuestService",
                              "grpc.health.v1.Health"}) {
    EXPECT_THAT(services, HasSubstr(service));
  }
}

TEST_F(ReflectionTest, CallsEveryServiceByReflectionAlone) {
  DeleteLater("by-buf");
  EXPECT_THAT(Buf({"-d", R"({"sandbox": {"id": "by-buf", "guest": {"oci": {}}}})",
                   "http://localhost/sluice.v1.SandboxService/CreateSandbox"}),
              HasSubstr("STATE_RUNNING"));
  EXPECT_THAT(Buf({"-d", "{}", "http://localhost/sluice.v1.SandboxService/ListSandboxes"}), HasSubstr("by-buf"));
  EXPECT_THAT(Buf({"-d", R"({"sandboxId": "by-buf", "remoteDomain": "example.com"})",
                   "http://localhost/sluice.v1.SandboxService/EvaluatePolicy"}),
              HasSubstr("ACTION_ALLOW"));
  EXPECT_THAT(Buf({"-d", "{}", "http://localhost/sluice.v1.SandboxService/EvaluatePolicy"}),
              HasSubstr("is required"));
  EXPECT_THAT(Buf({"-d", R"({"start": {"sandboxId": "by-buf", "args": ["sh", "-c", "exit 7"]}})",
                   "http://localhost/sluice.v1.GuestService/Exec"}),
              HasSubstr(R"("code": 7)"));
  EXPECT_THAT(Buf({"-d", R"({"sandboxIds": ["by-buf"]})", "http://localhost/sluice.v1.AuditService/StreamAuditEvents"}),
              HasSubstr("STATE_RUNNING"));
}

TEST_F(ReflectionTest, TellsItsHealth) {
  const auto check = [](const std::string& request) {
    return Buf({"-d", request, "http://localhost/grpc.health.v1.Health/Check"});
  };
  EXPECT_THAT(check("{}"), HasSubstr(R"("SERVING")"));
  for (const char* service : {"SandboxService", "GuestService", "AuditService"}) {
    EXPECT_THAT(check(absl::StrCat(R"({"service": "sluice.v1.)", service, R"("})")), HasSubstr(R"("SERVING")"));
  }
  EXPECT_THAT(check(R"({"service": "nothing"})"), HasSubstr("not_found"));
}

}  // namespace
}  // namespace sluice::e2e
