#include "server/guest/local_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
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

// A shell behind a LocalProcess.
class LocalProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<IoThread>> io = IoThread::Start();
    ASSERT_TRUE(io.ok()) << io.status();
    io_ = *std::move(io);
  }

  // In process group `group`, or one of its own.
  std::unique_ptr<LocalProcess> Start(const std::string& script, pid_t group = 0) {
    Pipe in, out, err;
    const pid_t pid = fork();
    if (pid == 0) {
      setpgid(0, group);
      dup2(in.read_end.get(), STDIN_FILENO);
      dup2(out.write_end.get(), STDOUT_FILENO);
      dup2(err.write_end.get(), STDERR_FILENO);
      execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
      _exit(127);
    }
    setpgid(pid, group);
    pid_ = pid;
    return std::make_unique<LocalProcess>(
        *io_, LocalProcess::Options{.host_pid = pid,
                                    .guest_pid = 7,
                                    .pidfd = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
                                    .stdin_fd = std::move(in.write_end),
                                    .stdout_fd = std::move(out.read_end),
                                    .stderr_fd = std::move(err.read_end),
                                    .has_terminal = false,
                                    .on_reaped = [this] { reaped_.set_value(); }});
  }

  // The same, at a terminal of its own.
  std::unique_ptr<LocalProcess> StartAtTerminal(const std::string& script) {
    UniqueFd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    EXPECT_EQ(grantpt(master.get()), 0);
    EXPECT_EQ(unlockpt(master.get()), 0);
    char name[64];
    EXPECT_EQ(ptsname_r(master.get(), name, sizeof(name)), 0);
    const UniqueFd slave(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    const pid_t pid = fork();
    if (pid == 0) {
      setsid();
      // A shell cannot trap what it was told to ignore, as Bazel may have been.
      for (const int signal : {SIGHUP, SIGINT}) ::signal(signal, SIG_DFL);
      ioctl(slave.get(), TIOCSCTTY, 0);
      for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(slave.get(), fd);
      execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
      _exit(127);
    }
    pid_ = pid;
    UniqueFd copy(fcntl(master.get(), F_DUPFD_CLOEXEC, 0));
    return std::make_unique<LocalProcess>(
        *io_, LocalProcess::Options{.host_pid = pid,
                                    .guest_pid = 7,
                                    .pidfd = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
                                    .stdin_fd = std::move(master),
                                    .stdout_fd = std::move(copy),
                                    .stderr_fd = UniqueFd(),
                                    .has_terminal = true,
                                    .on_reaped = [this] { reaped_.set_value(); }});
  }

  // Reads until `wanted` has come.
  static std::string ReadTo(LocalProcess& process, const std::string& wanted) {
    std::string text;
    while (text.find(wanted) == std::string::npos) {
      const ProcessEvent event = Next(process);
      if (event.kind == ProcessEvent::Kind::kExit) return text + "<exit>";
      text += event.data;
    }
    return text;
  }

  static ProcessEvent Next(LocalProcess& process) {
    std::promise<ProcessEvent> next;
    process.Next([&next](ProcessEvent event) { next.set_value(std::move(event)); });
    return next.get_future().get();
  }

  static void Write(LocalProcess& process, std::string data) {
    std::promise<void> taken;
    process.WriteStdin(std::move(data), [&taken] { taken.set_value(); });
    taken.get_future().get();
  }

  struct Outcome {
    std::string out;
    std::string err;
    ProcessExit exit;
  };
  static Outcome Finish(LocalProcess& process) {
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

TEST_F(LocalProcessTest, TellsBothStreamsAndThenTheExit) {
  const auto process = Start("echo out; echo err >&2; exit 3");
  EXPECT_EQ(process->pid(), 7);
  const Outcome outcome = Finish(*process);
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
  EXPECT_EQ(outcome.exit, ProcessExit{.code = 3});
  reaped_.get_future().get();
}

TEST_F(LocalProcessTest, GivesItInputUntilThatIsClosed) {
  const auto process = Start("cat; echo end");
  Write(*process, "one ");
  Write(*process, "two ");
  process->CloseStdin();
  EXPECT_EQ(Finish(*process).out, "one two end\n");
}

TEST_F(LocalProcessTest, MovesMoreThanAPipeHolds) {
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

TEST_F(LocalProcessTest, InputThatNobodyReadsIsLostAsInAShell) {
  const auto process = Start("exec <&-; echo closed; read line </dev/zero || sleep 1000");
  EXPECT_EQ(Next(*process).data, "closed\n");
  Write(*process, std::string(1 << 20, 'x'));
  process->Signal(SIGKILL);
  EXPECT_EQ(Finish(*process).exit, ProcessExit{.signal = SIGKILL});
}

TEST_F(LocalProcessTest, SignalsReachTheWholeGroup) {
  const auto process = Start("sleep 1000 & echo $!; wait");
  pid_t child = 0;
  ASSERT_TRUE(sscanf(Next(*process).data.c_str(), "%d", &child) == 1);
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  process->Signal(SIGKILL);
  EXPECT_EQ(Finish(*process).exit, ProcessExit{.signal = SIGKILL});
  pollfd ended{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ended, 1, 10'000), 1);
}

TEST_F(LocalProcessTest, SignalsReachAGroupWhoseLeaderHasEnded) {
  const pid_t leader = fork();
  if (leader == 0) {
    setpgid(0, 0);
    while (true) pause();
  }
  setpgid(leader, leader);
  const auto process = Start("exec sleep 1000", leader);
  kill(leader, SIGKILL);
  ASSERT_EQ(waitpid(leader, nullptr, 0), leader);
  process->Signal(SIGTERM);
  EXPECT_EQ(Finish(*process).exit, ProcessExit{.signal = SIGTERM});
}

TEST_F(LocalProcessTest, DestroyingItKillsTheProgram) {
  auto process = Start("sleep 1000");
  process = nullptr;
  reaped_.get_future().get();
  EXPECT_EQ(waitpid(pid_, nullptr, 0), -1) << "it was reaped";
}

TEST_F(LocalProcessTest, DoesNotWaitForChildrenThatKeepItsOutput) {
  const auto process = Start("sleep 1000 & echo $!");
  const Outcome outcome = Finish(*process);
  EXPECT_EQ(outcome.exit, ProcessExit{});
  pid_t child = 0;
  ASSERT_EQ(sscanf(outcome.out.c_str(), "%d", &child), 1);
  kill(child, SIGKILL);
}

TEST_F(LocalProcessTest, ATerminalCarriesAllOutputToTheEnd) {
  const auto process = StartAtTerminal("stty -onlcr; head -c 1000000 /dev/zero | tr '\\0' x; echo end >&2; exit 3");
  const Outcome outcome = Finish(*process);
  EXPECT_EQ(outcome.out.size(), 1'000'004u);
  EXPECT_EQ(outcome.out.substr(1'000'000), "end\n");
  EXPECT_EQ(outcome.exit, ProcessExit{.code = 3});
}

TEST_F(LocalProcessTest, CtrlCInterruptsWhatRunsAtTheTerminal) {
  const auto process = StartAtTerminal("trap 'echo caught; exit 4' INT; echo ready; while :; do sleep 0.1; done");
  ReadTo(*process, "ready\r\n");
  Write(*process, "\3");
  const Outcome outcome = Finish(*process);
  EXPECT_EQ(outcome.out, "^Ccaught\r\n");
  EXPECT_EQ(outcome.exit, ProcessExit{.code = 4});
}

TEST_F(LocalProcessTest, TheInputsEndIsTypedAtATerminal) {
  const auto process = StartAtTerminal("cat; echo; echo end; read line || echo again");
  Write(*process, "whole\nhalf");
  ReadTo(*process, "half");
  process->CloseStdin();
  ReadTo(*process, "end\r\n");
  process->CloseStdin();
  EXPECT_EQ(Finish(*process).out, "again\r\n");
}

TEST_F(LocalProcessTest, ATerminalIsResized) {
  const auto process = StartAtTerminal("trap 'stty size; exit' WINCH; echo ready; while :; do read line; done");
  ReadTo(*process, "ready\r\n");
  process->Resize({.columns = 132, .rows = 43});
  EXPECT_EQ(Finish(*process).out, "43 132\r\n");
}

TEST_F(LocalProcessTest, ATerminalThatNobodyReadsStopsTheProgram) {
  const auto process = StartAtTerminal("yes | head -c 10000000; echo done");
  // Each chunk is asked for, and what was not asked for stays with the program.
  size_t bytes = 0;
  for (int i = 0; i < 4; ++i) bytes += Next(*process).data.size();
  EXPECT_LE(bytes, 4 * GuestProcess::kMaxChunk);
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  pollfd ended{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ended, 1, 100), 0) << "it cannot have written it all";
}

TEST_F(LocalProcessTest, DestroyingItHangsTheTerminalUp) {
  Pipe note;
  const std::string number = std::to_string(note.write_end.get());
  fcntl(note.write_end.get(), F_SETFD, 0);
  auto process = StartAtTerminal("trap 'echo hup >&" + number + "; exit' HUP; echo ready; sleep 1000 & wait");
  note.write_end.reset();
  ReadTo(*process, "ready\r\n");
  process = nullptr;
  reaped_.get_future().get();
  char text[8];
  EXPECT_EQ(read(note.read_end.get(), text, sizeof(text)), 4) << "it had time to say so";
}

TEST_F(LocalProcessTest, AProgramThatStaysAfterItsTerminalIsKilled) {
  auto process = StartAtTerminal("trap '' HUP; echo ready; while :; do sleep 1000; done");
  ReadTo(*process, "ready\r\n");
  const auto before = std::chrono::steady_clock::now();
  process = nullptr;
  reaped_.get_future().get();
  EXPECT_GE(std::chrono::steady_clock::now() - before, absl::ToChronoSeconds(LocalProcess::kHangUpGrace));
}

}  // namespace
}  // namespace sluice
