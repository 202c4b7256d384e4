#include "netsvc/worker/log_replay.h"

#include <fcntl.h>

#include <algorithm>
#include <map>
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

absl::Time TimeOf(const v1::AuditEvent& event) {
  return absl::FromUnixNanos(TimeUtil::TimestampToNanoseconds(event.time()));
}

void BindAgain(const v1::AuditEvent& event, absl::Time now, dns::Bindings& bindings) {
  const v1::DnsEvent& dns = event.dns();
  if (dns.verdict().action() != v1::ACTION_ALLOW || dns.addresses().empty()) return;
  const absl::StatusOr<DomainName> name = DomainName::FromText(dns.name());
  if (!name.ok()) return;
  std::vector<IpAddress> addresses;
  for (const std::string& text : dns.addresses()) {
    if (const std::optional<IpAddress> address = IpAddress::Parse(text)) addresses.push_back(*address);
  }
  const absl::Duration age = now - TimeOf(event);
  bindings.Bind(*name, addresses, absl::Nanoseconds(TimeUtil::DurationToNanoseconds(dns.ttl())), age);
}

// What has to be known of the events since some time.
struct Past {
  std::vector<v1::AuditEvent> answers;        // the oldest first
  std::map<uint64_t, absl::Time> open_flows;  // by id: when they were last told of
  absl::Time latest = absl::InfinitePast();

  void Add(v1::AuditEvent event) {
    latest = std::max(latest, TimeOf(event));
    if (event.has_flow()) {
      AddFlow(event);
    } else if (event.has_dns()) {
      answers.push_back(std::move(event));
    } else if (event.lifecycle().state() == v1::Sandbox::STATE_DEGRADED) {
      open_flows.clear();  // a worker was replaced, and they were told of
    }
  }

  void AddFlow(const v1::AuditEvent& event) {
    switch (event.flow().phase()) {
      case v1::FlowEvent::PHASE_OPENED:
      case v1::FlowEvent::PHASE_PROGRESS:
        open_flows[event.flow().flow_id()] = TimeOf(event);
        break;
      case v1::FlowEvent::PHASE_CLOSED:
        open_flows.erase(event.flow().flow_id());
        break;
      default:
        break;
    }
  }
};

// Nothing where the events are too many, or the log cannot be read.
std::optional<Past> ReadSince(int directory, absl::Time since) {
  const absl::StatusOr<audit::LogPosition> position = audit::LogReader::PositionAt(directory, since);
  UniqueFd own(fcntl(directory, F_DUPFD_CLOEXEC, 0));
  if (!position.ok() || !own.valid()) return std::nullopt;
  audit::LogReader reader(std::move(own), *position);
  reader.SkipBefore(since);
  Past past;
  for (size_t read = 0; read < kMaxReplayed; ++read) {
    absl::StatusOr<audit::LogItem> item = reader.Next();
    if (!item.ok()) return std::nullopt;
    if (std::holds_alternative<audit::EndForNow>(*item)) return past;
    if (auto* event = std::get_if<v1::AuditEvent>(&*item)) past.Add(std::move(*event));
  }
  return std::nullopt;
}

}  // namespace

Replay ReplayLog(int directory, const Clock& clock, dns::Bindings& bindings) {
  const absl::Time now = clock.Now();
  Replay replay;
  for (const absl::Duration age : {kReplayAge, kReplayAge / 10, kReplayAge / 60}) {
    const std::optional<Past> past = ReadSince(directory, now - age);
    if (!past) continue;
    for (const v1::AuditEvent& event : past->answers) BindAgain(event, now, bindings);
    for (const auto& [id, told] : past->open_flows) {
      if (past->latest - told < kSilence) replay.open_flows.push_back(id);
    }
    break;
  }
  return replay;
}

}  // namespace sluice
