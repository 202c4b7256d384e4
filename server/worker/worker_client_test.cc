#include "server/worker/worker_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "server/worker/message_socket.h"

namespace sluice {
namespace {

using internal::v1::Request;
using internal::v1::Response;

constexpr absl::Duration kSoon = absl::Seconds(10);

// A worker at the other end of a socket, that answers as the test says.
class WorkerClientTest : public testing::Test {
 protected:
  // Answers a request; what it returns is sent as it is.
  using Answer = std::function<std::string(const Request&)>;

  void SetUp() override {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    ours_ = UniqueFd(fds[0]);
    workers_ = UniqueFd(fds[1]);
  }
  void TearDown() override {
    if (worker_.joinable()) worker_.join();
  }

  // Serves until the client goes, or an answer is empty: then it hangs up.
  void Serve(Answer answer) {
    worker_ = std::thread([fd = std::move(workers_), answer = std::move(answer)] {
      while (true) {
        const absl::StatusOr<std::string> bytes = ReceiveMessage(fd.get(), absl::Now() + kSoon);
        Request request;
        if (!bytes.ok() || !request.ParseFromString(*bytes)) return;
        const std::string response = answer(request);
        if (response.empty() || !SendMessage(fd.get(), response, {}, absl::Now() + kSoon).ok()) return;
      }
    });
  }

  static std::string Ok(const Request& request) {
    Response response;
    response.set_id(request.id());
    if (request.has_hello()) response.mutable_hello()->set_version(request.hello().version());
    return response.SerializeAsString();
  }

  std::unique_ptr<WorkerClient> Greet() {
    absl::StatusOr<std::unique_ptr<WorkerClient>> client = WorkerClient::Greet(std::move(ours_), kSoon);
    EXPECT_TRUE(client.ok()) << client.status();
    return client.ok() ? *std::move(client) : nullptr;
  }

  static Request DetachLink() {
    Request request;
    request.mutable_detach_link();
    return request;
  }

