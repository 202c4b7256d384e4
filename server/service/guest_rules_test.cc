#include "server/service/guest_rules.h"

#include <string>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

v1::Guest Guest(const std::string& text) {
  v1::Guest guest;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &guest)) << text;
  return guest;
}

Caller Operator() { return {.name = "token ci", .role = Role::kOperator, .scope = {}}; }

// The same guest, with each of the rules that decides it.
TEST(GuestRulesTest, WhatIsTheHostsIsForAdministrators) {
  const struct {
    const char* guest;
    GuestRules enough;  // for an operator
    const char* field;
  } kCases[] = {
      {"oci { rootfs: '/srv/a' }", {.has_path_roots = true}, "sandbox.guest.oci.rootfs"},
      {"oci {}", {.allow_host_root = true}, "sandbox.guest.oci.rootfs"},
      {"socket { path: '/run/a' }", {.has_path_roots = true}, "sandbox.guest.socket.path"},
      {"vm { kernel: '/boot/vmlinuz' }", {.has_path_roots = true}, "sandbox.guest.vm.kernel"},
      {"vm { initrd: '/boot/initrd' }", {.has_path_roots = true}, "sandbox.guest.vm.initrd"},
      {"vm { disk: '/dev/sda' }", {.has_path_roots = true}, "sandbox.guest.vm.disk"},
  };
  for (const auto& c : kCases) {
    const absl::Status denied = CheckGuestRules(Guest(c.guest), Operator(), {});
    EXPECT_TRUE(absl::IsPermissionDenied(denied)) << c.guest;
    EXPECT_EQ(std::string(denied.message()).find(c.field), 0u) << denied;
    EXPECT_TRUE(CheckGuestRules(Guest(c.guest), Operator(), c.enough).ok()) << c.guest;
    EXPECT_TRUE(CheckGuestRules(Guest(c.guest), {.name = "user 0", .role = Role::kAdmin, .scope = {}}, {}).ok());
  }
}

TEST(GuestRulesTest, NoRuleGivesOperatorsTheHostsNamespaces) {
  const GuestRules all = {.has_path_roots = true, .allow_host_root = true};
  for (const char* guest : {"netns { pid: 1 }", "netns { path: '/run/netns/a' }", "netns {}"}) {
    EXPECT_TRUE(absl::IsPermissionDenied(CheckGuestRules(Guest(guest), Operator(), all))) << guest;
    EXPECT_TRUE(CheckGuestRules(Guest(guest), {.name = "user 0", .role = Role::kAdmin, .scope = {}}, {}).ok());
  }
}

TEST(GuestRulesTest, ASocketOfTheServersChoiceNamesNoPath) {
  EXPECT_TRUE(CheckGuestRules(Guest("socket { framing: FRAMING_STREAM }"), Operator(), {}).ok());
}

}  // namespace
}  // namespace sluice
