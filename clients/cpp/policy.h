#ifndef SLUICE_CLIENTS_CPP_POLICY_H_
#define SLUICE_CLIENTS_CPP_POLICY_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::client {

// A network policy, said as a sentence. A value; what is wrong with its words
// is told by Build.
//
//   Policy().allow("*.pypi.org:443").deny("10.0.0.13").allow("10.0.0.0/8:5432/tcp")
//
// Rules are PEER[:PORTS][/PROTOCOL], as peer_syntax.h has it and as `sluice
// run --allow` takes them. The first that matches decides, in the order of the
// calls; then the preset.
class Policy {
 public:
  // Left out, it is ALLOWLIST where there is an allow(), so that nothing else
  // is allowed, and PUBLIC_ONLY where there is none. To open something beside
  // the public Internet, say so:
  //
  //   Policy().preset(v1::PRESET_PUBLIC_ONLY).allow("10.0.0.5:5432")
  Policy& preset(v1::Preset preset);
  Policy& allow(absl::string_view rule) { return Add(v1::ACTION_ALLOW, rule); }
  Policy& deny(absl::string_view rule) { return Add(v1::ACTION_DENY, rule); }
  // Denied packets get no answer, instead of a refusal at once.
  Policy& drop();

  // InvalidArgument quotes the first rule that is wrong.
  absl::StatusOr<v1::NetworkPolicy> Build() const;

 private:
  Policy& Add(v1::Action action, absl::string_view rule);

  v1::NetworkPolicy policy_;
  bool allows_ = false;
  absl::Status status_;
};

}  // namespace sluice::client

#endif  // SLUICE_CLIENTS_CPP_POLICY_H_
