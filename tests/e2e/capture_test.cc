// CapturePackets: a sandbox's frames with their verdicts, as tshark reads them.

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/link/read_pcapng.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

using grpc::StatusCode;
using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kEcho[] = "198.35.26.96";
constexpr char kWeb[] = "93.184.216.34";
constexpr size_t kBigFile = 10 << 20;  // tests/lab/README.md
constexpr char kInside[] = "10.1.2.3";
constexpr char kDenied[] = "verdict=DENY reason=DEFAULT rule=default";
constexpr size_t kMaxCaptures = 4;  // of one sandbox: netsvc/link/captures.h

// One CapturePackets call.
class Capture {
 public:
  Capture(SandboxClient& client, absl::string_view request) {
    SetTimeout(kCallTimeout, context_);
    stream_ = client.audit().CapturePackets(&context_, Proto<v1::CapturePacketsRequest>(request));
  }
  ~Capture() {
    context_.TryCancel();
    if (!finished_) End();
  }

  // Once it has begun, frames that come are in it.
  bool Begins() { return Read(); }
  bool Read() {
    v1::CapturePacketsResponse response;
    if (!stream_->Read(&response)) return false;
    for (link::PcapngBlock& block : link::ReadPcapng(response.pcapng())) {
      if (block.type == link::kFrameBlock) frames_.push_back(block);
      if (block.type == link::kStatisticsBlock) statistics_ = block;
    }
    return true;
  }
  grpc::Status End() {
    while (Read()) continue;
    finished_ = true;
    return stream_->Finish();
  }

  const std::vector<link::PcapngBlock>& frames() const { return frames_; }
  // The last that came.
  const link::PcapngBlock& statistics() const { return statistics_; }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::CapturePacketsResponse>> stream_;
  std::vector<link::PcapngBlock> frames_;
  link::PcapngBlock statistics_;
  bool finished_ = false;
};

class CaptureTest : public E2eTest {
 protected:
  static std::vector<std::string> CommentsOf(const Capture& capture) {
    std::vector<std::string> comments;
    for (const link::PcapngBlock& frame : capture.frames()) comments.push_back(frame.comment);
    return comments;
  }
};

TEST_F(CaptureTest, TsharkReadsEachFrameWithItsVerdict) {
  const std::string id = CreateOci("");
  const std::string pipe = absl::StrCat(
      Runfile("clients/cli/sluice"), " --server ", server().unix_address(), " capture ", id,
      " | tshark -l -n -r - -T fields -e ip.dst -e tcp.dstport -e tcp.flags.syn -e tcp.flags.reset -e frame.comment");
  auto tshark = lab::Process::Spawn({"bash", "-o", "pipefail", "-c", pipe}, {});
  ASSERT_TRUE(tshark.ok()) << tshark.status();
  // What is done before the capture has begun is not in it.
  std::vector<std::string> lines;
  const absl::Time deadline = absl::Now() + kEventTimeout;
  while (lines.empty() && absl::Now() < deadline) {
    EXPECT_EQ(Run(id, TcpConnect(kInside, 80)).out, "ECONNREFUSED\n");
    absl::StatusOr<std::string> line = (*tshark)->ReadLine(absl::Milliseconds(500));
    if (line.ok()) lines.push_back(*line);
  }
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ping\n");
  EXPECT_EQ(Run(id, DigStatus("1.1.1.1", "v4only.example.com")).out, "NOERROR\n");
  ASSERT_TRUE(client().Delete(id).ok());
  absl::StatusOr<std::string> line;
  while ((line = (*tshark)->ReadLine(kEventTimeout)).ok()) lines.push_back(*line);
  EXPECT_TRUE(absl::IsOutOfRange(line.status())) << line.status();
  const absl::StatusOr<int> code = (*tshark)->Wait(kEventTimeout);
  EXPECT_EQ(code.value_or(-1), 0) << "with the sandbox a capture ends in peace";

  EXPECT_THAT(lines, Contains(absl::StrCat(kInside, "\t80\t1\t0\t", kDenied))) << "the guest's SYN";
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("10.0.2.15\t"), HasSubstr("\t0\t1\tverdict=ALLOW reason=SLUICE"))))
      << "and the reset that answers it";
  EXPECT_THAT(lines, Contains(absl::StrCat(kEcho, "\t7\t1\t0\tverdict=ALLOW reason=PRESET rule=preset flow=1")));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("10.0.2.15\t"), HasSubstr("\t1\t0\tverdict=ALLOW reason=PRESET"))))
      << "the remote's SYN-ACK";
  EXPECT_THAT(lines, Contains(StartsWith("1.1.1.1\t\t\t\tverdict=HELD"))) << "a query that is asked upstream";
  for (const std::string& each : lines) {
    EXPECT_TRUE(absl::StrContains(each, "verdict=")) << each;
    if (absl::StartsWith(each, kInside)) {
      EXPECT_TRUE(absl::EndsWith(each, kDenied)) << each;
    }
  }
}

