#include "server/core/sandbox_update.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

template <typename T>
T Proto(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

constexpr char kCurrent[] = R"(
  id: "box" uid: "u" etag: "e"
  labels { key: "team" value: "ci" } labels { key: "a/b.c" value: "1" }
  network {
    policy { preset: PRESET_PUBLIC_ONLY }
    dns { blocked_domains: "old.test" rebinding_protection: false query_timeout { seconds: 5 } max_names_per_domain: 7 }
    limits { max_flows: 10 }
    audit { max_bytes: 70000 max_age { seconds: 600 } }
  })";

// The sandbox after an update: its labels, DNS settings, limits and retention.
std::string Updated(const std::string& request) {
  const auto update = Proto<v1::UpdateSandboxRequest>(request);
  const absl::Status checked = CheckUpdate(update);
  if (!checked.ok()) return FieldOf(checked).value_or("no field");
  const absl::StatusOr<v1::Sandbox> updated = ApplyUpdate(update, Proto<v1::Sandbox>(kCurrent));
  if (!updated.ok()) return FieldOf(updated.status()).value_or("no field");
  EXPECT_EQ(updated->network().policy().preset(), v1::PRESET_PUBLIC_ONLY);
  EXPECT_EQ(updated->etag(), "e");
  std::string text;
  for (const char* key : {"team", "a/b.c", "new"}) {
    if (updated->labels().contains(key)) text += std::string(key) + "=" + updated->labels().at(key) + " ";
  }
  const v1::DnsConfig& dns = updated->network().dns();
  for (const std::string& domain : dns.blocked_domains()) text += domain + " ";
  if (dns.has_rebinding_protection()) text += dns.rebinding_protection() ? "on " : "off ";
  text += std::to_string(dns.query_timeout().seconds()) + "s " + std::to_string(dns.max_names_per_domain()) + " ";
  const v1::AuditConfig& audit = updated->network().audit();
  return text + std::to_string(updated->network().limits().max_flows()) + " " + std::to_string(audit.max_bytes()) + "/" +
         std::to_string(audit.max_age().seconds());
}

TEST(SandboxUpdateTest, ReplacesWhatTheMaskNames) {
  EXPECT_EQ(Updated(R"(sandbox { id: "box" network { dns { blocked_domains: "new.test" } limits { max_flows: 99 } } }
                       update_mask { paths: "network.dns.blocked_domains" })"),
            "team=ci a/b.c=1 new.test off 5s 7 10 70000/600");
  EXPECT_EQ(Updated(R"(sandbox { id: "box" network { dns { blocked_domains: "new.test" } } }
                       update_mask { paths: "network.dns" })"),
            "team=ci a/b.c=1 new.test 2s 0 10 70000/600");
  EXPECT_EQ(Updated(R"(sandbox { id: "box" network { limits { max_flows: 99 } } }
                       update_mask { paths: "network.limits" paths: "network.dns.max_names_per_domain" })"),
            "team=ci a/b.c=1 old.test off 5s 0 99 70000/600");
  EXPECT_EQ(Updated(R"(sandbox { id: "box" network { audit { max_bytes: 80000 max_age { seconds: 60 } } } }
                       update_mask { paths: "network.audit.max_bytes" })"),
            "team=ci a/b.c=1 old.test off 5s 7 10 80000/600");
  EXPECT_EQ(Updated(R"(sandbox { id: "box" network { audit { max_age { seconds: 60 } } } }
                       update_mask { paths: "network.audit" })"),
            "team=ci a/b.c=1 old.test off 5s 7 10 0/60");
}

TEST(SandboxUpdateTest, WhatIsNamedAndNotGivenIsReset) {
  EXPECT_EQ(Updated(R"(sandbox { id: "box" } update_mask { paths: "network.dns.rebinding_protection"
                       paths: "network.dns.query_timeout" paths: "network.limits.max_flows" })"),
            "team=ci a/b.c=1 old.test 2s 7 0 70000/600");
  EXPECT_EQ(Updated(R"(sandbox { id: "box" } update_mask { paths: "network.audit.max_age" })"),
            "team=ci a/b.c=1 old.test off 5s 7 10 70000/0");
  EXPECT_EQ(Updated(R"(sandbox { id: "box" } update_mask { paths: "labels" paths: "network.dns" paths: "network.limits"
                       paths: "network.audit" })"),
            "2s 0 0 0/0");
}

TEST(SandboxUpdateTest, LabelsGoWholeOrByTheirKeys) {
  const std::string rest = "old.test off 5s 7 10 70000/600";
  EXPECT_EQ(Updated(R"(sandbox { id: "box" labels { key: "new" value: "x" } } update_mask { paths: "labels" })"),
            "new=x " + rest);
  EXPECT_EQ(Updated(R"(sandbox { id: "box" labels { key: "new" value: "x" } }
                       update_mask { paths: "labels.new" paths: "labels.a/b.c" })"),
            "team=ci new=x " + rest);
}

TEST(SandboxUpdateTest, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(Updated("update_mask { paths: 'labels' }"), "sandbox");
  EXPECT_EQ(Updated("sandbox { id: 'No' } update_mask { paths: 'labels' }"), "sandbox.id");
  EXPECT_EQ(Updated("sandbox { id: 'box' }"), "update_mask");
  for (const char* path : {"*", "", "guest", "network", "network.policy", "network.ports", "network.dns.nothing",
                           "network.dnsx", "network.audit.nothing", "labels.", "network.dns.blocked_domains.x", "state"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(Updated(std::string("sandbox { id: 'box' } update_mask { paths: 'labels' paths: '") + path + "' }"),
              "update_mask.paths[1]");
  }
  EXPECT_EQ(Updated("sandbox { id: 'box' labels { key: '-' value: '' } } update_mask { paths: 'labels' }"),
            "sandbox.labels");
  EXPECT_EQ(Updated("sandbox { id: 'box' network { dns { blocked_domains: 'a.test' blocked_domains: '*' } } } "
                    "update_mask { paths: 'network.dns' }"),
            "sandbox.network.dns.blocked_domains[1]");
  EXPECT_EQ(Updated("sandbox { id: 'box' network { dns { query_timeout { seconds: 31 } } } } "
                    "update_mask { paths: 'network.dns.query_timeout' }"),
            "sandbox.network.dns.query_timeout");
  EXPECT_EQ(Updated("sandbox { id: 'box' network { limits { max_flows: 2000000 } } } "
                    "update_mask { paths: 'network.limits.max_flows' }"),
            "sandbox.network.limits.max_flows");
  EXPECT_EQ(Updated("sandbox { id: 'box' network { audit { max_bytes: 1 } } } update_mask { paths: 'network.audit' }"),
            "sandbox.network.audit.max_bytes");
}

}  // namespace
}  // namespace sluice
