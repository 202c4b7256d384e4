#include "netsvc/link/captures.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/link/read_pcapng.h"
#include "netsvc/loop/fake_loop.h"

namespace sluice::link {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr policy::Verdict kAllowed{v1::ACTION_ALLOW, v1::Verdict::REASON_RULE, "web"};
constexpr policy::Verdict kDenied{v1::ACTION_DENY, v1::Verdict::REASON_DEFAULT, policy::kDefaultRuleId};
constexpr char kAllow[] = "verdict=ALLOW reason=RULE rule=web flow=7";
constexpr char kDeny[] = "verdict=DENY reason=DEFAULT rule=default";

class CapturesTest : public testing::Test {
 protected:
  absl::Status Start(CaptureSocket& socket, Captures::Options options = {}) {
    absl::Status status = captures_.Start(std::move(socket.writer), std::move(options));
    if (status.ok()) socket.Read();  // the headers
    return status;
  }

  // A frame of the guest's.
  void Sends(std::string bytes, const policy::Verdict& verdict) {
    captures_.Begin(FrameDirection::kFromGuest, Bytes(bytes));
    captures_.Judged(verdict, verdict.allowed() ? 7 : 0);
    captures_.End();
  }
  static std::span<const uint8_t> Bytes(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  }

  FakeLoop loop_;
  Captures captures_{loop_};
  CaptureSocket socket_;
};

TEST_F(CapturesTest, TellsEachFrameWithItsVerdict) {
  EXPECT_FALSE(captures_.active());
  ASSERT_TRUE(Start(socket_).ok());
  EXPECT_TRUE(captures_.active());
  Sends("frame", kAllowed);
  captures_.ToGuest(Bytes("answer"), kAllowed, 7);
  captures_.ToGuest(Bytes("reset"));
  Sends("x", kDenied);
  const std::vector<PcapngBlock> blocks = socket_.Read();
  ASSERT_EQ(blocks.size(), 4u);
  EXPECT_EQ(blocks[0].comment, kAllow);
  EXPECT_EQ(blocks[0].kept, "frame");
  EXPECT_EQ(blocks[0].flags, 2u) << "outbound";
  EXPECT_EQ(blocks[1].comment, kAllow);
  EXPECT_EQ(blocks[1].flags, 1u) << "inbound";
  EXPECT_EQ(blocks[2].comment, "verdict=ALLOW reason=SLUICE");
  EXPECT_EQ(blocks[3].comment, kDeny);
}

TEST_F(CapturesTest, TheFirstVerdictCounts) {
  ASSERT_TRUE(Start(socket_).ok());
  captures_.Begin(FrameDirection::kFromGuest, Bytes("x"));
  captures_.Judged(kDenied);
  captures_.Judged(kAllowed, 7);
  captures_.End();
  captures_.Judged(kDenied);  // of no frame
  EXPECT_THAT(socket_.ReadComments(), ElementsAre(kDeny));
}

TEST_F(CapturesTest, WhatIsNotJudgedIsHeld) {
  ASSERT_TRUE(Start(socket_).ok());
  captures_.Begin(FrameDirection::kFromGuest, Bytes("x"));
  captures_.End();
  EXPECT_THAT(socket_.ReadComments(), ElementsAre("verdict=HELD"));
  captures_.Begin(FrameDirection::kToGuest, Bytes("x"), /*if_denied=*/true);
  captures_.End();
  captures_.Begin(FrameDirection::kToGuest, Bytes("x"), /*if_denied=*/true);
  captures_.Judged(kAllowed, 7);
  EXPECT_THAT(socket_.ReadComments(), IsEmpty());
  captures_.Begin(FrameDirection::kToGuest, Bytes("x"), /*if_denied=*/true);
  captures_.Judged(kDenied);
  EXPECT_THAT(socket_.ReadComments(), ElementsAre(kDeny));
}

TEST_F(CapturesTest, EachCaptureHasItsOwnSnapshotAndFilter) {
  CaptureSocket denied;
  ASSERT_TRUE(Start(socket_, {.interface_name = "a", .snapshot_bytes = 3, .denied_only = false}).ok());
  ASSERT_TRUE(Start(denied, {.interface_name = "a", .snapshot_bytes = 0, .denied_only = true}).ok());
  Sends("allowed", kAllowed);
  Sends("denied", kDenied);
  const std::vector<PcapngBlock> all = socket_.Read();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].kept, "all");
  EXPECT_EQ(all[0].size, 7u);
  EXPECT_EQ(all[1].kept, "den");
  const std::vector<PcapngBlock> some = denied.Read();
  ASSERT_EQ(some.size(), 1u);
  EXPECT_EQ(some[0].kept, "denied");
}

TEST_F(CapturesTest, CountsWhatTheReaderDidNotTake) {
  CaptureSocket small(1);  // the kernel's least
  ASSERT_TRUE(Start(small).ok());
  const std::string frame(1500, 'x');
  for (int i = 0; i < 100; ++i) Sends(frame, kAllowed);
  const size_t taken = small.Read().size();
  EXPECT_GT(taken, 0u);
  ASSERT_LT(taken, 100u);
  Sends(frame, kAllowed);
  const std::vector<PcapngBlock> next = small.Read();
  ASSERT_EQ(next.size(), 2u);
  EXPECT_EQ(next[0].drop_count, 100 - taken);
  EXPECT_EQ(next[1].type, kStatisticsBlock);
  EXPECT_EQ(next[1].dropped, 100 - taken);
  EXPECT_EQ(next[1].received, 101u);
  captures_.Finish();
  const std::vector<PcapngBlock> last = small.Read();
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].dropped, 100 - taken) << "in all";
}

TEST_F(CapturesTest, ALargeFrameFits) {
  ASSERT_TRUE(Start(socket_).ok());
  Sends(std::string(65'589, 'x'), kAllowed);
  const std::vector<PcapngBlock> blocks = socket_.Read();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].kept.size(), 65'589u);
}

TEST_F(CapturesTest, EndsWithItsReader) {
  ASSERT_TRUE(Start(socket_).ok());
  CaptureSocket other;
  ASSERT_TRUE(Start(other).ok());
  socket_.reader.reset();
  loop_.RunUntilIdle();
  EXPECT_TRUE(captures_.active());
  other.reader.reset();
  Sends("x", kAllowed);
  EXPECT_FALSE(captures_.active());
  EXPECT_FALSE(Start(other).ok());
}

TEST_F(CapturesTest, ThereAreOnlySoMany) {
  std::vector<CaptureSocket> sockets(Captures::kMaxCaptures + 1);
  for (size_t i = 0; i < Captures::kMaxCaptures; ++i) ASSERT_TRUE(Start(sockets[i]).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Start(sockets.back())));
  sockets[0].reader.reset();
  loop_.RunUntilIdle();
  CaptureSocket next;
  EXPECT_TRUE(Start(next).ok());
}

}  // namespace
}  // namespace sluice::link
