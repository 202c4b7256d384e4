#include "server/guest/piped_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace sluice {
namespace {

struct Pipe {
  Pipe() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
    read_end = UniqueFd(fds[0]);
    write_end = UniqueFd(fds[1]);
  }
  UniqueFd read_end;
  UniqueFd write_end;
};

// A shell behind a PipedProcess.
class PipedProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<IoThread>> io = IoThread::Start();
    ASSERT_TRUE(io.ok()) << io.status();
    io_ = *std::move(io);
  }

  std::unique_ptr<PipedProcess> Start(const std::string& script) {
    Pipe in, out, err;
    const pid_t pid = fork();
    if (pid == 0) {
      setpgid(0, 0);
      dup2(in.read_end.get(), STDIN_FILENO);
      dup2(out.write_end.get(), STDOUT_FILENO);
      dup2(err.write_end.get(), STDERR_FILENO);
      execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
      _exit(127);
    }
    setpgid(pid, pid);
    pid_ = pid;
    return std::make_unique<PipedProcess>(
        *io_, PipedProcess::Options{.host_pid = pid,
                                    .guest_pid = 7,
                                    .pidfd = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
                                    .stdin_fd = std::move(in.write_end),
                                    .stdout_fd = std::move(out.read_end),
                                    .stderr_fd = std::move(err.read_end),
                                    .on_reaped = [this] { reaped_.set_value(); }});
  }

  static ProcessEvent Next(PipedProcess& process) {
    std::promise<ProcessEvent> next;
    process.Next([&next](ProcessEvent event) { next.set_value(std::move(event)); });
    return next.get_future().get();
  }

  static void Write(PipedProcess& process, std::string data) {
    std::promise<void> taken;
    process.WriteStdin(std::move(data), [&taken] { taken.set_value(); });
    taken.get_future().get();
  }

  struct Outcome {
    std::string out;
    std::string err;
    ProcessExit exit;
  };
  static Outcome Finish(PipedProcess& process) {
    Outcome outcome;
    while (true) {
      ProcessEvent event = Next(process);
      switch (event.kind) {
        case ProcessEvent::Kind::kStdout:
          outcome.out += event.data;
          break;
        case ProcessEvent::Kind::kStderr:
          outcome.err += event.data;
          break;
        case ProcessEvent::Kind::kExit:
          outcome.exit = event.exit;
          return outcome;
      }
    }
  }

  std::promise<void> reaped_;
  std::unique_ptr<IoThread> io_;
  pid_t pid_ = 0;
};

TEST_F(PipedProcessTest, TellsBothStreamsAndThenTheExit) {
  const auto process = Start("echo out; echo err >&2; exit 3");
  EXPECT_EQ(process->pid(), 7);
  const Outcome outcome = Finish(*process);
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
  EXPECT_EQ(outcome.exit, ProcessExit{.code = 3});
  reaped_.get_future().get();
}

TEST_F(PipedProcessTest, GivesItInputUntilThatIsClosed) {
  const auto process = Start("cat; echo end");
  Write(*process, "one ");
  Write(*process, "two ");
  process->CloseStdin();
  EXPECT_EQ(Finish(*process).out, "one two end\n");
}

TEST_F(PipedProcessTest, MovesMoreThanAPipeHolds) {
  const auto process = Start("cat");
  const std::string megabyte(1 << 20, 'x');
  std::promise<void> taken;
  process->WriteStdin(megabyte, [&] {
    process->CloseStdin();
    taken.set_value();
  });
  EXPECT_EQ(Finish(*process).out, megabyte);
  taken.get_future().get();
}

TEST_F(PipedProcessTest, InputThatNobodyReadsIsLostAsInAShell) {
  const auto process = Start("exec <&-; echo closed; read line </dev/zero || sleep 1000");
  EXPECT_EQ(Next(*process).data, "closed\n");
  Write(*process, std::string(1 << 20, 'x'));
  process->Signal(SIGKILL);
  EXPECT_EQ(Finish(*process).exit, ProcessExit{.signal = SIGKILL});
}

TEST_F(PipedProcessTest, SignalsReachTheWholeGroup) {
  const auto process = Start("sleep 1000 & echo $!; wait");
  pid_t child = 0;
  ASSERT_TRUE(sscanf(Next(*process).data.c_str(), "%d", &child) == 1);
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  process->Signal(SIGKILL);
  EXPECT_EQ(Finish(*process).exit, ProcessExit{.signal = SIGKILL});
  pollfd ended{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ended, 1, 10'000), 1);
}

TEST_F(PipedProcessTest, DestroyingItKillsTheProgram) {
  auto process = Start("sleep 1000");
  process = nullptr;
  reaped_.get_future().get();
  EXPECT_EQ(waitpid(pid_, nullptr, 0), -1) << "it was reaped";
}

TEST_F(PipedProcessTest, DoesNotWaitForChildrenThatKeepItsOutput) {
  const auto process = Start("sleep 1000 & echo $!");
  const Outcome outcome = Finish(*process);
  EXPECT_EQ(outcome.exit, ProcessExit{});
  pid_t child = 0;
  ASSERT_EQ(sscanf(outcome.out.c_str(), "%d", &child), 1);
  kill(child, SIGKILL);
}

}  // namespace
}  // namespace sluice
