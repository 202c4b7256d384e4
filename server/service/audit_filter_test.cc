#include "server/service/audit_filter.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/text_format.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

template <typename T>
T Proto(absl::string_view text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(std::string(text), &message)) << text;
  return message;
}

constexpr absl::string_view kFlow =
    "flow { protocol: PROTOCOL_TCP remote { address: '93.184.216.34' port: 443 } domains: 'web.example.com' "
    "       server_name: 'cdn.example.net' verdict { action: ACTION_ALLOW } }";
constexpr absl::string_view kDeniedFlow =
    "flow { protocol: PROTOCOL_UDP remote { address: 'fd00::1' port: 53 } verdict { action: ACTION_DENY } }";
constexpr absl::string_view kDns =
    "dns { name: 'Web.Example.com' transport: PROTOCOL_UDP resolver { address: '93.184.216.34' } "
    "      verdict { action: ACTION_DENY } }";
constexpr absl::string_view kPort = "port { port { protocol: PROTOCOL_TCP } published: true }";
constexpr absl::string_view kPolicy = "policy { flows_closed: 2 }";
constexpr absl::string_view kLifecycle = "lifecycle { state: STATE_RUNNING }";

struct Case {
  absl::string_view filter;
  absl::string_view event;
  bool passes;
};

TEST(AuditFilterTest, PassesWhatMatchesEveryFieldThatIsSet) {
  const Case cases[] = {
      {"", kFlow, true},
      {"", kLifecycle, true},
      {"kinds: KIND_FLOW", kFlow, true},
      {"kinds: KIND_FLOW", kDns, false},
      {"kinds: [KIND_DNS, KIND_PORT]", kPort, true},
      {"kinds: KIND_POLICY", kPolicy, true},
      {"kinds: KIND_LIFECYCLE", kPolicy, false},
      {"action: ACTION_DENY", kDeniedFlow, true},
      {"action: ACTION_DENY", kFlow, false},
      {"action: ACTION_DENY", kDns, true},
      {"action: ACTION_DENY", kLifecycle, false},  // no verdict at all
      {"protocols: PROTOCOL_TCP", kFlow, true},
      {"protocols: PROTOCOL_TCP", kDeniedFlow, false},
      {"protocols: [PROTOCOL_TCP, PROTOCOL_UDP]", kDns, true},
      {"protocols: PROTOCOL_TCP", kPort, true},
      {"protocols: PROTOCOL_TCP", kPolicy, false},
      {"domains: 'web.example.com'", kFlow, true},
      {"domains: '*.example.com'", kDns, true},
      {"domains: '*.example.net'", kFlow, true},  // the name that the guest itself gave
      {"domains: 'example.com'", kDns, false},
      {"domains: '*.example.com'", kDeniedFlow, false},
      {"domains: '*.example.com'", kPort, false},
      {"remote_cidrs: '93.184.216.0/24'", kFlow, true},
      {"remote_cidrs: '10.0.0.0/8'", kFlow, false},
      {"remote_cidrs: ['10.0.0.0/8', 'fd00::/8']", kDeniedFlow, true},
      {"remote_cidrs: '93.184.216.0/24'", kDns, false},
      {"kinds: KIND_FLOW action: ACTION_DENY", kFlow, false},
      {"kinds: KIND_FLOW action: ACTION_DENY", kDeniedFlow, true},
  };
  for (const Case& c : cases) {
    const absl::StatusOr<CompiledAuditFilter> filter = CompiledAuditFilter::Compile(Proto<v1::AuditFilter>(c.filter));
    ASSERT_TRUE(filter.ok()) << c.filter << filter.status();
    EXPECT_EQ(filter->Matches(Proto<v1::AuditEvent>(c.event)), c.passes) << c.filter << " on " << c.event;
  }
}

std::string FieldOfError(const v1::AuditFilter& filter) {
  const absl::Status status = CompiledAuditFilter::Compile(filter).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << filter.ShortDebugString();
  return FieldOf(status).value_or("");
}

TEST(AuditFilterTest, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(FieldOfError(Proto<v1::AuditFilter>("domains: ['a.com', 'a..b']")), "domains[1]");
  EXPECT_EQ(FieldOfError(Proto<v1::AuditFilter>("remote_cidrs: '10.0.0.0/33'")), "remote_cidrs[0]");
  EXPECT_EQ(FieldOfError(Proto<v1::AuditFilter>("kinds: KIND_UNSPECIFIED")), "kinds[0]");
  EXPECT_EQ(FieldOfError(Proto<v1::AuditFilter>("protocols: [PROTOCOL_TCP, PROTOCOL_UNSPECIFIED]")), "protocols[1]");
  v1::AuditFilter unknown;
  unknown.set_action(static_cast<v1::Action>(99));
  EXPECT_EQ(FieldOfError(unknown), "action");
}

TEST(AuditFilterTest, ListsAreBounded) {
  v1::AuditFilter filter;
  for (int i = 0; i < CompiledAuditFilter::kMaxEntries; ++i) filter.add_domains("a.com");
  EXPECT_TRUE(CompiledAuditFilter::Compile(filter).ok());
  filter.add_domains("a.com");
  EXPECT_EQ(FieldOfError(filter), "domains");
}

}  // namespace
}  // namespace sluice
