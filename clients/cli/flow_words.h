#ifndef SLUICE_CLIENTS_CLI_FLOW_WORDS_H_
#define SLUICE_CLIENTS_CLI_FLOW_WORDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sluice/v1/sandbox_service.pb.h"

namespace sluice::cli {

// A flow or a name in words, as `policy check` reads it:
//
//   tcp ADDRESS:PORT, udp ADDRESS:PORT   IPv6 in brackets: [2001:db8::1]:443
//   icmp ADDRESS                         an echo
//   name NAME                            a DNS query
//
// Fills in protocol, remote_address, port and remote_domain of `request`.
// InvalidArgument says in words what is wrong.
absl::Status ParseFlowWords(absl::string_view kind, absl::string_view remote, v1::EvaluatePolicyRequest& request);

// The answer in one sentence: "denied: tcp to 10.1.2.3:443 (private), by rule
// \"office\"".
std::string VerdictSentence(const v1::EvaluatePolicyRequest& request, const v1::EvaluatePolicyResponse& response);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_FLOW_WORDS_H_
