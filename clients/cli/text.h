#ifndef SLUICE_CLIENTS_CLI_TEXT_H_
#define SLUICE_CLIENTS_CLI_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace sluice::cli {

// Safe to show on a terminal: every byte that is not printable ASCII becomes
// "\xNN". Names and messages come from guests, which may write escape codes.
std::string Printable(absl::string_view text);

// "820 B", "1.4 KB", "12 MB": units of 1000, two digits below ten.
std::string BytesText(uint64_t bytes);

// "0.4 ms", "310 ms", "1.3 s", "4m10s", "26h3m": coarse as it grows longer.
std::string DurationText(absl::Duration duration);

absl::Duration FromProto(const google::protobuf::Duration& duration);
absl::Time FromProto(const google::protobuf::Timestamp& timestamp);
google::protobuf::Timestamp ToProto(absl::Time time);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_TEXT_H_
