#include "clients/cli/top_screen.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const absl::Time kThen = absl::FromUnixSeconds(1'900'000'000);  // 17:46:40

TrafficSample Sample(const std::string& id, uint64_t out, uint64_t in, uint64_t denied) {
  TrafficSample sample{.id = id, .state = v1::Sandbox::STATE_RUNNING, .stats = {}};
  sample.stats.set_bytes_to_remote(out);
  sample.stats.set_bytes_to_guest(in);
  sample.stats.set_flows_open(2);
  sample.stats.set_flows_denied(denied);
  return sample;
}

void AddRemote(TrafficSample& sample, const std::string& address, uint64_t out, const std::string& name = "") {
  v1::RemoteStats& remote = *sample.stats.add_remotes();
  remote.set_address(address);
  remote.set_port(443);
  remote.set_name(name);
  remote.set_flows(1);
  remote.set_bytes_to_remote(out);
}

// Two sandboxes, two seconds.
Traffic TwoSandboxes() {
  TrafficSnapshot before{.time = kThen - absl::Seconds(2), .sandboxes = {Sample("calm", 0, 0, 0), Sample("web", 1000, 0, 4)}};
  AddRemote(before.sandboxes[1], "93.184.216.34", 1000);
  TrafficSnapshot now{.time = kThen, .sandboxes = {Sample("calm", 0, 200, 0), Sample("web", 5000, 8000, 10)}};
  AddRemote(now.sandboxes[0], "2001:db8::1", 200);
  AddRemote(now.sandboxes[1], "93.184.216.34", 5000, "web.example.com");
  return Between(before, now);
}

TEST(TrafficTest, RatesAreOfTheTimeBetween) {
  const Traffic traffic = TwoSandboxes();
  ASSERT_EQ(traffic.sandboxes.size(), 2u);
  EXPECT_EQ(traffic.sandboxes[0].now.id, "web") << "who carries most stands first";
  EXPECT_EQ(traffic.sandboxes[0].rates.to_remote, 2000);
  EXPECT_EQ(traffic.sandboxes[0].rates.to_guest, 4000);
  EXPECT_EQ(traffic.sandboxes[0].rates.denied, 3);
  EXPECT_EQ(traffic.total.to_guest, 4100);
  EXPECT_EQ(traffic.flows_open, 4u);
  ASSERT_EQ(traffic.remotes.size(), 2u);
  EXPECT_EQ(traffic.remotes[0].rates.to_remote, 2000);
  EXPECT_EQ(traffic.remotes[1].rates.to_remote, 100) << "it was not there before";
}

TEST(TrafficTest, ANewSandboxAndOneThatCountsAnewHaveNoRate) {
  const TrafficSnapshot before{.time = kThen - absl::Seconds(1), .sandboxes = {Sample("old", 9000, 9000, 9)}};
  const TrafficSnapshot now{.time = kThen, .sandboxes = {Sample("new", 5000, 0, 5), Sample("old", 10, 10, 0)}};
  for (const SandboxTraffic& sandbox : Between(before, now).sandboxes) {
    EXPECT_EQ(sandbox.rates.bytes(), 0) << sandbox.now.id;
    EXPECT_EQ(sandbox.rates.denied, 0) << sandbox.now.id;
  }
}

TEST(TrafficTest, JsonHasCountsAndRates) {
  const std::string line = TrafficJson(TwoSandboxes());
  EXPECT_EQ(line.find('\n'), line.npos);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["sandboxes"][0]["id"], "web");
  EXPECT_EQ(json["sandboxes"][0]["state"], "running");
  EXPECT_EQ(json["sandboxes"][0]["bytes_to_remote"], 5000);
  EXPECT_EQ(json["sandboxes"][0]["per_second"]["flows_denied"], 3);
  EXPECT_EQ(json["remotes"][0]["name"], "web.example.com");
}

TEST(TopScreenTest, ShowsTheWholeSandboxesAndRemotes) {
  const std::vector<std::string> screen = TopScreen(TwoSandboxes(), {.rows = 24, .columns = 120}, absl::UTCTimeZone());
  EXPECT_THAT(screen,
              ElementsAre("17:46:40  2 sandboxes  2.0 KB/s out  4.1 KB/s in  4 flows  3.0 denied/s", "",
                          "SANDBOX  STATE    OUT       IN        FLOWS  OPENED/s  DENIED/s  DNS/s  BLOCKED/s",
                          "web      running  2.0 KB/s  4.0 KB/s  2      -         3.0       -      -",
                          "calm     running  0 B/s     100 B/s   2      -         -         -      -", "",
                          "REMOTE                             SANDBOX  OUT       IN     FLOWS  TOTAL",
                          "93.184.216.34:443 web.example.com  web      2.0 KB/s  0 B/s  1      5.0 KB",
                          "[2001:db8::1]:443                  calm     100 B/s   0 B/s  1      200 B"));
}

TEST(TopScreenTest, FitsEveryTerminal) {
  TrafficSnapshot now{.time = kThen, .sandboxes = {}};
  for (int i = 0; i < 50; ++i) {
    now.sandboxes.push_back(Sample(absl::StrCat("box-", i), 0, 0, 0));
    AddRemote(now.sandboxes.back(), absl::StrCat("10.0.0.", i), 5);
  }
  const Traffic traffic = Between(now, now);
  for (size_t rows = 0; rows < 120; ++rows) {
    for (const size_t columns : {0, 1, 40, 200}) {
      const std::vector<std::string> screen = TopScreen(traffic, {rows, columns}, absl::UTCTimeZone());
      EXPECT_LE(screen.size(), rows);
      for (const std::string& line : screen) EXPECT_LE(line.size(), columns);
    }
  }
  const std::vector<std::string> screen = TopScreen(traffic, {.rows = 20, .columns = 80}, absl::UTCTimeZone());
  EXPECT_EQ(screen.size(), 20u);
  EXPECT_THAT(screen, testing::Contains("... and 40 more")) << "of 50 sandboxes, 10 are shown";
  EXPECT_EQ(screen.back(), "... and 47 more") << "of 50 remotes, 3 are";
}

TEST(TopScreenTest, WhatAGuestNamesCannotReachTheTerminal) {
  TrafficSnapshot now{.time = kThen, .sandboxes = {Sample("web", 0, 0, 0)}};
  AddRemote(now.sandboxes[0], "10.0.0.1", 5, "\x1b[2Jevil");
  for (const std::string& line : TopScreen(Between(now, now), {}, absl::UTCTimeZone())) {
    EXPECT_EQ(line.find('\x1b'), line.npos);
  }
}

TEST(TopScreenTest, SaysThatThereIsNobody) {
  const std::vector<std::string> screen = TopScreen(Between({.time = kThen, .sandboxes = {}}, {.time = kThen, .sandboxes = {}}), {}, absl::UTCTimeZone());
  EXPECT_THAT(screen[0], HasSubstr("0 sandboxes"));
}

}  // namespace
}  // namespace sluice::cli
