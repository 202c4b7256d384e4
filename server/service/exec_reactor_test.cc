// GuestService.Exec over gRPC, with a guest that runs nothing.

#include "server/service/exec_reactor.h"

#include <grpcpp/grpcpp.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "server/access/fake_callers.h"
#include "server/base/mutex.h"
#include "server/guest/guest.h"

namespace sluice {
namespace {

// What the program of the test does, and what was done to it.
struct Script {
  Mutex mutex;
  CondVar changed;
  absl::Status exec_status GUARDED_BY(mutex);
  ExecOptions options GUARDED_BY(mutex);
  std::deque<ProcessEvent> events GUARDED_BY(mutex);  // after the last: nothing, until it is killed
  std::string input GUARDED_BY(mutex);
  int input_closed GUARDED_BY(mutex) = 0;  // times
  std::vector<int> signals GUARDED_BY(mutex);
  std::vector<TerminalSize> sizes GUARDED_BY(mutex);
  bool destroyed GUARDED_BY(mutex) = false;
};

class FakeProcess : public GuestProcess {
 public:
  explicit FakeProcess(Script& script) : script_(script) {}
  ~FakeProcess() override {
    const MutexLock lock(script_.mutex);
    script_.destroyed = true;
    script_.changed.NotifyAll();
  }

  pid_t pid() const override { return 7; }
  void Next(std::function<void(ProcessEvent)> callback) override {
    ProcessEvent event;
    {
      const MutexLock lock(script_.mutex);
      if (script_.events.empty()) return;
      event = std::move(script_.events.front());
      script_.events.pop_front();
    }
    callback(std::move(event));
  }
  void WriteStdin(std::string data, std::function<void()> callback) override {
    {
      const MutexLock lock(script_.mutex);
      script_.input += data;
    }
    callback();
  }
  void CloseStdin() override {
    const MutexLock lock(script_.mutex);
    ++script_.input_closed;
    script_.changed.NotifyAll();
  }
  void Signal(int signal) override {
    const MutexLock lock(script_.mutex);
    script_.signals.push_back(signal);
    script_.changed.NotifyAll();
  }
  void Resize(TerminalSize size) override {
    const MutexLock lock(script_.mutex);
    script_.sizes.push_back(size);
    script_.changed.NotifyAll();
  }

 private:
  Script& script_;
};

class FakeGuest : public Guest {
 public:
  explicit FakeGuest(Script& script) : script_(script) {}

  void Leave() override {}
  absl::Status Resume(std::function<void(ProcessExit)>) override { return absl::OkStatus(); }
  absl::StatusOr<UniqueFd> AttachLink(const LinkConfig&) override { return absl::UnimplementedError(""); }
  absl::StatusOr<UniqueFd> LinkDescriptor() override { return absl::UnimplementedError(""); }
  absl::Status DetachLink() override { return absl::OkStatus(); }
  absl::Status Start(std::function<void(ProcessExit)>) override { return absl::OkStatus(); }
  absl::StatusOr<std::unique_ptr<GuestProcess>> Exec(const ExecOptions& options) override {
    const MutexLock lock(script_.mutex);
    script_.options = options;
    if (!script_.exec_status.ok()) return script_.exec_status;
    return std::make_unique<FakeProcess>(script_);
  }
  absl::Status Stop(absl::Time) override { return absl::OkStatus(); }

 private:
  Script& script_;
};

class ExecReactorTest : public testing::Test, public GuestLookup {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::ExecRequest, v1::ExecResponse>;

  void SetUp() override {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    stub_ = v1::GuestService::NewStub(server_->InProcessChannel({}));
  }

  absl::StatusOr<std::shared_ptr<Guest>> Find(const std::string& sandbox_id, const Caller& caller) override {
    if (sandbox_id == "web" && caller.IsAdmin()) return std::make_shared<FakeGuest>(script_);
    return absl::NotFoundError(absl::StrCat("there is no sandbox ", sandbox_id));
  }

  static v1::ExecRequest Start(const std::string& sandbox = "web") {
    v1::ExecRequest request;
    request.mutable_start()->set_sandbox_id(sandbox);
    request.mutable_start()->add_args("prog");
    return request;
  }
  static v1::ExecRequest Input(const std::string& data) {
    v1::ExecRequest request;
    request.set_stdin(data);
    return request;
  }
  void Do(ProcessEvent::Kind kind, const std::string& data, ProcessExit exit = {}) {
    const MutexLock lock(script_.mutex);
    script_.events.push_back({.kind = kind, .data = data, .exit = exit});
  }

