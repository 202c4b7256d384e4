// Programs in a guest without a network.

#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "tests/e2e/e2e_test.h"

namespace sluice::e2e {
namespace {

constexpr int kMebibyte = 1 << 20;

class ExecTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    id_ = CreateOci("preset: PRESET_NONE");
  }
  std::string id_;
};

// In KiB; the most that the server ever had in memory.
int64_t PeakMemory(pid_t pid) {
  constexpr size_t kMaxStatus = 64 * 1024;
  const absl::StatusOr<std::string> status = ReadFile(absl::StrCat("/proc/", pid, "/status"), kMaxStatus);
  EXPECT_TRUE(status.ok()) << status.status();
  for (const absl::string_view line : absl::StrSplit(status.value_or(""), '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, absl::ByAnyChar("\t "), absl::SkipEmpty());
    int64_t peak;
    if (words.size() == 3 && words[0] == "VmHWM:" && absl::SimpleAtoi(words[1], &peak)) return peak;
  }
  ADD_FAILURE() << "no VmHWM";
  return -1;
}

TEST_F(ExecTest, MuchInputAndOutputTakesNoMemory) {
  // 64 MiB out, and what is not read stays with the program.
  const int64_t before = PeakMemory(server().pid());
  const ExecResult out = Run(id_, {"/usr/bin/head", "-c", "64M", "/dev/zero"});
  EXPECT_EQ(out.out.size(), size_t{64} * kMebibyte);
  GuestExec in(client(), id_, {"/usr/bin/wc", "-c"});
  for (int i = 0; i < 64; ++i) in.Write(std::string(kMebibyte, 'x'));
  in.CloseInput();
  EXPECT_EQ(in.ReadLine().value_or(""), absl::StrCat(64 * kMebibyte));
  EXPECT_TRUE(in.Wait().ok());
  EXPECT_LT(PeakMemory(server().pid()) - before, 32 * 1024);
}

TEST_F(ExecTest, TenAtOnce) {
  std::vector<std::unique_ptr<GuestExec>> programs;
  for (int i = 0; i < 10; ++i) {
    programs.push_back(std::make_unique<GuestExec>(client(), id_, std::vector<std::string>{"/bin/cat"}));
  }
  for (size_t i = 0; i < programs.size(); ++i) programs[i]->Write(absl::StrCat("line ", i, "\n"));
  for (size_t i = 0; i < programs.size(); ++i) {
    EXPECT_EQ(programs[i]->ReadLine().value_or(""), absl::StrCat("line ", i));
    programs[i]->CloseInput();
    const auto result = programs[i]->Wait();
    EXPECT_TRUE(result.ok() && result->code == 0) << result.status();
  }
}

TEST_F(ExecTest, SignalsReachTheProgram) {
  grpc::ClientContext context;
  SetTimeout(kCallTimeout, context);
  const auto stream = client().guests().Exec(&context);
  v1::ExecRequest request;
  request.mutable_start()->set_sandbox_id(id_);
  for (const char* arg : {"/bin/sh", "-c", "trap 'echo caught; exit 7' TERM; echo ready; sleep 60"}) {
    request.mutable_start()->add_args(arg);
  }
  stream->Write(request);
  v1::ExecResponse response;
  std::string out;
  while (out != "ready\n" && stream->Read(&response)) out += response.stdout();
  request.set_signal(SIGTERM);
  stream->Write(request);
  while (stream->Read(&response)) out += response.stdout();
  EXPECT_EQ(out, "ready\ncaught\n");
  EXPECT_EQ(response.exit().code(), 7);
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(ExecTest, CancellingKillsTheGroup) {
  {
    GuestExec program(client(), id_, {"/bin/sh", "-c", "sleep 4321 & echo ready; wait"});
    ASSERT_EQ(program.ReadLine().value_or(""), "ready");
    EXPECT_EQ(Run(id_, {"/usr/bin/pgrep", "-f", "sleep 4321"}).code, 0);
  }
  // Until the server has heard of it.
  while (Run(id_, {"/usr/bin/pgrep", "-x", "sleep"}).code == 0) {
  }
}

}  // namespace
}  // namespace sluice::e2e
