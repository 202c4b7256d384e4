#include "server/guest/tap_link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

using nlohmann::json;

LinkConfig Config() {
  return {.name = "eth0",
          .owner = "box",
          .mac = *MacAddress::Parse("02:73:6c:00:00:0f"),
          .mtu = 1400,
          .ipv4 = {.subnet = *IpPrefix::Parse("10.0.2.0/24"),
                   .address = *IpAddress::Parse("10.0.2.15"),
                   .gateway = *IpAddress::Parse("10.0.2.2")},
          .ipv6 = {.subnet = *IpPrefix::Parse("fd73:6c75:6963:1::/64"),
                   .address = *IpAddress::Parse("fd73:6c75:6963:1::f"),
                   .gateway = *IpAddress::Parse("fd73:6c75:6963:1::2")}};
}

// `ip -j ARGS` inside, parsed.
json Ip(const NetNamespace& netns, const std::string& args) {
  std::string output;
  const absl::Status status = netns.Run([&] {
    FILE* pipe = popen(absl::StrCat("ip -j ", args).c_str(), "re");
    char chunk[4096];
    while (fgets(chunk, sizeof(chunk), pipe) != nullptr) output += chunk;
    return pclose(pipe) == 0 ? absl::OkStatus() : absl::InternalError(absl::StrCat("ip ", args));
  });
  return status.ok() ? json::parse(output) : json();
}

class TapLinkTest : public testing::Test {
 protected:
  TapLinkTest() : netns_(NetNamespace::Create()) {}

  void SetUp() override { ASSERT_TRUE(netns_.ok()) << netns_.status(); }

  std::vector<std::string> Interfaces() const {
    std::vector<std::string> names;
    const json links = Ip(*netns_, "link");
    for (const json& link : links) names.push_back(link["ifname"]);
    return names;
  }

  absl::StatusOr<NetNamespace> netns_;
};

TEST_F(TapLinkTest, MakesACompleteInterface) {
  const absl::StatusOr<std::unique_ptr<TapLink>> tap = TapLink::Create(*netns_, Config());
  ASSERT_TRUE(tap.ok()) << tap.status();
  const json link = Ip(*netns_, "-d addr show eth0")[0];
  EXPECT_EQ(link["address"], "02:73:6c:00:00:0f");
  EXPECT_EQ(link["mtu"], 1400);
  EXPECT_EQ(link["txqlen"], TapLink::kTxQueueLength);
  EXPECT_THAT(link["flags"], testing::IsSupersetOf({"UP", "LOWER_UP"}));
  EXPECT_EQ(link["linkinfo"]["info_data"]["type"], "tap");
  EXPECT_EQ(link["linkinfo"]["info_data"]["vnet_hdr"], true);
  EXPECT_EQ(link["linkinfo"]["info_data"]["persist"], true);
}

TEST_F(TapLinkTest, GivesItAddressesThatWorkAtOnce) {
  const absl::StatusOr<std::unique_ptr<TapLink>> tap = TapLink::Create(*netns_, Config());
  ASSERT_TRUE(tap.ok()) << tap.status();
  std::map<std::string, int> addresses;
  const json links = Ip(*netns_, "addr show eth0");
  for (const json& address : links[0]["addr_info"]) {
    EXPECT_FALSE(address.value("tentative", false)) << address;
    addresses[address["local"]] = address["prefixlen"];
  }
  EXPECT_EQ(addresses["10.0.2.15"], 24);
  EXPECT_EQ(addresses["fd73:6c75:6963:1::f"], 64);
}

TEST_F(TapLinkTest, RoutesEverythingToTheGateways) {
  const absl::StatusOr<std::unique_ptr<TapLink>> tap = TapLink::Create(*netns_, Config());
  ASSERT_TRUE(tap.ok()) << tap.status();
  const json ipv4 = Ip(*netns_, "-4 route show default");
  ASSERT_EQ(ipv4.size(), 1u);
  EXPECT_EQ(ipv4[0]["gateway"], "10.0.2.2");
  const json ipv6 = Ip(*netns_, "-6 route show default");
  ASSERT_EQ(ipv6.size(), 1u);
  EXPECT_EQ(ipv6[0]["gateway"], "fd73:6c75:6963:1::2");
}