  UniqueFd ours_;
  UniqueFd workers_;
  std::thread worker_;
};

TEST_F(WorkerClientTest, AsksAndIsAnswered) {
  Serve(Ok);
  const auto client = Greet();
  ASSERT_NE(client, nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client->Call(DetachLink(), {}, kSoon).ok());
  EXPECT_TRUE(client->connected());
}

TEST_F(WorkerClientTest, CallsFromManyThreadsTakeTurns) {
  Serve(Ok);
  const auto client = Greet();
  ASSERT_NE(client, nullptr);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&client] {
      for (int call = 0; call < 50; ++call) EXPECT_TRUE(client->Call(DetachLink(), {}, kSoon).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(WorkerClientTest, RefusesAWorkerOfAnotherVersion) {
  Serve([](const Request& request) {
    Response response;
    response.set_id(request.id());
    response.mutable_hello()->set_version(WorkerClient::kVersion + 1);
    return response.SerializeAsString();
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(WorkerClient::Greet(std::move(ours_), kSoon).status()));
}

TEST_F(WorkerClientTest, PassesOnTheWorkersErrorAndGoesOn) {
  Serve([](const Request& request) {
    if (request.has_hello()) return Ok(request);
    Response response;
    response.set_id(request.id());
    response.set_code(static_cast<int>(absl::StatusCode::kInvalidArgument));
    response.set_message("is wrong");
    response.set_field("rules[1]");
    return response.SerializeAsString();
  });
  const auto client = Greet();
  ASSERT_NE(client, nullptr);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(FieldOf(client->Call(DetachLink(), {}, kSoon).status()), "rules[1]");
  EXPECT_TRUE(client->connected());
}

TEST_F(WorkerClientTest, IsOfNoUseOnceAnAnswerMakesNoSense) {
  for (const bool wrong_id : {false, true}) {
    SetUp();
    Serve([wrong_id](const Request& request) {
      if (request.has_hello()) return Ok(request);
      Response response;
      response.set_id(request.id() + 1);
      return wrong_id ? response.SerializeAsString() : std::string("\xff\xff\xff");
    });
    auto client = Greet();
    ASSERT_NE(client, nullptr);
    EXPECT_TRUE(absl::IsUnavailable(client->Call(DetachLink(), {}, kSoon).status()));
    EXPECT_FALSE(client->connected());
    EXPECT_TRUE(absl::IsUnavailable(client->Call(DetachLink(), {}, kSoon).status()));
    client = nullptr;
    worker_.join();
  }
}

TEST_F(WorkerClientTest, IsOfNoUseOnceTheWorkerHangsUpOrIsSilent) {
  Serve([](const Request& request) { return request.has_hello() ? Ok(request) : std::string(); });
  auto client = Greet();
  ASSERT_NE(client, nullptr);
  EXPECT_TRUE(absl::IsUnavailable(client->Call(DetachLink(), {}, kSoon).status()));
  EXPECT_FALSE(client->connected());
  worker_.join();

  SetUp();  // nobody serves
  EXPECT_TRUE(absl::IsDeadlineExceeded(WorkerClient::Greet(std::move(ours_), absl::Milliseconds(20)).status()));
}

TEST_F(WorkerClientTest, AMessageThatIsTooLongIsNotTheWorkersFault) {
  Serve(Ok);
  const auto client = Greet();
  ASSERT_NE(client, nullptr);
  Request request;
  request.mutable_record_event()->mutable_lifecycle()->set_message(std::string(kMaxMessage, 'x'));
  EXPECT_TRUE(absl::IsResourceExhausted(client->Call(std::move(request), {}, kSoon).status()));
  EXPECT_TRUE(client->connected());
  EXPECT_TRUE(client->Call(DetachLink(), {}, kSoon).ok());
}

// Descriptors that a worker sends unasked do not stay open.
TEST_F(WorkerClientTest, ClosesAllDescriptorsButTheFirst) {
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd reader(pipe_ends[0]);
  UniqueFd writer(pipe_ends[1]);
  for (const size_t count : {1, 2, 3, 16}) {
    const std::vector<int> copies(count, writer.get());
    ASSERT_TRUE(SendMessage(workers_.get(), "answer", copies, absl::Now() + kSoon).ok());
    const absl::StatusOr<ReceivedMessage> received = ReceiveWithDescriptor(ours_.get(), kMaxMessage, absl::Now() + kSoon);
    ASSERT_TRUE(received.ok()) << received.status();
    EXPECT_EQ(received->bytes, "answer");
    EXPECT_TRUE(received->descriptor.valid()) << count;
  }
  writer.reset();
  char byte;
  EXPECT_EQ(read(reader.get(), &byte, 1), 0) << "a writer of the pipe is still open";
}

TEST_F(WorkerClientTest, AnAnswerThatIsTooLongEndsTheConnection) {
  Serve([](const Request& request) {
    if (request.has_hello()) return Ok(request);
    Response response;
    response.set_id(request.id());
    response.set_message(std::string(2 << 20, 'x'));
    return response.SerializeAsString();
  });
  const auto client = Greet();
  ASSERT_NE(client, nullptr);
  EXPECT_TRUE(client->Call(DetachLink(), {}, kSoon, {.bytes = 3 << 20, .parts = 1}).ok());
  EXPECT_TRUE(absl::IsUnavailable(client->Call(DetachLink(), {}, kSoon).status()));
  EXPECT_FALSE(client->connected());
}

TEST_F(WorkerClientTest, ALengthAloneTakesNoMemory) {
  const unsigned char header[] = {0xff, 0xff, 0xff, 0xff};
  ASSERT_EQ(write(workers_.get(), header, sizeof(header)), 4);
  EXPECT_TRUE(absl::IsUnavailable(ReceiveMessage(ours_.get(), absl::Now() + kSoon).status()));
}

}  // namespace
}  // namespace sluice
