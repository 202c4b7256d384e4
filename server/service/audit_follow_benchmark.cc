// How long after it was written a follower sees an event: one follower of all
// sandboxes, while 100 of them are busy.
//
//   bazel run -c opt //server/service:audit_follow_benchmark

#include <grpcpp/grpcpp.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/util/time_util.h"
#include "netsvc/audit/log_writer.h"
#include "netsvc/audit/segment.h"
#include "server/access/fake_callers.h"
#include "server/service/audit_service.h"

namespace sluice {
namespace {

constexpr int kSandboxes = 100;
constexpr int kEventsASecond = 50;  // of each
constexpr absl::Duration kTime = absl::Seconds(10);

class Directory : public AuditDirectory {
 public:
  explicit Directory(std::vector<AuditLogInfo> logs) : logs_(std::move(logs)) {}
  std::vector<AuditLogInfo> Logs() const override { return logs_; }
  std::unique_ptr<Subscription> OnChange(std::function<void()>) override { return std::make_unique<Subscription>(); }

 private:
  const std::vector<AuditLogInfo> logs_;
};

v1::AuditEvent FlowOpened() {
  v1::AuditEvent event;
  v1::FlowEvent& flow = *event.mutable_flow();
  flow.set_phase(v1::FlowEvent::PHASE_OPENED);
  flow.mutable_remote()->set_address("93.184.216.34");
  flow.mutable_remote()->set_port(443);
  flow.add_domains("web.example.com");
  return event;
}

// Writes to all logs in turn, evenly, until `stop`.
void Write(const std::vector<AuditLogInfo>& logs, const std::atomic<bool>& stop) {
  std::vector<std::unique_ptr<audit::LogWriter>> writers;
  for (const AuditLogInfo& log : logs) {
    writers.push_back(*audit::LogWriter::Open(*audit::OpenLogDirectory(log.directory),
                                              {.sandbox_id = log.sandbox_id, .sandbox_uid = log.sandbox_uid},
                                              Clock::System()));
  }
  const absl::Duration step = absl::Seconds(1) / (kSandboxes * kEventsASecond);
  absl::Time next = absl::Now();
  for (size_t i = 0; !stop; ++i) {
    absl::SleepFor(next - absl::Now());
    next += step;
    v1::AuditEvent event = FlowOpened();
    writers[i % writers.size()]->Append(event);
    writers[i % writers.size()]->Flush().IgnoreError();
  }
}

std::vector<absl::Duration> Follow(v1::AuditService::Stub& stub) {
  v1::StreamAuditEventsRequest request;
  request.set_follow(true);
  grpc::ClientContext context;
  const auto stream = stub.StreamAuditEvents(&context, request);
  std::vector<absl::Duration> delays;
  v1::StreamAuditEventsResponse response;
  const absl::Time end = absl::Now() + kTime;
  while (absl::Now() < end && stream->Read(&response)) {
    const int64_t written = google::protobuf::util::TimeUtil::TimestampToNanoseconds(response.event().time());
    delays.push_back(absl::Now() - absl::FromUnixNanos(written));
  }
  context.TryCancel();
  stream->Finish();
  return delays;
}

void Run() {
  std::string root = "/tmp/sluice-follow-benchmark-XXXXXX";
  if (mkdtemp(root.data()) == nullptr) return;
  std::vector<AuditLogInfo> logs;
  for (int i = 0; i < kSandboxes; ++i) {
    const std::string id = absl::StrCat("box-", i);
    logs.push_back({.sandbox_id = id, .sandbox_uid = "uid-" + id, .directory = root + "/" + id, .labels = {}, .live = true});
    std::filesystem::create_directory(logs.back().directory);
  }
  {
    Directory directory(logs);
    const std::unique_ptr<AuditWatch> watch = *AuditWatch::Start(directory);
    AuditStreams streams;
    Executor readers(4);
    const FakeCallers callers;
    const std::unique_ptr<IoThread> io = *IoThread::Start();
    std::atomic<int> captures = 0;
    const auto no_capture = [](const auto&, const auto&, const auto& done) {
      done(absl::UnimplementedError("events alone"));
    };
    AuditServiceImpl service({directory, *watch, streams, readers, Clock::System()}, {no_capture, *io, captures}, callers);
    grpc::ServerBuilder builder;
    builder.RegisterService(&service);
    const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    const auto stub = v1::AuditService::NewStub(server->InProcessChannel({}));
    std::atomic<bool> stop = false;
    std::thread writer([&] { Write(logs, stop); });
    std::vector<absl::Duration> delays = Follow(*stub);
    stop = true;
    writer.join();
    server->Shutdown();
    std::sort(delays.begin(), delays.end());
    const auto at = [&delays](double part) {
      const auto index = static_cast<size_t>(part * static_cast<double>(delays.size() - 1));
      return delays.empty() ? 0.0 : absl::ToDoubleMilliseconds(delays[index]);
    };
    std::printf("%zu events of %d sandboxes: median %.1f ms, 99 %% %.1f ms, worst %.1f ms\n", delays.size(), kSandboxes,
                at(0.5), at(0.99), at(1));
  }
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace sluice

int main() { sluice::Run(); }
