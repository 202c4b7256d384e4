// A guest's files through the API, and what a hostile guest makes of them.

#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"

namespace sluice::e2e {
namespace {

using testing::Contains;
using testing::Not;

class FilesTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    id_ = CreateOci("preset: PRESET_NONE");
  }

  absl::StatusOr<std::string> Read(const std::string& path) {
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    v1::ReadFileRequest request;
    request.set_sandbox_id(id_);
    request.set_path(path);
    const auto stream = client().guests().ReadFile(&context, request);
    std::string data;
    v1::ReadFileResponse response;
    while (stream->Read(&response)) data += response.data();
    if (grpc::Status status = stream->Finish(); !status.ok()) return ToAbsl(status);
    return data;
  }

  // A write that is under way.
  struct Writing {
    grpc::ClientContext context;
    v1::WriteFileResponse response;
    std::unique_ptr<grpc::ClientWriter<v1::WriteFileRequest>> stream;
  };
  std::unique_ptr<Writing> StartWrite(const std::string& path, uint32_t mode = 0) {
    auto writing = std::make_unique<Writing>();
    SetTimeout(kCallTimeout, writing->context);
    writing->stream = client().guests().WriteFile(&writing->context, &writing->response);
    v1::WriteFileRequest request;
    request.mutable_open()->set_sandbox_id(id_);
    request.mutable_open()->set_path(path);
    request.mutable_open()->set_mode(mode);
    writing->stream->Write(request);
    return writing;
  }
  static void Send(Writing& writing, const std::string& data) {
    v1::WriteFileRequest request;
    request.set_data(data);
    writing.stream->Write(request);
  }
  absl::Status Write(const std::string& path, const std::vector<std::string>& chunks, uint32_t mode = 0) {
    const auto writing = StartWrite(path, mode);
    for (const std::string& chunk : chunks) Send(*writing, chunk);
    writing->stream->WritesDone();
    return ToAbsl(writing->stream->Finish());
  }
  std::vector<std::string> List(const std::string& path) {
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    v1::ListDirectoryRequest request;
    request.set_sandbox_id(id_);
    request.set_path(path);
    v1::ListDirectoryResponse response;
    const grpc::Status status = client().guests().ListDirectory(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> paths;
    for (const v1::FileInfo& entry : response.entries()) paths.push_back(entry.path());
    return paths;
  }
  std::string Inside(const std::string& script) { return Run(id_, {"/bin/sh", "-c", script}).out; }

  std::string id_;
};

TEST_F(FilesTest, WhatIsWrittenIsInTheGuestAndBack) {
  const std::vector<std::string> chunks(20, std::string(512 * 1024, 'x'));
  ASSERT_TRUE(Write("/tmp/big", chunks, 0751).ok());
  EXPECT_EQ(Inside("stat -c '%s %a %u' /tmp/big"), "10485760 751 65534\n");
  const auto data = Read("/tmp/big");
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_TRUE(*data == std::string(10485760, 'x')) << data->size() << " bytes";
}

TEST_F(FilesTest, NothingIsLeftOfAWriteThatIsCancelled) {
  const auto writing = StartWrite("/tmp/half");
  Send(*writing, "half");
  while (List("/tmp").empty()) {
  }
  writing->context.TryCancel();
  EXPECT_EQ(writing->stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  while (!List("/tmp").empty()) EXPECT_THAT(List("/tmp"), Not(Contains("/tmp/half")));
  EXPECT_EQ(Inside("ls -A /tmp"), "");
}

TEST_F(FilesTest, NoPathLeavesTheGuest) {
  // On the host, where the guest's own /tmp is another one.
  std::string marker = "/tmp/sluice-markerXXXXXX";
  const int fd = mkstemp(marker.data());
  ASSERT_GE(fd, 0);
  close(fd);
  Inside(absl::StrCat("echo guest >", marker, "; ln -s ../../../../..", marker, " /tmp/up; ln -s ", marker,
                      " /tmp/absolute; ln -s /proc/self/root", marker, " /tmp/magic; ln -s /proc/1/root /tmp/root"));
  for (const std::string& path : {marker, absl::StrCat("/../..", marker), std::string("/tmp/up"),
                                  std::string("/tmp/absolute")}) {
    EXPECT_EQ(Read(path).value_or("none"), "guest\n") << path;
  }
  for (const std::string& path : {absl::StrCat("/proc/1/root", marker), absl::StrCat("/tmp/root", marker),
                                  std::string("/proc/sys/kernel/hostname"), std::string("/tmp/magic")}) {
    EXPECT_FALSE(Read(path).ok()) << path;
    EXPECT_EQ(Run(id_, {"/bin/cat", "/proc/sys/kernel/hostname"}).out, absl::StrCat(id_, "\n"));
  }
  EXPECT_EQ(Inside("cat /tmp/magic"), "guest\n");
  EXPECT_TRUE(Write(marker, {"written"}).ok());
  EXPECT_EQ(RunOnHost({"cat", marker}).out, "");
  EXPECT_EQ(unlink(marker.c_str()), 0);
}

TEST_F(FilesTest, TellsWhatIsWrong) {
  EXPECT_TRUE(absl::IsNotFound(Read("/tmp/none").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Read("relative").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Read("/dev/null").status()));
  EXPECT_TRUE(absl::IsPermissionDenied(Write("/etc/file", {"x"})));
  EXPECT_TRUE(client().Delete(id_).ok());
  EXPECT_TRUE(absl::IsNotFound(Read("/etc/passwd").status()));
}

}  // namespace
}  // namespace sluice::e2e
