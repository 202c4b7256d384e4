#include "server/guest/oci_error.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

std::string Log(const std::string& message) {
  return absl::StrCat(R"({"level":"warning","msg":"exec: something else"})", "\n",
                      R"({"level":"error","msg":")", message, R"("})", "\n");
}

absl::StatusCode CodeOf(const std::string& message) { return ExplainRuntimeError(Log(message), "prog").code(); }

TEST(OciErrorTest, ExplainsWhatRuncSays) {
  // As runc 1.1 words them.
  EXPECT_EQ(ExplainRuntimeError(Log(R"(exec failed: unable to start container process: exec: \"prog\": executable )"
                                    "file not found in $PATH"),
                                "prog"),
            absl::NotFoundError("there is no program prog in the guest"));
  EXPECT_EQ(CodeOf(R"(unable to start container process: exec: \"/x\": stat /x: no such file or directory)"),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(R"(unable to start container process: exec: \"/bin/sh/x\": stat /bin/sh/x: not a directory)"),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf("exec failed: unable to start container process: read init-p: connection reset by peer "
                   "(possibly OOM-killed)"),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(R"(unable to start container process: exec: \"/etc/passwd\": permission denied)"),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf("exec /bad: exec format error"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf("cannot exec in a stopped container"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf("container does not exist"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(FieldOf(ExplainRuntimeError(
                Log(R"(chdir to cwd (\"/nowhere\") set in config.json failed: no such file or directory)"), "prog")),
            "working_directory");
  EXPECT_EQ(FieldOf(ExplainRuntimeError(Log("error during container init: mkdir /etc/passwd: not a directory"), "prog")),
            "working_directory");
  EXPECT_EQ(FieldOf(ExplainRuntimeError(Log("exec /usr/bin/true: argument list too long"), "prog")), "args");
}

TEST(OciErrorTest, ExplainsWhatCrunSays) {
  // As crun 1.8 words them.
  EXPECT_EQ(ExplainRuntimeError(Log("executable file `prog` not found in $PATH: No such file or directory"), "prog"),
            absl::NotFoundError("there is no program prog in the guest"));
  EXPECT_EQ(CodeOf("open executable: Permission denied"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf("open executable: Operation not permitted"), absl::StatusCode::kPermissionDenied) << "a directory";
  EXPECT_EQ(CodeOf("setns(pid=9, CLONE_NEWUSER): No such process"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf("error opening file `/run/x/status`: No such file or directory"),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(FieldOf(ExplainRuntimeError(Log("chdir `/nowhere`: No such file or directory"), "prog")),
            "working_directory");
  EXPECT_EQ(ExplainRuntimeError(absl::StrCat(Log("mount `x`: No"), Log("fail startup")), "prog"),
            absl::InternalError("the OCI runtime failed: mount `x`: No; fail startup"));
}

TEST(OciErrorTest, ExplainsWhatRunscSays) {
  // As runsc of December 2022 words them.
  EXPECT_EQ(ExplainRuntimeError(Log(R"(executing processes for container: executing command \"/x\" in sandbox: failed )"
                                    "to load /x: no such file or directory"),
                                "/x"),
            absl::NotFoundError("there is no program /x in the guest"));
  EXPECT_EQ(CodeOf(R"(executing command \"/etc\" in sandbox: failed to load /etc: permission denied)"),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(FieldOf(ExplainRuntimeError(
                Log(R"(failed to find initial working directory \"/nowhere\": no such file or directory)"), "prog")),
            "working_directory");
}

TEST(OciErrorTest, PassesOnWhatItDoesNotKnow) {
  EXPECT_EQ(ExplainRuntimeError(Log("cgroup is full"), "prog"),
            absl::InternalError("the OCI runtime failed: cgroup is full"));
}

TEST(OciErrorTest, SaysSoWhereTheLogMakesNoSense) {
  for (const char* log : {"", "not json\n", "[1]\n", R"({"level":"error"})", R"({"level":"info","msg":"fine"})",
                          R"({"level":"error","msg":7})"}) {
    EXPECT_EQ(ExplainRuntimeError(log, "prog"), absl::InternalError("the OCI runtime failed without saying why"))
        << log;
  }
}

}  // namespace
}  // namespace sluice
