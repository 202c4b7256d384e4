#include "server/core/strand.h"

#include <atomic>
#include <future>
#include <memory>
#include <vector>

#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(StrandTest, RunsTasksInOrderAndOneAtATime) {
  Executor executor(4);
  const std::shared_ptr<Strand> strand = Strand::Create(executor);
  std::vector<int> order;  // no lock: the strand is one
  std::promise<void> done;
  for (int i = 0; i < 1000; ++i) strand->Post([&order, i] { order.push_back(i); });
  strand->Post([&done] { done.set_value(); });
  done.get_future().get();
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(StrandTest, RefusesCallersPastItsBoundButLosesNothingOfItsOwn) {
  Executor executor(1);
  const std::shared_ptr<Strand> strand = Strand::Create(executor);
  std::promise<void> hold;
  std::promise<void> held;
  strand->Post([&] {
    held.set_value();
    hold.get_future().get();
  });
  held.get_future().get();
  std::atomic<int> ran = 0;
  for (size_t i = 0; i < Strand::kMaxWaiting; ++i) EXPECT_TRUE(strand->TryPost([&ran] { ++ran; }));
  EXPECT_FALSE(strand->TryPost([&ran] { ++ran; }));
  std::promise<void> done;
  strand->Post([&done] { done.set_value(); });
  hold.set_value();
  done.get_future().get();
  EXPECT_EQ(ran, static_cast<int>(Strand::kMaxWaiting));
}

TEST(StrandTest, ABusyOneDoesNotKeepOthersFromTheThread) {
  Executor executor(1);
  const std::shared_ptr<Strand> busy = Strand::Create(executor);
  const std::shared_ptr<Strand> other = Strand::Create(executor);
  std::atomic<bool> stop = false;
  std::function<void()> again = [&] {
    if (!stop) busy->Post(again);
  };
  busy->Post(again);
  std::promise<void> done;
  other->Post([&done] { done.set_value(); });
  done.get_future().get();
  stop = true;
}

TEST(StrandTest, WhatWaitsWhenTheLastReferenceGoesStillRuns) {
  std::atomic<int> ran = 0;
  {
    Executor executor(1);
    std::shared_ptr<Strand> strand = Strand::Create(executor);
    for (int i = 0; i < 10; ++i) strand->Post([&ran] { ++ran; });
    strand = nullptr;
  }
  EXPECT_EQ(ran, 10);
}

}  // namespace
}  // namespace sluice
