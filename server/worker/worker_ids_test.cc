#include "server/worker/worker_ids.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr char kWholeMap[] = "         0          0 4294967295\n";

TEST(WorkerIdsTest, LeasesDifferWhileTheyLast) {
  WorkerIds ids(kWholeMap, kWholeMap);
  ASSERT_TRUE(ids.separate());
  const auto first = ids.Acquire();
  const auto second = ids.Acquire();
  EXPECT_EQ((*first)->id(), WorkerIds::kFirst);
  EXPECT_EQ((*second)->id(), WorkerIds::kFirst + 1);
}

TEST(WorkerIdsTest, OneGivenBackIsTheLastToBeUsedAgain) {
  WorkerIds ids(kWholeMap, kWholeMap);
  ids.Acquire()->reset();
  for (uint32_t i = 1; i < WorkerIds::kCount; ++i) EXPECT_EQ((*ids.Acquire())->id(), WorkerIds::kFirst + i);
  EXPECT_EQ((*ids.Acquire())->id(), WorkerIds::kFirst);
}

TEST(WorkerIdsTest, RunsOut) {
  WorkerIds ids(kWholeMap, kWholeMap);
  std::vector<std::unique_ptr<WorkerIds::Lease>> leases;
  for (uint32_t i = 0; i < WorkerIds::kCount; ++i) leases.push_back(*ids.Acquire());
  EXPECT_TRUE(absl::IsResourceExhausted(ids.Acquire().status()));
  leases.erase(leases.begin() + 7);
  EXPECT_EQ((*ids.Acquire())->id(), WorkerIds::kFirst + 7);
}

TEST(WorkerIdsTest, AClaimedOneIsNotGivenOut) {
  WorkerIds ids(kWholeMap, kWholeMap);
  const auto claimed = ids.Claim(WorkerIds::kFirst);
  ASSERT_TRUE(claimed.ok());
  EXPECT_TRUE(absl::IsAlreadyExists(ids.Claim(WorkerIds::kFirst).status()));
  EXPECT_EQ((*ids.Acquire())->id(), WorkerIds::kFirst + 1);
}

TEST(WorkerIdsTest, RootOfAUserNamespaceKeepsItsOwn) {
  for (const char* map : {"0 1000 1\n", "0 100000 65536\n", "", "nonsense\n"}) {
    WorkerIds ids(map, kWholeMap);
    EXPECT_FALSE(ids.separate()) << map;
    EXPECT_EQ((*ids.Acquire())->id(), 0u);
    EXPECT_EQ((*ids.Acquire())->id(), 0u);
  }
}

}  // namespace
}  // namespace sluice
