#include "netsvc/worker/bindings_replay.h"

#include <fcntl.h>

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "google/protobuf/util/time_util.h"
#include "netsvc/audit/log_reader.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

using google::protobuf::util::TimeUtil;

void BindAgain(const v1::AuditEvent& event, absl::Time now, dns::Bindings& bindings) {
  const v1::DnsEvent& dns = event.dns();
  if (dns.verdict().action() != v1::ACTION_ALLOW || dns.addresses().empty()) return;
  const absl::StatusOr<DomainName> name = DomainName::FromText(dns.name());
  if (!name.ok()) return;
  std::vector<IpAddress> addresses;
  for (const std::string& text : dns.addresses()) {
    if (const std::optional<IpAddress> address = IpAddress::Parse(text)) addresses.push_back(*address);
  }
  const absl::Duration age = now - absl::FromUnixNanos(TimeUtil::TimestampToNanoseconds(event.time()));
  bindings.Bind(*name, addresses, absl::Nanoseconds(TimeUtil::DurationToNanoseconds(dns.ttl())), age);
}

// The events since `since`, oldest first; nothing where they are too many, or the
// log cannot be read.
std::optional<std::vector<v1::AuditEvent>> AnswersSince(int directory, absl::Time since) {
  const absl::StatusOr<audit::LogPosition> position = audit::LogReader::PositionAt(directory, since);
  UniqueFd own(fcntl(directory, F_DUPFD_CLOEXEC, 0));
  if (!position.ok() || !own.valid()) return std::nullopt;
  audit::LogReader reader(std::move(own), *position);
  reader.SkipBefore(since);
  std::vector<v1::AuditEvent> answers;
  for (size_t read = 0; read < kMaxReplayed; ++read) {
    absl::StatusOr<audit::LogItem> item = reader.Next();
    if (!item.ok()) return std::nullopt;
    if (std::holds_alternative<audit::EndForNow>(*item)) return answers;
    auto* event = std::get_if<v1::AuditEvent>(&*item);
    if (event != nullptr && event->has_dns()) answers.push_back(std::move(*event));
  }
  return std::nullopt;
}

}  // namespace

void ReplayBindings(int directory, const Clock& clock, dns::Bindings& bindings) {
  const absl::Time now = clock.Now();
  for (const absl::Duration age : {kReplayAge, kReplayAge / 10, kReplayAge / 60}) {
    const std::optional<std::vector<v1::AuditEvent>> answers = AnswersSince(directory, now - age);
    if (!answers) continue;
    for (const v1::AuditEvent& event : *answers) BindAgain(event, now, bindings);
    return;
  }
}

}  // namespace sluice