  struct Outcome {
    std::string told;  // "started 7|out x|err y|exit 3/0"
    grpc::Status status;
    std::string field;
    std::string missing;  // "sandbox web"
  };
  static Outcome Finish(Stream& stream) {
    Outcome outcome;
    v1::ExecResponse response;
    while (stream.Read(&response)) {
      if (!outcome.told.empty()) outcome.told += "|";
      if (response.has_started()) absl::StrAppend(&outcome.told, "started ", response.started().pid());
      if (response.has_stdout()) absl::StrAppend(&outcome.told, "out ", response.stdout());
      if (response.has_stderr()) absl::StrAppend(&outcome.told, "err ", response.stderr());
      if (response.has_exit()) {
        absl::StrAppend(&outcome.told, "exit ", response.exit().code(), "/", response.exit().signal());
      }
    }
    outcome.status = stream.Finish();
    google::rpc::Status details;
    google::rpc::BadRequest bad;
    google::rpc::ResourceInfo info;
    if (details.ParseFromString(outcome.status.error_details()) && details.details_size() == 1) {
      if (details.details(0).UnpackTo(&bad)) outcome.field = bad.field_violations(0).field();
      if (details.details(0).UnpackTo(&info)) outcome.missing = info.resource_type() + " " + info.resource_name();
    }
    return outcome;
  }
  // Sends these, and nothing more.
  Outcome Call(const std::vector<v1::ExecRequest>& requests) {
    grpc::ClientContext context;
    const auto stream = stub_->Exec(&context);
    for (const v1::ExecRequest& request : requests) stream->Write(request);
    stream->WritesDone();
    return Finish(*stream);
  }

