#ifndef SLUICE_CLIENTS_CLI_EVENT_TEXT_H_
#define SLUICE_CLIENTS_CLI_EVENT_TEXT_H_

#include <string>

#include "sluice/v1/audit.pb.h"

namespace sluice::cli {

// An audit event in words, before alignment and colour. All Printable.
struct EventText {
  // Lifecycle, port and policy events have no verdict.
  v1::Action verdict = v1::ACTION_UNSPECIFIED;
  // "tcp 10.0.2.15:4242 -> 93.184.216.34:443 web.example.com"
  std::string what{};
  // The rule that decided, and the reason where it was more than the rule.
  std::string why{};
  // "closed, 517 B out, 1.4 KB in, 0.4 s"
  std::string detail{};
};

EventText DescribeEvent(const v1::AuditEvent& event);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_EVENT_TEXT_H_
