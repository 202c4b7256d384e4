#include "server/access/method_table.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "sluice/v1/audit_service.pb.h"
#include "sluice/v1/guest_service.pb.h"
#include "sluice/v1/sandbox_service.pb.h"

namespace sluice {
namespace {

TEST(MethodTableTest, HasEveryMethodOfTheApi) {
  int methods = 0;
  for (const google::protobuf::FileDescriptor* file :
       {v1::CreateSandboxRequest::descriptor()->file(), v1::ExecRequest::descriptor()->file(),
        v1::StreamAuditEventsRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const std::string path =
            absl::StrCat("/", file->service(i)->full_name(), "/", file->service(i)->method(j)->name());
        EXPECT_TRUE(LeastRole(path).has_value()) << path << " has no row";
        ++methods;
      }
    }
  }
  EXPECT_GE(methods, 20);
}

TEST(MethodTableTest, NobodyMayCallWhatItDoesNotHave) {
  EXPECT_EQ(LeastRole("/sluice.v1.SandboxService/NoSuchMethod"), std::nullopt);
  EXPECT_EQ(LeastRole("/sluice.v1.SandboxService/GetSandbo"), std::nullopt);
  EXPECT_EQ(LeastRole("sluice.v1.SandboxService/GetSandbox"), std::nullopt);
  EXPECT_EQ(LeastRole(""), std::nullopt);
}

TEST(MethodTableTest, AuditorsOnlyRead) {
  EXPECT_EQ(LeastRole("/sluice.v1.SandboxService/GetSandbox"), Role::kAuditor);
  EXPECT_EQ(LeastRole("/sluice.v1.AuditService/StreamAuditEvents"), Role::kAuditor);
  for (const char* path : {"/sluice.v1.SandboxService/CreateSandbox", "/sluice.v1.SandboxService/SetNetworkPolicy",
                           "/sluice.v1.GuestService/ReadFile", "/sluice.v1.AuditService/CapturePackets"}) {
    EXPECT_EQ(LeastRole(path), Role::kOperator) << path;
  }
}

}  // namespace
}  // namespace sluice