  Script script_;
  bool has_room_ = true;
  FakeCallers callers_;
  GuestServiceImpl service_{*this, callers_, [this](std::function<void()> work) {
                              if (has_room_) work();
                              return has_room_;
                            }};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::GuestService::Stub> stub_;
};

TEST_F(ExecReactorTest, TellsTheStartThenTheOutputThenTheExit) {
  Do(ProcessEvent::Kind::kStdout, "one");
  Do(ProcessEvent::Kind::kStderr, "two");
  Do(ProcessEvent::Kind::kExit, "", {.code = 3});
  v1::ExecRequest start = Start();
  (*start.mutable_start()->mutable_env())["A"] = "b";
  start.mutable_start()->set_user("1:2");
  start.mutable_start()->set_working_directory("/srv");
  const Outcome outcome = Call({start});
  EXPECT_EQ(outcome.told, "started 7|out one|err two|exit 3/0");
  EXPECT_TRUE(outcome.status.ok());
  const MutexLock lock(script_.mutex);
  EXPECT_EQ(script_.options.args, std::vector<std::string>{"prog"});
  EXPECT_EQ(script_.options.env, (std::map<std::string, std::string>{{"A", "b"}}));
  EXPECT_EQ(script_.options.user, "1:2");
  EXPECT_EQ(script_.options.working_directory, "/srv");
}

TEST_F(ExecReactorTest, PassesOnInputAndItsEnd) {
  grpc::ClientContext context;
  const auto stream = stub_->Exec(&context);
  stream->Write(Start());
  stream->Write(Input("one "));
  stream->Write(Input("two"));
  stream->WritesDone();
  {
    const MutexLock lock(script_.mutex);
    while (script_.input_closed == 0) script_.changed.Wait(script_.mutex);
    EXPECT_EQ(script_.input, "one two");
  }
  context.TryCancel();
  Finish(*stream);
}

TEST_F(ExecReactorTest, PassesOnSignalsAndNothingElse) {
  grpc::ClientContext context;
  const auto stream = stub_->Exec(&context);
  stream->Write(Start());
  v1::ExecRequest request;
  request.set_signal(15);
  stream->Write(request);
  {
    const MutexLock lock(script_.mutex);
    while (script_.signals.empty()) script_.changed.Wait(script_.mutex);
  }
  request.set_signal(65);
  stream->Write(request);
  EXPECT_EQ(Finish(*stream).field, "signal");
  const MutexLock lock(script_.mutex);
  EXPECT_EQ(script_.signals, std::vector<int>{15});
}

v1::ExecRequest Resize(uint32_t columns, uint32_t rows) {
  v1::ExecRequest request;
  request.mutable_resize()->set_columns(columns);
  request.mutable_resize()->set_rows(rows);
  return request;
}

TEST_F(ExecReactorTest, GivesATerminalOfTheSizeThatWasAskedFor) {
  v1::ExecRequest start = Start();
  *start.mutable_start()->mutable_terminal() = Resize(120, 40).resize();
  grpc::ClientContext context;
  const auto stream = stub_->Exec(&context);
  stream->Write(start);
  stream->Write(Resize(100, 0));  // as many rows as before
  {
    const MutexLock lock(script_.mutex);
    while (script_.sizes.empty()) script_.changed.Wait(script_.mutex);
    EXPECT_EQ(script_.options.terminal, (TerminalSize{.columns = 120, .rows = 40}));
    EXPECT_EQ(script_.sizes, (std::vector<TerminalSize>{{.columns = 100, .rows = 40}}));
  }
  stream->Write(Resize(65536, 1));
  EXPECT_EQ(Finish(*stream).field, "resize.columns");
}

TEST_F(ExecReactorTest, GivesATerminalOnlyWhereOneWasAskedFor) {
  Do(ProcessEvent::Kind::kExit, "");
  Call({Start()});
  const MutexLock lock(script_.mutex);
  EXPECT_FALSE(script_.options.terminal.has_value());
}

TEST_F(ExecReactorTest, TerminalsHave80ColumnsAnd24RowsAndLimits) {
  Do(ProcessEvent::Kind::kExit, "");
  v1::ExecRequest start = Start();
  start.mutable_start()->mutable_terminal();
  EXPECT_TRUE(Call({start}).status.ok());
  {
    const MutexLock lock(script_.mutex);
    EXPECT_EQ(script_.options.terminal, (TerminalSize{.columns = 80, .rows = 24}));
  }
  start.mutable_start()->mutable_terminal()->set_rows(65536);
  EXPECT_EQ(Call({start}).field, "start.terminal.rows");
}

TEST_F(ExecReactorTest, ResizesNothingWithoutATerminal) {
  EXPECT_EQ(Call({Start(), Resize(80, 24)}).status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(ExecReactorTest, TellsTheEndOfTheInputOnce) {
  v1::ExecRequest closed;
  closed.set_stdin_closed(true);
  v1::ExecRequest signal;
  signal.set_signal(1);
  grpc::ClientContext context;
  const auto stream = stub_->Exec(&context);
  for (const v1::ExecRequest& request : {Start(), closed, closed, signal}) stream->Write(request);
  {
    const MutexLock lock(script_.mutex);
    while (script_.signals.empty()) script_.changed.Wait(script_.mutex);
    EXPECT_EQ(script_.input_closed, 1);
  }
  context.TryCancel();
  Finish(*stream);
}

TEST_F(ExecReactorTest, KillsTheProgramOfACallerThatGoes) {
  {
    grpc::ClientContext context;
    const auto stream = stub_->Exec(&context);
    stream->Write(Start());
    v1::ExecResponse started;
    ASSERT_TRUE(stream->Read(&started));
    context.TryCancel();
    Finish(*stream);
  }
  const MutexLock lock(script_.mutex);
  while (!script_.destroyed) script_.changed.Wait(script_.mutex);
}

TEST_F(ExecReactorTest, NamesWhatIsWrongWithTheStart) {
  v1::ExecRequest request;
  EXPECT_EQ(Call({Input("early")}).field, "start");
  request.mutable_start();
  EXPECT_EQ(Call({request}).field, "start.sandbox_id");
  request.mutable_start()->set_sandbox_id("web");
  EXPECT_EQ(Call({request}).field, "start.args");
  EXPECT_EQ(Call({}).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  {
    const MutexLock lock(script_.mutex);
    script_.exec_status = FieldError("working_directory", "is not a directory");
  }
  EXPECT_EQ(Call({Start()}).field, "start.working_directory");
}

TEST_F(ExecReactorTest, StartsOnce) {
  grpc::ClientContext context;
  const auto stream = stub_->Exec(&context);
  stream->Write(Start());
  stream->Write(Start());
  EXPECT_EQ(Finish(*stream).field, "start");
}

TEST_F(ExecReactorTest, SaysWhetherTheSandboxOrTheProgramIsMissing) {
  const Outcome no_sandbox = Call({Start("nobody")});
  EXPECT_EQ(no_sandbox.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(no_sandbox.status.error_message(), "there is no sandbox nobody");
  EXPECT_EQ(no_sandbox.missing, "sandbox nobody");
  {
    const MutexLock lock(script_.mutex);
    script_.exec_status = absl::NotFoundError("there is no program prog in the guest");
  }
  const Outcome no_program = Call({Start()});
  EXPECT_EQ(no_program.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(no_program.status.error_message(), "there is no program prog in the guest");
  EXPECT_EQ(no_program.missing, "program prog");
}

TEST_F(ExecReactorTest, SaysThatItHasNoRoom) {
  has_room_ = false;
  EXPECT_EQ(Call({Start()}).status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace sluice
