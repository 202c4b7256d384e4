#include "server/service/audit_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "netsvc/audit/test_log.h"
#include "netsvc/link/pcapng.h"
#include "netsvc/link/read_pcapng.h"
#include "server/access/fake_callers.h"

namespace sluice {
namespace {

using Response = v1::StreamAuditEventsResponse;

class FakeDirectory : public AuditDirectory {
 public:
  std::vector<AuditLogInfo> Logs() const override {
    const MutexLock lock(mutex_);
    return logs_;
  }
  std::unique_ptr<Subscription> OnChange(std::function<void()> changed) override {
    const MutexLock lock(mutex_);
    changed_ = std::move(changed);
    return std::make_unique<Subscription>();
  }
  void Set(std::vector<AuditLogInfo> logs) {
    const MutexLock lock(mutex_);
    logs_ = std::move(logs);
    if (changed_) changed_();
  }

 private:
  mutable Mutex mutex_;
  std::vector<AuditLogInfo> logs_ GUARDED_BY(mutex_);
  std::function<void()> changed_ GUARDED_BY(mutex_);
};

// Moved by tests, read by the server's threads.
class SharedClock : public Clock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch() + Monotonic(); }
  absl::Duration Monotonic() const override {
    const MutexLock lock(mutex_);
    return now_;
  }
  void Advance(absl::Duration by) {
    const MutexLock lock(mutex_);
    now_ += by;
  }

 private:
  mutable Mutex mutex_;
  absl::Duration now_ GUARDED_BY(mutex_) = absl::Hours(1);
};

// The service in a server of its own, over logs that the test writes.
class AuditServiceTest : public testing::Test {
 protected:
  AuditServiceTest() {
    watch_ = *AuditWatch::Start(directory_);
    service_ = std::make_unique<AuditServiceImpl>(
        AuditReactor::Parts{directory_, *watch_, streams_, readers_, clock_},
        CaptureReactor::Parts{[this](const auto&, const auto&, const auto& done) { done(StartCapture()); }, *io_,
                              captures_open_},
        callers_);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::AuditService::NewStub(server_->InProcessChannel({}));
  }
  ~AuditServiceTest() override { server_->Shutdown(); }

  audit::TestLog& Add(const std::string& id) {
    auto& log = boxes_[id];
    log = std::make_unique<audit::TestLog>();
    log->options().sandbox_id = id;
    log->options().sandbox_uid = "uid-" + id;
    log->Reopen();
    infos_.push_back({.sandbox_id = id, .sandbox_uid = "uid-" + id, .directory = log->path(), .labels = {}, .live = true});
    directory_.Set(infos_);
    return *log;
  }

  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<Response>> reader;

    // The next event as "id:sequence"; a heartbeat as "heartbeat".
    std::string Read() {
      Response response;
      if (!reader->Read(&response)) return "end";
      if (response.has_heartbeat()) return "heartbeat";
      return absl::StrCat(response.event().sandbox_id(), ":", response.event().sequence());
    }
  };
  std::unique_ptr<Call> Stream(const v1::StreamAuditEventsRequest& request) {
    auto call = std::make_unique<Call>();
    call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    call->reader = stub_->StreamAuditEvents(&call->context, request);
    return call;
  }
  std::unique_ptr<Call> Follow() {
    v1::StreamAuditEventsRequest request;
    request.set_follow(true);
    return Stream(request);
  }

  absl::StatusOr<UniqueFd> StartCapture() {
    if (!capture_.reader.valid()) return absl::NotFoundError("there is no sandbox");
    return std::move(capture_.reader);
  }
  void WriteCapture(absl::string_view message) {
    ASSERT_EQ(send(capture_.writer.get(), message.data(), message.size(), 0), static_cast<ssize_t>(message.size()));
  }
  static std::string Statistics() {
    std::string blocks;
    link::AppendStatistics({.time = absl::UnixEpoch()}, blocks);
    return blocks;
  }
  std::unique_ptr<grpc::ClientReader<v1::CapturePacketsResponse>> Capture(grpc::ClientContext& context) {
    v1::CapturePacketsRequest request;
    request.set_sandbox_id("a");
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    return stub_->CapturePackets(&context, request);
  }

  FakeDirectory directory_;
  SharedClock clock_;
  link::CaptureSocket capture_;
  std::unique_ptr<IoThread> io_ = *IoThread::Start();
  std::atomic<int> captures_open_ = 0;
  std::unique_ptr<AuditWatch> watch_;
  AuditStreams streams_;
  FakeCallers callers_;
  Executor readers_{2};
  std::unique_ptr<AuditServiceImpl> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::AuditService::Stub> stub_;
  std::map<std::string, std::unique_ptr<audit::TestLog>> boxes_;
  std::vector<AuditLogInfo> infos_;
};

TEST_F(AuditServiceTest, FollowerSeesHistoryThenWhatComesAndNewLogs) {
  Add("a").Write("x");
  const auto call = Follow();
  EXPECT_EQ(call->Read(), "a:1");
  boxes_["a"]->Write("x");
  EXPECT_EQ(call->Read(), "a:2");
  Add("b").Write("x");
  EXPECT_EQ(call->Read(), "b:1");
  boxes_["a"]->Write("x");
  EXPECT_EQ(call->Read(), "a:3");
}

