#include "netsvc/worker/draining_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "gtest/gtest.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/slirp/fake_host_stack.h"

namespace sluice {
namespace {

constexpr absl::Duration kNow = absl::Seconds(100);

// A connection over the loopback interface: the stack's socket, and the remote's,
// which reads when it is told to.
class DrainingSocketsTest : public testing::Test {
 protected:
  DrainingSocketsTest() {
    const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener.get(), 1), 0);
    EXPECT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    stack_socket_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    connect(stack_socket_.get(), reinterpret_cast<sockaddr*>(&address), size);
    remote_.reset(accept(listener.get(), nullptr, nullptr));
    flow_.guest_side.protocol = v1::PROTOCOL_TCP;
    flow_.socket = stack_socket_.get();
  }

  // Writes until the kernel takes no more; returns how much that was.
  size_t Fill() {
    const std::vector<char> block(65536, 'x');
    size_t written = 0;
    while (true) {
      const ssize_t n = write(stack_socket_.get(), block.data(), block.size());
      if (n < 0) return written;
      written += static_cast<size_t>(n);
    }
  }

  // The stack closes its socket.
  void Close() {
    draining_.OnSocketClosed(stack_socket_.get(), &flow_, kNow);
    stack_socket_.reset();
  }

  // Reads to the end; returns how much came, and leaves what ended it: 0 or errno.
  size_t ReadAll() {
    std::array<char, 65536> block;
    size_t total = 0;
    while (true) {
      pollfd ready{remote_.get(), POLLIN, 0};
      if (poll(&ready, 1, 1000) == 0) {
        end_ = EAGAIN;
        return total;
      }
      const ssize_t n = read(remote_.get(), block.data(), block.size());
      end_ = n < 0 ? errno : 0;
      if (n <= 0) return total;
      total += static_cast<size_t>(n);
    }
  }

  FakeHostStack stack_;
  DrainingSockets draining_{stack_};
  flow::Flow flow_;
  UniqueFd stack_socket_;
  UniqueFd remote_;
  int end_ = -1;
};

TEST_F(DrainingSocketsTest, WhatIsQueuedReachesTheRemoteAndThenItsEnd) {
  const size_t written = Fill();
  Close();
  ASSERT_EQ(draining_.size(), 1u);
  draining_.Sweep(kNow + absl::Seconds(1));
  EXPECT_EQ(draining_.size(), 1u);
  EXPECT_EQ(ReadAll(), written);
  EXPECT_EQ(end_, EAGAIN);
  draining_.Sweep(kNow + absl::Seconds(2));
  EXPECT_EQ(draining_.size(), 0u);
  EXPECT_EQ(ReadAll(), 0u);
  EXPECT_EQ(end_, 0);
  EXPECT_EQ(draining_.counters().reset, 0u);
}

TEST_F(DrainingSocketsTest, ADenialThrowsItAway) {
  const size_t written = Fill();
  Close();
  draining_.ResetIf([](const flow::Flow&) { return false; });
  EXPECT_EQ(draining_.size(), 1u);
  draining_.ResetIf([](const flow::Flow& flow) { return flow.guest_side.protocol == v1::PROTOCOL_TCP; });
  EXPECT_EQ(draining_.size(), 0u);
  EXPECT_LT(ReadAll(), written);
  EXPECT_EQ(end_, ECONNRESET);
}

TEST_F(DrainingSocketsTest, ADenialEndsTheStacksSocketTooWhereThatIsOpenYet) {
  Fill();
  draining_.OnFlowOver(flow_, kNow);
  ASSERT_EQ(draining_.size(), 1u);
  draining_.ResetIf([](const flow::Flow&) { return true; });
  EXPECT_TRUE(stack_.aborted.contains(stack_socket_.get()));
}

TEST_F(DrainingSocketsTest, ASocketThatMakesNoProgressIsReset) {
  const size_t written = Fill();
  Close();
  draining_.Sweep(kNow + DrainingSockets::kStallTimeout - absl::Seconds(1));
  EXPECT_EQ(draining_.size(), 1u);
  draining_.Sweep(kNow + DrainingSockets::kStallTimeout);
  EXPECT_EQ(draining_.size(), 0u);
  EXPECT_LT(ReadAll(), written);
}

TEST_F(DrainingSocketsTest, NothingQueuedNothingHeld) {
  Close();
  EXPECT_EQ(draining_.size(), 0u);
  EXPECT_EQ(ReadAll(), 0u);
  EXPECT_EQ(end_, 0);
}

}  // namespace
}  // namespace sluice
