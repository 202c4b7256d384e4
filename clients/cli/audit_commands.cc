#include "clients/cli/audit_commands.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "clients/cli/client.h"
#include "clients/cli/event_format.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/json.h"
#include "clients/cli/ocsf.h"
#include "clients/cli/output.h"
#include "clients/cli/sandbox_options.h"
#include "clients/cli/text.h"

namespace sluice::cli {
namespace {

struct AuditOptions {
  std::vector<std::string> sandboxes;
  std::vector<std::string> labels;
  std::vector<std::string> domains;
  std::string since;
  bool denied = false;
  bool follow = false;
  bool ocsf = false;
};

enum class Format { kText, kJson, kOcsf };

// "10m" is ten minutes before `now`; else a time as RFC 3339 writes it.
absl::StatusOr<absl::Time> ParseSince(const std::string& text, absl::Time now) {
  absl::Duration ago;
  if (absl::ParseDuration(text, &ago) && ago >= absl::ZeroDuration() && ago < absl::InfiniteDuration()) {
    return now - ago;
  }
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return time;
  return absl::InvalidArgumentError(absl::StrCat(
      "--since: \"", text, "\" is neither a duration such as 10m or 1h30m nor 2030-01-31T15:04:05Z"));
}

absl::StatusOr<v1::StreamAuditEventsRequest> MakeRequest(const AuditOptions& options) {
  v1::StreamAuditEventsRequest request;
  request.mutable_sandbox_ids()->Assign(options.sandboxes.begin(), options.sandboxes.end());
  const absl::Status labels = FillMap("--label", options.labels, *request.mutable_labels());
  if (!labels.ok()) return labels;
  if (!options.since.empty()) {
    const absl::StatusOr<absl::Time> since = ParseSince(options.since, absl::Now());
    if (!since.ok()) return since.status();
    *request.mutable_since() = ToProto(*since);
  }
  request.set_follow(options.follow);
  if (options.denied) request.mutable_filter()->set_action(v1::ACTION_DENY);
  for (const std::string& domain : options.domains) request.mutable_filter()->add_domains(domain);
  return request;
}

std::string EventLine(const v1::AuditEvent& event, Format format, EventFormatter& formatter) {
  switch (format) {
    case Format::kText:
      return formatter.Line(event);
    case Format::kJson:
      return absl::StrCat(JsonLine(event), "\n");
    case Format::kOcsf:
      return absl::StrCat(OcsfLine(event), "\n");
  }
  return "";
}

std::string LostLine(const v1::LostEvents& lost, Format format, const EventFormatter& formatter) {
  switch (format) {
    case Format::kText:
      return formatter.Lost(lost);
    case Format::kJson:
      return absl::StrCat("{\"lost\":", JsonLine(lost), "}\n");
    case Format::kOcsf:
      return absl::StrCat(OcsfLine(lost, absl::Now()), "\n");
  }
  return "";
}

std::string ResponseText(const v1::StreamAuditEventsResponse& response, Format format, EventFormatter& formatter) {
  switch (response.item_case()) {
    case v1::StreamAuditEventsResponse::kEvent:
      return EventLine(response.event(), format, formatter);
    case v1::StreamAuditEventsResponse::kLost:
      return LostLine(response.lost(), format, formatter);
    case v1::StreamAuditEventsResponse::kHeartbeat:
    case v1::StreamAuditEventsResponse::ITEM_NOT_SET:
      return "";
  }
  return "";
}

// Prints until the stream or the reader of our output ends.
int Audit(const Cli& cli, const AuditOptions& options) {
  const absl::StatusOr<v1::StreamAuditEventsRequest> request = MakeRequest(options);
  if (!request.ok()) return UsageError(request.status().message());
  Client client(cli.server);
  grpc::ClientContext context;
  const auto stream = client.audit().StreamAuditEvents(&context, *request);
  EventFormatter formatter({.color = UseColor(), .zone = absl::LocalTimeZone()});
  const Format format = options.ocsf ? Format::kOcsf : cli.json ? Format::kJson : Format::kText;
  bool any = false;
  v1::StreamAuditEventsResponse response;
  while (stream->Read(&response)) {
    const std::string text = ResponseText(response, format, formatter);
    if (text.empty()) continue;
    const std::string header = any || format != Format::kText ? "" : formatter.Header();
    any = true;
    if (const int code = Print(absl::StrCat(header, text)); code != kOk) return code;
  }
  const grpc::Status status = stream->Finish();
  if (!status.ok()) return client.Fail("the audit stream ended", status);
  if (options.follow) {
    PrintNotice("the server ended the audit stream: `sluice audit -f --since 1m` picks it up again");
    return kRefused;
  }
  if (!any && format == Format::kText) PrintNotice("no events match");
  return kOk;
}

}  // namespace

void AddAuditCommands(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<AuditOptions>();
  CLI::App* audit =
      app.add_subcommand("audit", "Show what sandboxes did on the network, and why it was allowed or not");
  audit->add_option("SANDBOX", options->sandboxes, "Their ids; every sandbox when left out");
  audit->add_flag("-f,--follow", options->follow, "Go on with events as they happen");
  audit->add_option("--since", options->since, "Events from this long ago, or from this time on")
      ->type_name("10m|TIME");
  audit->add_flag("--denied", options->denied, "Only what was denied");
  AddRepeated(audit, "--domain", options->domains, "Only flows and queries of this name. May be repeated")
      ->type_name("DOMAIN");
  audit->add_option_function<std::string>(
           "--format", [options](const std::string& word) { options->ocsf = word == "ocsf"; },
           "Objects of the Open Cybersecurity Schema Framework, one a line")
      ->check(CLI::IsMember({"ocsf"}))
      ->option_text("ocsf");
  AddRepeated(audit, "-l,--label", options->labels, "Only sandboxes that bear this label. May be repeated")
      ->type_name("K=V");
  audit->footer(
      "With -o json, one AuditEvent a line; {\"lost\": ...} stands for events that\n"
      "retention removed first.\n\n"
      "Examples:\n"
      "  sluice audit web\n"
      "  sluice audit -f --denied\n"
      "  sluice audit --since 1h --domain '*.example.com' -o json | jq .flow\n");
  SetAction(audit, cli, options, &Audit);
}

}  // namespace sluice::cli