TEST_F(CaptureTest, ShowsDeniedFramesAloneAndTheirFirstBytes) {
  const std::string id = CreateOci("");
  Capture capture(client(), absl::StrCat("sandbox_id: '", id, "' denied_only: true snapshot_bytes: 34"));
  ASSERT_TRUE(capture.Begins());
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ping\n");
  EXPECT_EQ(Run(id, TcpConnect(kInside, 80)).out, "ECONNREFUSED\n");
  while (capture.frames().empty()) ASSERT_TRUE(capture.Read());
  // The same probe, once it is allowed.
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { id: 'in' action: ACTION_ALLOW peers { cidr: '10.1.2.3/32' } }");
  EXPECT_NE(Run(id, TcpConnect(kInside, 80)).out, "ECONNREFUSED\n");
  ASSERT_TRUE(client().Delete(id).ok());
  EXPECT_TRUE(capture.End().ok());
  // The guest's kernel may have told of its multicast groups (MLD), which is denied too.
  EXPECT_THAT(CommentsOf(capture), Each(AnyOf(kDenied, "verdict=DENY reason=UNSUPPORTED")));
  const auto is_probe = [](const link::PcapngBlock& frame) { return frame.comment == kDenied; };
  ASSERT_EQ(std::ranges::count_if(capture.frames(), is_probe), 1);
  const link::PcapngBlock& probe = *std::ranges::find_if(capture.frames(), is_probe);
  EXPECT_EQ(probe.kept.size(), 34u);
  EXPECT_GT(probe.size, 34u);
}

TEST_F(CaptureTest, RefusesWhatCannotBe) {
  const std::string id = CreateOci("");
  EXPECT_EQ(Capture(client(), "sandbox_id: 'nobody'").End().error_code(), StatusCode::NOT_FOUND);
  const grpc::Status unnamed = Capture(client(), "").End();
  EXPECT_EQ(unnamed.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(BadField(unnamed), "sandbox_id");

  const std::string request = absl::StrCat("sandbox_id: '", id, "'");
  std::vector<std::unique_ptr<Capture>> captures;
  for (size_t i = 0; i < kMaxCaptures; ++i) {
    captures.push_back(std::make_unique<Capture>(client(), request));
    ASSERT_TRUE(captures.back()->Begins());
  }
  EXPECT_EQ(Capture(client(), request).End().error_code(), StatusCode::RESOURCE_EXHAUSTED);
  captures.pop_back();  // the place is free once the worker has seen it go
  const absl::Time deadline = absl::Now() + kEventTimeout;
  bool begun = false;
  while (!begun && absl::Now() < deadline) begun = Capture(client(), request).Begins();
  EXPECT_TRUE(begun);
}

TEST_F(CaptureTest, AReaderThatStopsSlowsNobodyAndIsToldWhatItMissed) {
  const std::string id = CreateOci("");
  Capture capture(client(), absl::StrCat("sandbox_id: '", id, "'"));
  ASSERT_TRUE(capture.Begins());
  // More than gRPC and the socket hold, which nobody takes.
  const ExecResult all = Run(
      id, {"sh", "-c", absl::StrCat("for i in $(seq 8); do curl -sf http://", kWeb, "/big; done | wc -c")});
  EXPECT_EQ(all.out, absl::StrCat(8 * kBigFile, "\n"));
  // Read again, it goes on, until a frame comes that can be told from the others.
  std::atomic<bool> caught_up = false;
  std::thread reader([&] {
    for (size_t seen = 0; capture.Read(); seen = capture.frames().size()) {
      const auto denied = [](const link::PcapngBlock& frame) { return frame.comment == kDenied; };
      if (std::ranges::any_of(std::span(capture.frames()).subspan(seen), denied)) caught_up = true;
    }
  });
  const absl::Time deadline = absl::Now() + kEventTimeout;
  while (!caught_up && absl::Now() < deadline) EXPECT_EQ(Run(id, TcpConnect(kInside, 80)).out, "ECONNREFUSED\n");
  EXPECT_TRUE(caught_up);
  EXPECT_TRUE(client().Delete(id).ok());
  reader.join();
  EXPECT_TRUE(capture.End().ok());
  EXPECT_GT(capture.statistics().dropped, 0u);
  EXPECT_EQ(capture.statistics().received, capture.frames().size() + capture.statistics().dropped);
}

TEST_F(CaptureTest, EndsWithTheWorker) {
  const std::string id = CreateOci("");
  Capture capture(client(), absl::StrCat("sandbox_id: '", id, "'"));
  ASSERT_TRUE(capture.Begins());
  ASSERT_EQ(kill(WorkerOf(id), SIGKILL), 0);
  EXPECT_EQ(capture.End().error_code(), StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace sluice::e2e
