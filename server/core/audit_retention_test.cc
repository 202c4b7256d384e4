#include "server/core/audit_retention.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

template <typename T>
T Proto(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

v1::AuditConfig Audit(const std::string& text) { return Proto<v1::AuditConfig>(text); }
internal::v1::AuditOptions Most(const std::string& text) { return Proto<internal::v1::AuditOptions>(text); }

std::string Field(const absl::Status& status) { return status.ok() ? "" : FieldOf(status).value_or("no field"); }

TEST(AuditRetentionTest, KnowsWhatNoServerCouldKeep) {
  const auto field = [](const std::string& text) {
    v1::AuditConfig audit = Audit(text);
    return Field(CheckAudit("a", audit));
  };
  EXPECT_EQ(field(""), "");
  EXPECT_EQ(field("max_bytes: 65536 max_age { seconds: 60 }"), "");
  EXPECT_EQ(field("max_age {}"), "");
  EXPECT_EQ(field("max_bytes: 65535"), "a.max_bytes");
  EXPECT_EQ(field("max_age { seconds: 59 nanos: 999999999 }"), "a.max_age");
  EXPECT_EQ(field("max_age { nanos: 1 }"), "a.max_age");
  EXPECT_EQ(field("max_age { seconds: -60 }"), "a.max_age");
  EXPECT_EQ(field("max_age { seconds: 315576000000 }"), "");
  EXPECT_EQ(field("max_age { seconds: 315576000001 }"), "a.max_age");
}

TEST(AuditRetentionTest, CountsWholeSeconds) {
  v1::AuditConfig audit = Audit("max_age { seconds: 61 nanos: 2000000000 }");
  EXPECT_TRUE(CheckAudit("a", audit).ok());
  EXPECT_EQ(audit.max_age().seconds(), 61);
  EXPECT_EQ(audit.max_age().nanos(), 0);
}

TEST(AuditRetentionTest, NothingMayExceedTheServersFlags) {
  const auto field = [](const std::string& audit, const std::string& most) {
    return Field(CheckAuditFits("a", Audit(audit), Most(most)));
  };
  const std::string most = "max_bytes: 100000 max_age_seconds: 3600";
  EXPECT_EQ(field("", most), "");
  EXPECT_EQ(field("max_bytes: 100000 max_age { seconds: 3600 }", most), "");
  EXPECT_EQ(field("max_bytes: 100001", most), "a.max_bytes");
  EXPECT_EQ(field("max_age { seconds: 3601 }", most), "a.max_age");
  EXPECT_EQ(field("max_bytes: 100001 max_age { seconds: 3601 }", ""), "") << "there is no bound";
}

TEST(AuditRetentionTest, TheSmallerOfBothCounts) {
  const auto narrowed = [](const std::string& most, const std::string& audit) {
    const internal::v1::AuditOptions options = NarrowAudit(Most(most), Audit(audit));
    EXPECT_TRUE(options.go_on_unwritten());
    return absl::StrCat(options.max_bytes(), " ", options.max_age_seconds());
  };
  const std::string most = "max_bytes: 100000 max_age_seconds: 3600 go_on_unwritten: true";
  EXPECT_EQ(narrowed(most, ""), "100000 3600");
  EXPECT_EQ(narrowed(most, "max_bytes: 70000"), "70000 3600");
  EXPECT_EQ(narrowed(most, "max_age { seconds: 60 }"), "100000 60");
  EXPECT_EQ(narrowed(most, "max_bytes: 200000 max_age { seconds: 7200 }"), "100000 3600");
  EXPECT_EQ(narrowed("go_on_unwritten: true", "max_bytes: 70000 max_age { seconds: 60 }"), "70000 60");

  EXPECT_EQ(NarrowAuditAge(absl::Hours(1), Audit("")), absl::Hours(1));
  EXPECT_EQ(NarrowAuditAge(absl::Hours(1), Audit("max_age { seconds: 60 }")), absl::Minutes(1));
  EXPECT_EQ(NarrowAuditAge(absl::Hours(1), Audit("max_age { seconds: 7200 }")), absl::Hours(1));
}

}  // namespace
}  // namespace sluice
