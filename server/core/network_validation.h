#ifndef SLUICE_SERVER_CORE_NETWORK_VALIDATION_H_
#define SLUICE_SERVER_CORE_NETWORK_VALIDATION_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sluice/v1/sandbox.pb.h"

// Checks of NetworkConfig and its parts: each fills the defaults in, in place,
// and answers with a FieldError whose path begins with `field`.

namespace sluice {

inline constexpr int kMaxNameservers = 8;
inline constexpr int kMaxBlockedDomains = 10'000;  // API: DnsConfig.blocked_domains
inline constexpr int kMaxExemptDomains = 10'000;
inline constexpr int kMaxBlockLists = 16;  // of one sandbox
inline constexpr uint32_t kMaxFlowsLimit = 1'048'576;

// The whole of a new sandbox's network. A policy without a preset is
// PUBLIC_ONLY.
absl::Status CheckNetwork(absl::string_view field, v1::NetworkConfig& network);

// A policy that names its preset.
absl::Status CheckPolicy(absl::string_view field, v1::NetworkPolicy& policy);

// Whether there are block lists of those names is not looked at.
absl::Status CheckDns(absl::string_view field, v1::DnsConfig& dns);

// The form of a block list's name, and the form in words.
bool IsBlockListName(absl::string_view name);
inline constexpr absl::string_view kBlockListNameRule = "1 to 63 letters, digits and ._-";

absl::Status CheckLimits(absl::string_view field, const v1::NetworkLimits& limits);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_NETWORK_VALIDATION_H_
