#include "clients/cli/sandbox_text.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cli/table.h"
#include "clients/cli/text.h"
#include "clients/cpp/peer_syntax.h"
#include "clients/cpp/port_syntax.h"
#include "protos/text/enum_words.h"

namespace sluice::cli {
namespace {

using client::PortMappingText;
using client::RuleText;

std::string GuestKind(const v1::Guest& guest) {
  switch (guest.kind_case()) {
    case v1::Guest::kOci:
      return "oci";
    case v1::Guest::kNetns:
      return "netns";
    case v1::Guest::kSocket:
      return "socket";
    case v1::Guest::kVm:
      return "vm";
    case v1::Guest::KIND_NOT_SET:
      return "-";
  }
  return "-";
}

// What tells this guest from others of its kind.
std::string GuestSource(const v1::Guest& guest) {
  switch (guest.kind_case()) {
    case v1::Guest::kOci:
      return guest.oci().rootfs().empty() ? "the host's own root" : guest.oci().rootfs();
    case v1::Guest::kNetns:
      return guest.netns().has_pid() ? absl::StrCat("pid ", guest.netns().pid()) : guest.netns().path();
    case v1::Guest::kSocket:
      return guest.socket().path();
    case v1::Guest::kVm:
      return guest.vm().kernel();
    case v1::Guest::KIND_NOT_SET:
      return "";
  }
  return "";
}

// Published ports with the numbers that were bound.
std::string PortsText(const v1::Sandbox& sandbox) {
  const auto& ports = sandbox.network_status().ports_size() > 0 ? sandbox.network_status().ports()
                                                                : sandbox.network().ports();
  return absl::StrJoin(ports, ", ", [](std::string* out, const v1::PortMapping& port) {
    absl::StrAppend(out, PortMappingText(port));
  });
}

std::string AgeText(const v1::Sandbox& sandbox, absl::Time now) {
  if (!sandbox.has_create_time()) return "-";
  // The server's clock may be ahead of ours.
  const absl::Duration age = std::max(now - FromProto(sandbox.create_time()), absl::ZeroDuration());
  if (age < absl::Minutes(1)) return absl::StrCat(absl::ToInt64Seconds(age), " s");
  return DurationText(age);
}

std::string AddressesText(const std::string& first, const std::string& second) {
  if (first.empty() || second.empty()) return absl::StrCat(first, second);
  return absl::StrCat(first, ", ", second);
}

std::string LabelsText(const v1::Sandbox& sandbox) {
  const std::map<std::string, std::string> sorted(sandbox.labels().begin(), sandbox.labels().end());
  return absl::StrJoin(sorted, ", ", absl::PairFormatter("="));
}

std::string PolicyText(const v1::Sandbox& sandbox) {
  std::string text = EnumWord(sandbox.network().policy().preset());
  const uint64_t generation = sandbox.network_status().policy_generation();
  if (generation > 0) absl::StrAppend(&text, ", generation ", generation);
  return text;
}

// Empty where as much is kept as the server does.
std::string RetentionText(const v1::AuditConfig& audit) {
  std::vector<std::string> parts;
  if (audit.max_bytes() > 0) parts.push_back(BytesText(audit.max_bytes()));
  const absl::Duration age = FromProto(audit.max_age());
  if (age > absl::ZeroDuration()) parts.push_back(DurationText(age));
  return parts.empty() ? "" : absl::StrCat("at most ", absl::StrJoin(parts, ", "));
}

}  // namespace

std::string SandboxTable(const std::vector<v1::Sandbox>& sandboxes, absl::Time now) {
  Table table({"ID", "STATE", "GUEST", "POLICY", "PORTS", "AGE"});
  for (const v1::Sandbox& sandbox : sandboxes) {
    const std::string ports = PortsText(sandbox);
    table.AddRow({sandbox.id(), EnumWord(sandbox.state()), GuestKind(sandbox.guest()),
                  EnumWord(sandbox.network().policy().preset()), ports.empty() ? "-" : ports,
                  AgeText(sandbox, now)});
  }
  return table.Render();
}

std::string SandboxDetails(const v1::Sandbox& sandbox, absl::Time now) {
  Table table;
  const auto add = [&table](std::string name, std::string value) {
    if (!value.empty()) table.AddRow({std::move(name), std::move(value)});
  };
  const v1::NetworkStatus& status = sandbox.network_status();
  add("Id", sandbox.id());
  add("State", EnumWord(sandbox.state()));
  add("Reason", sandbox.state_message());
  add("Guest", absl::StrCat(GuestKind(sandbox.guest()), " ", GuestSource(sandbox.guest())));
  add("Labels", LabelsText(sandbox));
  add("Policy", PolicyText(sandbox));
  for (const v1::Rule& rule : sandbox.network().policy().rules()) add("", absl::StrCat("  ", RuleText(rule)));
  add("Ports", PortsText(sandbox));
  add("Address", AddressesText(status.ipv4_address(), status.ipv6_address()));
  add("Gateway", AddressesText(status.ipv4_gateway(), status.ipv6_gateway()));
  add("Resolvers", absl::StrJoin(status.dns_servers(), ", "));
  add("Socket", status.socket_path());
  add("Audit log", RetentionText(sandbox.network().audit()));
  add("Age", AgeText(sandbox, now));
  return table.Render();
}

}  // namespace sluice::cli