TEST_F(TapLinkTest, HearsNoRouterButItsOwn) {
  const absl::StatusOr<std::unique_ptr<TapLink>> tap = TapLink::Create(*netns_, Config());
  ASSERT_TRUE(tap.ok()) << tap.status();
  for (const char* setting : {"accept_ra", "accept_dad", "disable_ipv6"}) {
    std::string value;
    ASSERT_TRUE(netns_->Run([&] {
      absl::StatusOr<std::string> text = ReadFile(absl::StrCat("/proc/sys/net/ipv6/conf/eth0/", setting), 16);
      if (text.ok()) value = *text;
      return text.status();
    }).ok());
    EXPECT_EQ(value, "0\n") << setting;
  }
}

TEST_F(TapLinkTest, ReadsFramesBehindAVirtioHeaderWithoutBlocking) {
  const absl::StatusOr<std::unique_ptr<TapLink>> tap = TapLink::Create(*netns_, Config());
  ASSERT_TRUE(tap.ok()) << tap.status();
  const absl::StatusOr<UniqueFd> fd = (*tap)->Duplicate();
  ASSERT_TRUE(fd.ok()) << fd.status();
  int header_size = 0;
  ASSERT_EQ(ioctl(fd->get(), TUNGETVNETHDRSZ, &header_size), 0);
  EXPECT_EQ(header_size, TapLink::kVnetHeaderSize);
  char frame[70000];
  ssize_t n;
  // What the kernel said on its own when the link came up.
  while ((n = read(fd->get(), frame, sizeof(frame))) > 0) EXPECT_GT(n, header_size + 14);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(TapLinkTest, SaysThatTheNameIsTaken) {
  const absl::StatusOr<std::unique_ptr<TapLink>> tap = TapLink::Create(*netns_, Config());
  ASSERT_TRUE(tap.ok()) << tap.status();
  EXPECT_EQ(TapLink::Create(*netns_, Config()).status(),
            absl::AlreadyExistsError("interface eth0 already exists in the namespace"));
}

TEST_F(TapLinkTest, LeavesNothingWhereThereIsADefaultRoute) {
  const absl::StatusOr<std::unique_ptr<TapLink>> first = TapLink::Create(*netns_, Config());
  ASSERT_TRUE(first.ok()) << first.status();
  LinkConfig second = Config();
  second.name = "eth1";
  second.mac.bytes[5] = 0x10;
  EXPECT_EQ(TapLink::Create(*netns_, second).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(Interfaces(), testing::UnorderedElementsAre("lo", "eth0"));
}

TEST_F(TapLinkTest, OutlivesItsDescriptorsAndIsOpenedAgain) {
  ASSERT_TRUE(TapLink::Create(*netns_, Config()).ok());
  EXPECT_THAT(Interfaces(), testing::UnorderedElementsAre("lo", "eth0"));
  EXPECT_EQ(TapLink::Open(*netns_, "eth0", "another").status().code(), absl::StatusCode::kNotFound);
  const absl::StatusOr<std::unique_ptr<TapLink>> again = TapLink::Open(*netns_, "eth0", "box");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(TapLink::Open(*netns_, "eth0", "box").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(TapLink::Open(*netns_, "eth1", "box").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TapLinkTest, IsTakenOverByItsDescriptor) {
  UniqueFd fd = *(*TapLink::Create(*netns_, Config()))->Duplicate();
  const UniqueFd copy(dup(fd.get()));
  EXPECT_EQ(TapLink::Adopt(*netns_, "eth1", "box", UniqueFd(dup(fd.get()))).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(TapLink::Adopt(*netns_, "eth0", "another", UniqueFd(dup(fd.get()))).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(TapLink::Adopt(*netns_, "eth0", "box", UniqueFd(open("/dev/null", O_RDWR))).status().code(),
            absl::StatusCode::kNotFound);
  const absl::StatusOr<std::unique_ptr<TapLink>> tap = TapLink::Adopt(*netns_, "eth0", "box", std::move(fd));
  ASSERT_TRUE(tap.ok()) << tap.status();
  EXPECT_TRUE((*tap)->Remove().ok());
  EXPECT_THAT(Interfaces(), testing::ElementsAre("lo"));
}

TEST_F(TapLinkTest, IsRemovedForGood) {
  const absl::StatusOr<std::unique_ptr<TapLink>> tap = TapLink::Create(*netns_, Config());
  ASSERT_TRUE(tap.ok()) << tap.status();
  const absl::StatusOr<UniqueFd> fd = (*tap)->Duplicate();
  EXPECT_TRUE((*tap)->Remove().ok());
  EXPECT_THAT(Interfaces(), testing::ElementsAre("lo"));
  EXPECT_TRUE((*tap)->Remove().ok());
  char byte;
  EXPECT_EQ(read(fd->get(), &byte, 1), -1);
}

}  // namespace
}  // namespace sluice
