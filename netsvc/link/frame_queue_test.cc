#include "netsvc/link/frame_queue.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::link {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::SizeIs;

std::vector<uint8_t> Frame(size_t size, uint8_t fill) { return std::vector<uint8_t>(size, fill); }

TEST(FrameQueueTest, HandsFramesOutInOrder) {
  FrameQueue queue;
  ASSERT_TRUE(queue.Push(Frame(3, 7)));
  ASSERT_TRUE(queue.Push(Frame(2, 8)));
  EXPECT_THAT(queue.bytes(), ElementsAre(0, 0, 0, 3, 7, 7, 7, 0, 0, 0, 2, 8, 8));
  EXPECT_THAT(queue.front(), ElementsAre(7, 7, 7));
  queue.Pop();
  EXPECT_THAT(queue.front(), ElementsAre(8, 8));
  queue.Pop();
  EXPECT_TRUE(queue.empty());
}

TEST(FrameQueueTest, GoesOnInTheMiddleOfAFrame) {
  FrameQueue queue;
  ASSERT_TRUE(queue.Push(Frame(3, 7)));
  queue.Consume(5);
  ASSERT_TRUE(queue.Push(Frame(1, 9)));
  EXPECT_THAT(queue.bytes(), ElementsAre(7, 7, 0, 0, 0, 1, 9));
}

TEST(FrameQueueTest, RefusesWhatDoesNotFitAndTakesItOnceThereIsRoom) {
  FrameQueue queue;
  size_t pushed = 0;
  while (queue.Push(Frame(60'000, 1))) ++pushed;
  EXPECT_EQ(pushed, FrameQueue::kMaxBytes / 60'004);
  EXPECT_THAT(queue.bytes(), SizeIs(pushed * 60'004));
  queue.Pop();
  EXPECT_TRUE(queue.Push(Frame(60'000, 2)));
  for (size_t i = 1; i < pushed; ++i) {
    EXPECT_THAT(queue.front(), Each(1));
    queue.Pop();
  }
  EXPECT_THAT(queue.front(), Each(2));
}

}  // namespace
}  // namespace sluice::link
