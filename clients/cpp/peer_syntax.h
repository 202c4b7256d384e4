#ifndef SLUICE_CLIENTS_CPP_PEER_SYNTAX_H_
#define SLUICE_CLIENTS_CPP_PEER_SYNTAX_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::client {

// An egress rule as --allow and --deny write it: PEER[:PORTS][/PROTOCOL].
//
//   PEER      any; a group ("public", "host", ...); "10.0.0.0/8" or one
//             address (IPv6 in brackets before ports, its prefix length
//             inside: "[2001:db8::/32]:443"); "example.com" or "*.example.com"
//   PORTS     "443", "8000-8100", or several with commas
//   PROTOCOL  tcp, udp or icmp; without it, any
//
// InvalidArgument says in words what is wrong with `text`.
absl::StatusOr<v1::Rule> ParseRule(v1::Action action, absl::string_view text);

// The rule in the same words, for people: "allow *.pypi.org:443/tcp". Rules of
// several peers or protocols list them with commas.
std::string RuleText(const v1::Rule& rule);

}  // namespace sluice::client

#endif  // SLUICE_CLIENTS_CPP_PEER_SYNTAX_H_
