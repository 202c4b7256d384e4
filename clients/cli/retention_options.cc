#include "clients/cli/retention_options.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace sluice::cli {

absl::Status RetentionOptions::Fill(v1::AuditConfig& audit) const {
  if (max_bytes) audit.set_max_bytes(*max_bytes);
  if (!max_age) return absl::OkStatus();
  absl::Duration age;
  if (!absl::ParseDuration(*max_age, &age) || age < absl::ZeroDuration() || age == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--audit-max-age: \"", *max_age, "\" is not a duration such as 10m or 24h"));
  }
  // The server refuses a part of a minute; a part of a second is not to look like 0.
  audit.mutable_max_age()->set_seconds(absl::IDivDuration(age, absl::Seconds(1), &age));
  audit.mutable_max_age()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(age)));
  return absl::OkStatus();
}

void AddRetentionOptions(CLI::App* app, RetentionOptions& options) {
  app->add_option("--audit-max-bytes", options.max_bytes,
                  "Keep at most so much of its audit log: 1M, 64K; 0 for as much as the server does")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->option_text("SIZE");
  app->add_option("--audit-max-age", options.max_age,
                  "Keep its audit events, and its log once it is deleted, for so long: 10m, 24h; 0 for as long as the "
                  "server does")
      ->option_text("TIME");
}

}  // namespace sluice::cli