TEST_F(AuditServiceTest, ReaderThatDoesNotReadLosesNothing) {
  audit::TestLog& log = Add("a");
  const auto call = Follow();
  for (int i = 0; i < 5000; ++i) log.Write("a text that fills gRPC's windows, and more than them");
  for (int i = 1; i <= 5000; ++i) ASSERT_EQ(call->Read(), absl::StrCat("a:", i));
}

TEST_F(AuditServiceTest, QuietStreamSaysThatItIsAlive) {
  Add("a").Write("x");
  const auto call = Follow();
  EXPECT_EQ(call->Read(), "a:1");
  clock_.Advance(AuditReactor::kHeartbeat);
  EXPECT_EQ(call->Read(), "heartbeat");
  boxes_["a"]->Write("x");
  EXPECT_EQ(call->Read(), "a:2");
}

TEST_F(AuditServiceTest, FollowerOfADeletedSandboxEnds) {
  Add("a").Write("x");
  v1::StreamAuditEventsRequest request;
  request.set_follow(true);
  request.add_sandbox_ids("a");
  const auto call = Stream(request);
  EXPECT_EQ(call->Read(), "a:1");
  boxes_["a"]->Write("x");
  infos_[0].live = false;
  directory_.Set(infos_);
  EXPECT_EQ(call->Read(), "a:2");
  EXPECT_EQ(call->Read(), "end");
  EXPECT_TRUE(call->reader->Finish().ok());
}

TEST_F(AuditServiceTest, StreamEndsWhenItsUntilHasPassed) {
  Add("a");
  v1::StreamAuditEventsRequest request;
  request.set_follow(true);
  request.mutable_until()->set_seconds(absl::ToUnixSeconds(clock_.Now()) + 5);
  const auto call = Stream(request);
  clock_.Advance(absl::Seconds(6));
  EXPECT_EQ(call->Read(), "end");
  EXPECT_TRUE(call->reader->Finish().ok());
}

TEST_F(AuditServiceTest, StopEndsOpenStreamsAtOnceAndRefusesNewOnes) {
  Add("a").Write("x");
  const auto call = Follow();
  EXPECT_EQ(call->Read(), "a:1");
  streams_.EndAll(absl::UnavailableError("the server is stopping"));
  EXPECT_EQ(call->Read(), "end");
  EXPECT_EQ(call->reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  const auto late = Follow();
  EXPECT_EQ(late->Read(), "end");
  EXPECT_EQ(late->reader->Finish().error_message(), "the server is stopping");
}

TEST_F(AuditServiceTest, ThousandStreamsAtOnceSeeEveryEvent) {
  audit::TestLog& log = Add("a");
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < 1000; ++i) calls.push_back(Follow());
  log.Write("x");
  for (const auto& call : calls) ASSERT_EQ(call->Read(), "a:1");
  EXPECT_EQ(streams_.Summarize().open, 1000u);
  log.Write("x");
  for (const auto& call : calls) ASSERT_EQ(call->Read(), "a:2");
  streams_.EndAll(absl::UnavailableError("the server is stopping"));
  for (const auto& call : calls) ASSERT_EQ(call->Read(), "end");
}

TEST_F(AuditServiceTest, LagIsTheAgeOfWhatWaits) {
  audit::TestLog& log = Add("a");
  const auto call = Follow();
  log.Write("x");
  EXPECT_EQ(call->Read(), "a:1");
  clock_.Advance(AuditReactor::kHeartbeat);
  EXPECT_EQ(call->Read(), "heartbeat");  // everything was read by then
  EXPECT_EQ(streams_.Summarize().max_lag, absl::ZeroDuration());
}

TEST_F(AuditServiceTest, CapturePassesOnWhatTheWorkerWritesUntilItIsDone) {
  grpc::ClientContext context;
  const auto stream = Capture(context);
  WriteCapture("one");
  v1::CapturePacketsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.pcapng(), "one");
  WriteCapture(Statistics());
  capture_.writer.reset();
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.pcapng(), Statistics());
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(AuditServiceTest, CaptureOfAWorkerThatDiesIsNotComplete) {
  grpc::ClientContext context;
  const auto stream = Capture(context);
  WriteCapture("one");
  capture_.writer.reset();
  v1::CapturePacketsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(AuditServiceTest, CaptureThatItsCallerLeavesLetsGoOfTheSocket) {
  grpc::ClientContext context;
  const auto stream = Capture(context);
  WriteCapture("one");
  v1::CapturePacketsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  char end;
  EXPECT_EQ(recv(capture_.writer.get(), &end, sizeof(end), 0), 0) << "waits for the reader's end";
}

TEST_F(AuditServiceTest, CapturesHaveABoundAndAreRefusedWithTheManagersWords) {
  capture_.reader.reset();
  {
    grpc::ClientContext context;
    EXPECT_EQ(Capture(context)->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
  }
  captures_open_ += CaptureReactor::kMaxCaptures;
  grpc::ClientContext context;
  EXPECT_EQ(Capture(context)->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace sluice
