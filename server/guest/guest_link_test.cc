#include "server/guest/guest_link.h"

#include <net/if.h>

#include "gtest/gtest.h"
#include "server/guest/netns_guest.h"

namespace sluice {
namespace {

LinkConfig Config() {
  return {.name = "ignored",
          .owner = "box",
          .mac = *MacAddress::Parse("02:73:6c:00:00:0f"),
          .mtu = 1500,
          .ipv4 = {.subnet = *IpPrefix::Parse("10.0.2.0/24"),
                   .address = *IpAddress::Parse("10.0.2.15"),
                   .gateway = *IpAddress::Parse("10.0.2.2")},
          .ipv6 = {.subnet = *IpPrefix::Parse("fd73:6c75:6963:1::/64"),
                   .address = *IpAddress::Parse("fd73:6c75:6963:1::f"),
                   .gateway = *IpAddress::Parse("fd73:6c75:6963:1::2")}};
}

bool HasInterface(const NetNamespace& netns, const char* name) {
  return netns.Run([name] { return if_nametoindex(name) != 0 ? absl::OkStatus() : absl::NotFoundError(name); }).ok();
}

class GuestLinkTest : public testing::Test {
 protected:
  GuestLinkTest() : netns_(NetNamespace::Create()) {}
  void SetUp() override { ASSERT_TRUE(netns_.ok()) << netns_.status(); }

  NetNamespace Another() const { return *NetNamespace::OpenPath(netns_->path()); }

  absl::StatusOr<NetNamespace> netns_;
};

TEST_F(GuestLinkTest, ComesUnderItsOwnNameAndGoes) {
  GuestLink link(Another(), "net7");
  EXPECT_TRUE(absl::IsFailedPrecondition(link.Descriptor().status()));
  EXPECT_TRUE(link.Detach().ok());
  const absl::StatusOr<UniqueFd> fd = link.Attach(Config());
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_TRUE(HasInterface(*netns_, "net7"));
  EXPECT_FALSE(HasInterface(*netns_, "ignored"));
  EXPECT_TRUE(link.Descriptor().ok());
  EXPECT_TRUE(absl::IsAlreadyExists(link.Attach(Config()).status()));
  EXPECT_TRUE(HasInterface(*netns_, "net7")) << "the one that was there stays";
  EXPECT_TRUE(link.Detach().ok());
  EXPECT_FALSE(HasInterface(*netns_, "net7"));
  EXPECT_TRUE(link.Attach(Config()).ok());
  EXPECT_TRUE(HasInterface(*netns_, "net7"));
}

TEST_F(GuestLinkTest, ANamespaceOfSomeoneElseIsLeftAsItWas) {
  {
    NetnsGuest guest(Another(), "eth0");
    ASSERT_TRUE(guest.AttachLink(Config()).ok());
    EXPECT_TRUE(guest.Start([](ProcessExit) { FAIL() << "it has no first process"; }).ok());
    EXPECT_TRUE(absl::IsFailedPrecondition(guest.Exec({.args = {"true"}}).status()));
    EXPECT_TRUE(HasInterface(*netns_, "eth0"));
  }
  EXPECT_FALSE(HasInterface(*netns_, "eth0")) << "destroying the guest undoes what was done";
  NetnsGuest guest(Another(), "eth0");
  ASSERT_TRUE(guest.AttachLink(Config()).ok());
  EXPECT_TRUE(guest.Stop(absl::InfiniteFuture()).ok());
  EXPECT_TRUE(guest.Stop(absl::InfiniteFuture()).ok());
  EXPECT_FALSE(HasInterface(*netns_, "eth0"));
}

}  // namespace
}  // namespace sluice
