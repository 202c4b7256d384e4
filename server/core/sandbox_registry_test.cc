#include "server/core/sandbox_registry.h"

#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/core/executor.h"
#include "server/core/request_validation.h"
#include "server/core/sandbox_manager_fixture.h"

namespace sluice {
namespace {

// Without a manager, whose threads would not stop between two steps.
class SandboxRegistryTest : public SandboxManagerFixture {
 protected:
  void SetUp() override {
    SandboxManagerFixture::SetUp();
    environment_.emplace(SandboxEnvironment{
        .executor = executor_,
        .workers = host_,
        .worker_ids = worker_ids_,
        .guests = host_,
        .bind_port = [this](const v1::PortMapping& port) { return host_.BindPort(port); },
        .is_bound = [](const BoundPort&) { return true; },
        .state = *state_,
        .store = store_,
        .timers = timers_,
        .audit = *audit_,
        .totals = totals_,
        .feed = feed_,
        .block_lists = block_lists_,
        .floor = *floor_,
        .clock = clock_});
  }

  Executor executor_{1};
  WorkerTotals totals_;
  ChangeFeed feed_;
  std::optional<SandboxEnvironment> environment_;
  SandboxRegistry registry_{HostNetwork()};
};

TEST_F(SandboxRegistryTest, WhatChangesAfterAReservationIsForTheFirstWorker) {
  registry_.Open({});
  const auto spec = CheckCreate(Parse<v1::CreateSandboxRequest>("sandbox { id: 'web' guest { oci {} } }"));
  ASSERT_TRUE(spec.ok()) << spec.status();
  const auto sandbox = registry_.Reserve(*environment_, *spec, CancelToken());
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  const std::vector<Endpoint> servers = {*Endpoint::Parse("9.9.9.9:53")};
  const auto told = registry_.SetNameservers(servers);
  ASSERT_EQ(told.size(), 1u);
  told.front()->SetNameservers(servers);
  ASSERT_TRUE((*sandbox)->BringUp({}).ok());
  EXPECT_EQ(host_.nameservers(), servers);
  EXPECT_TRUE((*sandbox)->TearDown().ok());
}

}  // namespace
}  // namespace sluice
