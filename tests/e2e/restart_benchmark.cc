// How long it takes from a worker's death to the first packet that passes again.
// tests/bench/restart runs it.

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/e2e/restart_fixture.h"

namespace sluice::e2e {
namespace {

constexpr int kRounds = 30;

// Kills a process, connects to a port at once, and prints how many milliseconds
// after the kill the guest's answer is there.
constexpr char kKillAndAsk[] = R"(
import os, signal, socket, sys, time
pid, port = int(sys.argv[1]), int(sys.argv[2])
begin = time.monotonic()
os.kill(pid, signal.SIGKILL)
s = socket.create_connection(('127.0.0.1', port), 10)
s.sendall(b'x\n')
s.recv(2)
print((time.monotonic() - begin) * 1000)
)";

using RestartBenchmark = RestartFixture;

TEST_F(RestartBenchmark, KillToFirstPacket) {
  std::vector<double> times;
  for (int i = 0; i < kRounds; ++i) {
    const v1::Sandbox sandbox = CreateEcho();
    ExpectAnswers(sandbox);
    const pid_t worker = WorkerOf(sandbox);
    const lab::CommandResult result =
        RunOnHost(Python(kKillAndAsk, {absl::StrCat(worker), absl::StrCat(PortOf(sandbox))}));
    double milliseconds = 0;
    ASSERT_TRUE(absl::SimpleAtod(result.out, &milliseconds)) << result.out << result.err;
    times.push_back(milliseconds);
    EXPECT_TRUE(client().Delete(sandbox.id()).ok());
  }
  std::sort(times.begin(), times.end());
  printf("worker killed to first answer through its port, %d times: median %.1f ms, 90%% %.1f ms, longest %.1f ms\n",
         kRounds, times[kRounds / 2], times[kRounds * 9 / 10], times.back());
}

}  // namespace
}  // namespace sluice::e2e
