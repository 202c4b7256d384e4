// run and exec.

#include <gtest/gtest.h>
#include <signal.h>

#include <future>
#include <string>

#include "clients/cli/testing/cli_test_base.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace sluice::cli {
namespace {

v1::ExecResponse Stdout(const std::string& text) {
  v1::ExecResponse response;
  response.set_stdout(text);
  return response;
}

v1::ExecResponse Stderr(const std::string& text) {
  v1::ExecResponse response;
  response.set_stderr(text);
  return response;
}

v1::ExecResponse Exit(int code, int signal = 0) {
  v1::ExecResponse response;
  response.mutable_exit()->set_code(code);
  response.mutable_exit()->set_signal(signal);
  return response;
}

grpc::Status About(const std::string& type, grpc::StatusCode code, const std::string& message) {
  google::rpc::ResourceInfo info;
  info.set_resource_type(type);
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  return {code, message, details.SerializeAsString()};
}

grpc::Status NotFound(const std::string& type, const std::string& message) {
  return About(type, grpc::StatusCode::NOT_FOUND, message);
}

class RunCommandsTest : public CliTestBase {
 protected:
  // `sluice run`, signalled once its command has printed something.
  CliResult RunAndSignal(std::vector<std::string> arguments, int number) {
    state_.exec_responses = {Stdout("ready\n")};
    state_.exec_waits = true;
    CliProcess process(arguments, address_);
    process.AwaitOutput("ready\n");
    process.Signal(number);
    return process.Wait();
  }
};

TEST_F(RunCommandsTest, RunStreamsOutputAndEndsAsItsCommandDid) {
  state_.exec_responses = {Stdout("out1 "), Stderr("err "), Stdout("out2"), Exit(42)};
  const CliResult result = RunCli(
      {"run", "--policy", "none", "-e", "A=b", "-u", "7:7", "-w", "/srv", "--", "prog", "-o", "--help"});
  EXPECT_EQ(result.exit_code, 42) << result.err;
  EXPECT_EQ(result.out, "out1 out2");
  EXPECT_EQ(result.err, "err ");

  ASSERT_EQ(state_.creates.size(), 1u);
  const v1::Sandbox& sandbox = state_.creates[0].sandbox();
  EXPECT_EQ(sandbox.network().policy().preset(), v1::PRESET_NONE);
  EXPECT_EQ(sandbox.id().substr(0, 4), "run-");
  ASSERT_EQ(state_.execs.size(), 1u);
  const v1::ExecStart& start = state_.execs[0];
  EXPECT_EQ(start.sandbox_id(), sandbox.id());
  EXPECT_EQ(testing::PrintToString(start.args()),
            testing::PrintToString(std::vector<std::string>{"prog", "-o", "--help"}));
  EXPECT_EQ(start.env().at("A"), "b");
  EXPECT_EQ(start.user(), "7:7");
  EXPECT_EQ(start.working_directory(), "/srv");
  EXPECT_EQ(state_.deletes, std::vector<std::string>{sandbox.id()});
}

TEST_F(RunCommandsTest, ASignalInTheGuestIsToldAsShellsDo) {
  state_.exec_responses = {Exit(0, SIGKILL)};
  EXPECT_EQ(RunCli({"run", "--", "prog"}).exit_code, 128 + SIGKILL);
}

TEST_F(RunCommandsTest, KeepLeavesTheSandboxAndSaysItsName) {
  state_.exec_responses = {Exit(0)};
  const CliResult result = RunCli({"run", "--keep", "--name", "box", "--", "prog"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "sluice: box is kept: `sluice delete box` removes it\n");
  EXPECT_TRUE(state_.deletes.empty());
}

TEST_F(RunCommandsTest, InputReachesTheCommand) {
  state_.exec_reads_input = true;
  state_.exec_responses = {Exit(0)};
  const std::string input(60'000, 'x');
  CliProcess process({"run", "--", "cat"}, address_);
  process.WriteInput(input);
  process.CloseInput();
  EXPECT_EQ(process.Wait().exit_code, 0);
  EXPECT_EQ(state_.exec_input, input);
  EXPECT_TRUE(state_.exec_input_closed);
}

TEST_F(RunCommandsTest, InputThatNeverEndsDoesNotHoldIt) {
  state_.exec_responses = {Stdout("done"), Exit(3)};
  CliProcess process({"run", "--", "prog"}, address_);  // its input stays open
  const CliResult result = process.Wait();
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "done");
}

TEST_F(RunCommandsTest, InterruptDeletesTheSandbox) {
  const CliResult result = RunAndSignal({"run", "--", "sleep", "1d"}, SIGINT);
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(state_.deletes.size(), 1u);
  EXPECT_TRUE(state_.sandboxes.empty());
}

TEST_F(RunCommandsTest, TerminationDeletesTheSandbox) {
  EXPECT_EQ(RunAndSignal({"run", "--name", "box", "--", "sleep", "1d"}, SIGTERM).exit_code, 143);
  EXPECT_EQ(state_.deletes, std::vector<std::string>{"box"});
}

TEST_F(RunCommandsTest, InterruptWhileTheSandboxIsMadeDeletesItToo) {
  std::promise<CliProcess*> started;
  state_.on_create = [&started] { started.get_future().get()->Signal(SIGINT); };
  state_.exec_waits = true;
  CliProcess process({"run", "--name", "box", "--", "sleep", "1d"}, address_);
  started.set_value(&process);
  EXPECT_EQ(process.Wait().exit_code, 130);
  EXPECT_EQ(state_.deletes, std::vector<std::string>{"box"});
}

TEST_F(RunCommandsTest, InterruptOfExecLeavesTheSandbox) {
  RunCli({"create", "--name", "box"});
  EXPECT_EQ(RunAndSignal({"exec", "box", "--", "sleep", "1d"}, SIGINT).exit_code, 130);
  EXPECT_TRUE(state_.deletes.empty());
}

TEST_F(RunCommandsTest, OutputThatNobodyReadsEndsItAndDeletesTheSandbox) {
  for (int i = 0; i < 100; ++i) state_.exec_responses.push_back(Stdout(std::string(10'000, 'y')));
  state_.exec_waits = true;
  CliProcess process({"run", "--", "yes"}, address_);
  process.CloseOutput();
  EXPECT_EQ(process.Wait().exit_code, 128 + SIGPIPE);
  EXPECT_EQ(state_.deletes.size(), 1u);
}

TEST_F(RunCommandsTest, ARefusedSandboxIsOurFailureAndNotDeleted) {
  state_.refusal = {grpc::StatusCode::ALREADY_EXISTS, "host port 80 is taken"};
  const CliResult result = RunCli({"run", "--name", "box", "--", "prog"});
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_EQ(result.err, "sluice: cannot create the sandbox: host port 80 is taken\n");
  EXPECT_TRUE(state_.deletes.empty());
  EXPECT_EQ(RunCli({"run", "--server", "unix:/nonexistent.sock", "--", "prog"}).exit_code, 125);
}

TEST_F(RunCommandsTest, ASandboxThatMayHaveBeenMadeIsDeleted) {
  state_.refusal = {grpc::StatusCode::DEADLINE_EXCEEDED, "too slow"};
  EXPECT_EQ(RunCli({"run", "--", "prog"}).exit_code, 125);
  ASSERT_EQ(state_.deletes.size(), 1u);
  EXPECT_EQ(state_.deletes[0], state_.creates[0].sandbox().id());
}

TEST_F(RunCommandsTest, AMissingProgramIs127AndTheSandboxIsDeleted) {
  state_.exec_status = NotFound("program", "no program \"prog\" in the guest");
  const CliResult result = RunCli({"run", "--name", "box", "--", "prog"});
  EXPECT_EQ(result.exit_code, 127);
  EXPECT_EQ(result.err, "sluice: cannot run prog in box: no program \"prog\" in the guest\n");
  EXPECT_EQ(state_.deletes, std::vector<std::string>{"box"});
}

TEST_F(RunCommandsTest, ExecTellsAMissingProgramFromAMissingSandbox) {
  state_.exec_status = NotFound("program", "no program");
  EXPECT_EQ(RunCli({"exec", "box", "--", "prog"}).exit_code, 127);
  state_.exec_status = NotFound("sandbox", "no sandbox");
  EXPECT_EQ(RunCli({"exec", "box", "--", "prog"}).exit_code, 125);
}

TEST_F(RunCommandsTest, AProgramThatMayNotRunIs126AndACallThatMayNotBeMadeIsNot) {
  state_.exec_status = About("program", grpc::StatusCode::PERMISSION_DENIED, "not yours to run");
  EXPECT_EQ(RunCli({"exec", "box", "--", "prog"}).exit_code, 126);
  state_.exec_status = About("sandbox", grpc::StatusCode::PERMISSION_DENIED, "not yours to look into");
  EXPECT_EQ(RunCli({"exec", "box", "--", "prog"}).exit_code, 125);
  state_.exec_status = {grpc::StatusCode::PERMISSION_DENIED, "this caller may not do that"};
  EXPECT_EQ(RunCli({"exec", "box", "--", "prog"}).exit_code, 125);
}

TEST_F(RunCommandsTest, ATerminalIsAskedForWhereTheUserDoes) {
  state_.exec_responses = {Exit(0)};
  EXPECT_EQ(RunCli({"exec", "-i", "box", "--", "prog"}).exit_code, 0);
  EXPECT_EQ(RunCli({"exec", "-it", "box", "--", "prog"}).exit_code, 0);
  EXPECT_EQ(RunCli({"run", "-it"}).exit_code, 0);
  ASSERT_EQ(state_.execs.size(), 3u);
  EXPECT_FALSE(state_.execs[0].has_terminal());
  EXPECT_TRUE(state_.execs[1].has_terminal());
  EXPECT_EQ(state_.execs[1].args(0), "prog");
  EXPECT_TRUE(state_.execs[2].has_terminal());
  EXPECT_EQ(state_.execs[2].args(0), "sh") << "without a command, a shell";
}

TEST_F(RunCommandsTest, ACallThatEndsWithoutAnExitIsOurFailure) {
  state_.exec_responses = {Stdout("half")};
  const CliResult result = RunCli({"exec", "box", "--", "prog"});
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_EQ(result.out, "half");
  EXPECT_EQ(result.err,
            "sluice: cannot run prog in box: the server ended the call before the program ended\n");
}

TEST_F(RunCommandsTest, WithoutACommandItIsAUsageError) {
  EXPECT_EQ(RunCli({"run"}).exit_code, 2);
  EXPECT_EQ(RunCli({"run", "--"}).exit_code, 2);
  const CliResult result = RunCli({"exec", "box", "ls", "-l"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("the guest's command stands after --"), result.err.npos) << result.err;
  EXPECT_TRUE(state_.creates.empty());
}

}  // namespace
}  // namespace sluice::cli
