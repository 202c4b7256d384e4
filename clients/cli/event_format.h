#ifndef SLUICE_CLIENTS_CLI_EVENT_FORMAT_H_
#define SLUICE_CLIENTS_CLI_EVENT_FORMAT_H_

#include <cstddef>
#include <string>

#include "absl/time/time.h"
#include "sluice/v1/audit.pb.h"
#include "sluice/v1/audit_service.pb.h"

namespace sluice::cli {

// Audit events as aligned lines for a person. Lines come while events do, so
// the columns start at common widths and widen for good where one needs it.
class EventFormatter {
 public:
  struct Options {
    // ANSI colours: for terminals only.
    bool color = false;
    absl::TimeZone zone = absl::UTCTimeZone();
  };

  explicit EventFormatter(Options options) : options_(options) {}

  // Each returns one line with its newline.
  std::string Header();
  std::string Line(const v1::AuditEvent& event);
  std::string Lost(const v1::LostEvents& lost) const;

 private:
  std::string Painted(const char* color, std::string text) const;

  const Options options_;
  size_t sandbox_width_ = 12;
  size_t what_width_ = 56;
  size_t why_width_ = 14;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_EVENT_FORMAT_H_
