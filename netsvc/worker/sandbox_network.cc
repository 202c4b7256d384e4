#include "netsvc/worker/sandbox_network.h"

#include <errno.h>
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/util/time_util.h"
#include "netsvc/audit/log_writer.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"
#include "netsvc/dns/c_ares_upstream.h"
#include "netsvc/link/open_link.h"
#include "netsvc/policy/compiled_policy.h"
#include "netsvc/policy/floor.h"
#include "netsvc/worker/explainer.h"
#include "netsvc/worker/flow_stats.h"
#include "netsvc/worker/network_settings.h"

namespace sluice {
namespace {

// In the lifecycle event of a worker that replaces another.
constexpr size_t kMaxToldFlows = 100;

absl::StatusOr<UniqueFd> Duplicate(int fd) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return ErrnoError(errno, "duplicate a descriptor");
  return copy;
}

absl::Status Unwritten() { return absl::UnavailableError("the audit log cannot be written"); }

}  // namespace

absl::StatusOr<std::unique_ptr<SandboxNetwork>> SandboxNetwork::Create(EventLoop& loop,
                                                                       const dns::BlockLists& lists,
                                                                       const internal::v1::Configure& config,
                                                                       UniqueFd log_directory,
                                                                       const std::string& run_directory) {
  std::unique_ptr<SandboxNetwork> network(new SandboxNetwork(loop, lists, config));
  absl::Status status = network->Start(config, std::move(log_directory), run_directory);
  if (!status.ok()) return status;
  return network;
}

SandboxNetwork::SandboxNetwork(EventLoop& loop, const dns::BlockLists& lists, const internal::v1::Configure& config)
    : loop_(loop),
      block_lists_(lists),
      sandbox_id_(config.sandbox_id()),
      uid_(config.sandbox_uid()),
      generation_(config.policy_generation()),
      bindings_(loop.clock()),
      routes_(loop.clock()) {}

SandboxNetwork::~SandboxNetwork() = default;

absl::Status SandboxNetwork::Start(const internal::v1::Configure& config, UniqueFd log_directory,
                                   const std::string& run_directory) {
  absl::StatusOr<Subnet> subnet = Subnet::FromProto(config.interface());
  if (!subnet.ok()) return subnet.status();
  subnet_ = *std::move(subnet);
  const Replay replay = ReplayLog(log_directory.get(), loop_.clock(), bindings_);
  if (absl::Status status = OpenLog(config, std::move(log_directory)); !status.ok()) return status;
  auto kept = KeptNumbers::Open(absl::StrCat(run_directory, "/numbers"));
  if (!kept.ok()) return kept.status();
  kept_ = *std::move(kept);

  absl::StatusOr<policy::AddressGroups::Options> group_options = GroupOptions(config, subnet_);
  if (!group_options.ok()) return group_options.status();
  groups_ = std::make_unique<policy::AddressGroups>(*std::move(group_options));
  auto host = HostAddresses::Create(
      loop_, [this](const std::vector<IpAddress>& addresses) { groups_->SetHostAddresses(addresses); });
  if (!host.ok()) return host.status();
  host_addresses_ = *std::move(host);

  absl::StatusOr<std::vector<policy::Rule>> floor = policy::ParseFloor(config.floor());
  if (!floor.ok()) return floor.status();
  floor_source_ = config.floor();
  floor_ = *std::move(floor);
  auto compiled = policy::CompiledPolicy::Compile(config.policy(), floor_);
  if (!compiled.ok()) return compiled.status();
  absl::StatusOr<std::vector<Endpoint>> control_plane = ParseServers(config.control_plane());
  if (!control_plane.ok()) return control_plane.status();
  CountHits(*compiled);
  judge_ = std::make_unique<policy::Judge>(*groups_, *std::move(control_plane), *std::move(compiled));

  flows_ = std::make_unique<flow::FlowTable>(kDefaultMaxFlows);
  flows_->CountIdsIn(kept_->values().last_flow_id);
  budget_.KeepIn(kept_->values().spent);
  link_ = std::make_unique<GuestLink>(loop_, subnet_.mtu);
  audit_->ShowIn(link_->captures());
  ApplyLimits(config.limits());
  const std::string service_path = absl::StrCat(run_directory, "/dns.sock");
  auto relay = DnsRelay::Create(*link_, subnet_, *flows_, service_path);
  if (!relay.ok()) return relay.status();
  dns_relay_ = *std::move(relay);
  if (absl::Status status = StartDns(config); !status.ok()) return status;
  flow_judge_ = std::make_unique<FlowJudge>(FlowJudge::Parts{
      *judge_, bindings_, interceptor_->names(), config.dns().require_resolved_addresses()});

  DropDeniedNames();

  auto stack = SlirpStack::Create(loop_, StackOptions(subnet_, service_path));
  if (!stack.ok()) return stack.status();
  stack_ = *std::move(stack);
  gateway_ = std::make_unique<Gateway>(
      Gateway::Parts{loop_, *stack_, *audit_, *link_, *judge_, *flow_judge_, bindings_, *flows_, *dns_relay_, subnet_,
                     budget_});
  // One that replaces another goes on as that one would have: without the log it
  // denies what it must.
  return RecordStart(config, replay) || !config.replaces().empty() ? absl::OkStatus() : Unwritten();
}

absl::Status SandboxNetwork::OpenLog(const internal::v1::Configure& config, UniqueFd directory) {
  audit::LogWriter::Options log_options;
  log_options.sandbox_id = config.sandbox_id();
  log_options.sandbox_uid = config.sandbox_uid();
  log_options.retention = RetentionOf(config.audit());
  auto log = audit::LogWriter::Open(std::move(directory), log_options, loop_.clock());
  if (!log.ok()) return log.status();
  audit_ = std::make_unique<AuditTrail>(loop_, *std::move(log), OnFailureOf(config.audit()));
  audit_->SetGeneration(generation_);
  return absl::OkStatus();
}

bool SandboxNetwork::RecordStart(const internal::v1::Configure& config, const Replay& replay) {
  bool written = true;
  if (!config.replaces().empty()) {
    const size_t count = replay.open_flows.size();
    v1::LifecycleEvent event;
    event.set_state(v1::Sandbox::STATE_DEGRADED);
    const auto told = replay.open_flows.end() - static_cast<ptrdiff_t>(std::min(count, kMaxToldFlows));
    event.set_message(absl::StrCat(config.replaces(), "; it is replaced; flows that ended with it: ", count,
                                   count == 0 ? "" : ", by flow_id ", count > kMaxToldFlows ? "..., " : "",
                                   absl::StrJoin(told, replay.open_flows.end(), ", ")));
    written = audit_->Lifecycle(event);
  }
  v1::PolicyEvent first;
  *first.mutable_policy() = config.policy();
  *first.mutable_floor() = floor_source_;
  return audit_->Policy(first) && written;
}

void SandboxNetwork::DropDeniedNames() {
  bindings_.DropIf([this](const DomainName& name, const IpAddress& address) {
    return !flow_judge_->MayLead(name, address);
  });
}

absl::Status SandboxNetwork::StartDns(const internal::v1::Configure& config) {
  if (absl::Status status = CheckBlockLists(config.dns()); !status.ok()) return status;
  absl::StatusOr<std::vector<Endpoint>> own = ParseServers(config.dns().nameservers());
  if (!own.ok()) return own.status();
  own_nameservers_ = *std::move(own);
  absl::StatusOr<std::vector<Endpoint>> host_servers = ParseServers(config.nameservers());
  if (!host_servers.ok()) return host_servers.status();
  host_nameservers_ = *std::move(host_servers);
  const dns::CAresUpstream::Options upstream_options{.query_timeout = QueryTimeoutOf(config.dns())};
  upstream_ = std::make_unique<dns::CAresUpstream>(loop_, upstream_options);
  dns::Interceptor::Options options;
  options.config = config.dns();
  options.gateway_ipv4 = subnet_.ipv4.gateway;
  options.gateway_ipv6 = subnet_.ipv6.gateway;
  options.max_udp_answer = subnet_.mtu - packet::kIpv6HeaderSize - packet::kUdpHeaderSize;
  dns::Interceptor::Host& host = *this;
  interceptor_ = std::make_unique<dns::Interceptor>(loop_, *upstream_, host, block_lists_, options);
  dns_relay_->SetInterceptor(interceptor_.get());
  ApplyNameservers();
  return absl::OkStatus();
}

void SandboxNetwork::ApplyNameservers() {
  upstream_->SetServers(own_nameservers_.empty() ? host_nameservers_ : own_nameservers_);
  interceptor_->OnNameserversChanged();
}

absl::Status SandboxNetwork::AttachLink(UniqueFd descriptor) {
  if (link_->stays()) {
    link_->Renew(std::move(descriptor));
    return absl::OkStatus();
  }
  auto link = link::OpenLink(std::move(descriptor));
  if (!link.ok()) return link.status();
  gateway_->AttachLink(*std::move(link));
  return absl::OkStatus();
}

void SandboxNetwork::DetachLink() {
  if (link_->stays()) {
    link_->SetUp(false);
  } else {
    gateway_->DetachLink();
  }
}

absl::Status SandboxNetwork::StartCapture(const internal::v1::StartCapture& request, UniqueFd socket) {
  return link_->captures().Start(std::move(socket), {.interface_name = sandbox_id_,
                                                     .snapshot_bytes = request.snapshot_bytes(),
                                                     .denied_only = request.denied_only()});
}

absl::StatusOr<UniqueFd> SandboxNetwork::LinkDescriptor() const {
  if (link_->descriptor() < 0) return absl::NotFoundError("no link is attached, or nobody is at its end");
  return Duplicate(link_->descriptor());
}

absl::StatusOr<uint64_t> SandboxNetwork::SetPolicy(const internal::v1::SetPolicy& request) {
  auto compiled = policy::CompiledPolicy::Compile(request.policy(), floor_);
  if (!compiled.ok()) return compiled.status();
  CountHits(*compiled);
  generation_ = request.generation();
  audit_->SetGeneration(generation_);
  return Enforce(*std::move(compiled), request.keep_open_flows());
}

absl::StatusOr<uint64_t> SandboxNetwork::SetFloor(const internal::v1::SetFloor& request) {
  internal::v1::SetFloor current;
  *current.mutable_rules() = floor_source_;
  if (current.SerializeAsString() == request.SerializeAsString()) return 0;  // a server that came anew tells again
  absl::StatusOr<std::vector<policy::Rule>> floor = policy::ParseFloor(request.rules());
  if (!floor.ok()) return floor.status();
  auto compiled = policy::CompiledPolicy::Compile(judge_->policy().source(), *floor);
  if (!compiled.ok()) return compiled.status();
  floor_source_ = request.rules();
  floor_ = *std::move(floor);
  hits_->ChangeFloor(*compiled);
  return Enforce(*std::move(compiled), /*keep_open_flows=*/false);
}

uint64_t SandboxNetwork::Enforce(std::shared_ptr<const policy::CompiledPolicy> policy, bool keep_open_flows) {
  v1::PolicyEvent event;
  *event.mutable_policy() = policy->source();
  *event.mutable_floor() = floor_source_;
  judge_->SetPolicy(std::move(policy));
  interceptor_->OnPolicyChanged();
  DropDeniedNames();
  if (!keep_open_flows) event.set_flows_closed(gateway_->OnPolicyChanged());
  // The policy is in force whether or not the log can be written.
  audit_->Policy(event);
  return event.flows_closed();
}

void SandboxNetwork::CountHits(std::shared_ptr<const policy::CompiledPolicy> policy) {
  auto hits = std::make_unique<policy::RuleHits>(std::move(policy), loop_.clock().Now());
  audit_->CountIn(*hits);
  hits_ = std::move(hits);
}

absl::StatusOr<internal::v1::EvaluateResult> SandboxNetwork::Evaluate(const internal::v1::Evaluate& question) const {
  const dns::NameJudge& names = interceptor_->names();
  if (!question.has_policy()) return Explainer({*judge_, *flow_judge_, names, subnet_.ipv4.dns}).Explain(question);
  auto compiled = policy::CompiledPolicy::Compile(question.policy(), floor_);
  if (!compiled.ok()) return InField("policy", compiled.status());
  policy::Judge judge(*judge_);
  judge.SetPolicy(*std::move(compiled));
  const FlowJudge flows = flow_judge_->By(judge);
  return Explainer({judge, flows, names, subnet_.ipv4.dns}).Explain(question);
}

internal::v1::RuleStatsResult SandboxNetwork::RuleStats() const {
  internal::v1::RuleStatsResult result;
  hits_->AppendTo(*result.mutable_rule_stats());
  *result.mutable_since() =
      google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(hits_->since()));
  return result;
}

absl::Status SandboxNetwork::AddPort(const v1::PortMapping& port, UniqueFd socket) {
  v1::PortEvent event;
  *event.mutable_port() = port;
  event.set_published(true);
  if (!audit_->Port(event)) return Unwritten();
  absl::StatusOr<UniqueFd> copy = Duplicate(socket.get());
  absl::Status added = copy.ok() ? gateway_->AddPort(port, std::move(socket)) : copy.status();
  if (added.ok()) {
    ports_.push_back({port, *std::move(copy)});
    return added;
  }
  event.set_published(false);
  audit_->Port(event);
  return added;
}

absl::StatusOr<uint64_t> SandboxNetwork::RemovePort(const v1::PortMapping& port) {
  absl::StatusOr<uint64_t> flows_closed = gateway_->RemovePort(port);
  if (absl::IsNotFound(flows_closed.status())) return flows_closed;
  std::erase_if(ports_, [&port](const Port& held) {
    return held.mapping.protocol() == port.protocol() && held.mapping.host_address() == port.host_address() &&
           held.mapping.host_port() == port.host_port();
  });
  v1::PortEvent event;
  *event.mutable_port() = port;
  audit_->Port(event);
  return flows_closed;
}

absl::StatusOr<SandboxNetwork::Port> SandboxNetwork::GetPort(size_t index) const {
  if (index >= ports_.size()) return absl::NotFoundError("there are not so many published ports");
  absl::StatusOr<UniqueFd> socket = Duplicate(ports_[index].socket.get());
  if (!socket.ok()) return socket.status();
  return Port{ports_[index].mapping, *std::move(socket)};
}

absl::Status SandboxNetwork::SetHost(const internal::v1::SetHost& host) {
  absl::StatusOr<policy::AddressGroups::Options> options = GroupOptions(host, subnet_);
  if (!options.ok()) return options.status();
  absl::StatusOr<std::vector<Endpoint>> control_plane = ParseServers(host.control_plane());
  if (!control_plane.ok()) return control_plane.status();
  groups_->SetOptions(*std::move(options));
  judge_->SetControlPlane(*std::move(control_plane));
  gateway_->OnPolicyChanged();
  return absl::OkStatus();
}

absl::Status SandboxNetwork::SetNameservers(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  absl::StatusOr<std::vector<Endpoint>> servers = ParseServers(texts);
  if (!servers.ok()) return servers.status();
  if (*servers == host_nameservers_) return absl::OkStatus();
  host_nameservers_ = *std::move(servers);
  if (own_nameservers_.empty()) ApplyNameservers();
  return absl::OkStatus();
}

absl::Status SandboxNetwork::Update(const internal::v1::UpdateNetwork& update) {
  if (absl::Status status = CheckBlockLists(update.dns()); !status.ok()) return status;
  absl::StatusOr<std::vector<Endpoint>> own = ParseServers(update.dns().nameservers());
  if (!own.ok()) return own.status();
  if (*own != own_nameservers_) {
    own_nameservers_ = *std::move(own);
    ApplyNameservers();
  }
  upstream_->SetQueryTimeout(QueryTimeoutOf(update.dns()));
  interceptor_->SetConfig(update.dns());
  flow_judge_->SetRequireResolved(update.dns().require_resolved_addresses());
  DropDeniedNames();
  gateway_->OnNamesChanged();
  ApplyLimits(update.limits());
  if (update.has_audit()) audit_->SetOptions(RetentionOf(update.audit()), OnFailureOf(update.audit()));
  return absl::OkStatus();
}

absl::Status SandboxNetwork::CheckBlockLists(const v1::DnsConfig& dns) const {
  for (const std::string& name : dns.block_lists()) {
    if (block_lists_.Find(name) != nullptr) continue;
    return absl::FailedPreconditionError(absl::StrCat("the worker was not given the block list ", name));
  }
  return absl::OkStatus();
}

void SandboxNetwork::OnBlockListsChanged() {
  interceptor_->OnPolicyChanged();
  DropDeniedNames();
  gateway_->OnNamesChanged();
}

void SandboxNetwork::ApplyLimits(const v1::NetworkLimits& limits) {
  flows_->SetMaxFlows(MaxFlowsOf(limits));
  budget_.SetTotal(limits.egress_bytes_total());
  link_->SetLimits({limits.egress_bytes_per_second(), limits.egress_packets_per_second()},
                   {limits.ingress_bytes_per_second(), limits.ingress_packets_per_second()});
}

absl::Status SandboxNetwork::RecordLifecycle(const v1::LifecycleEvent& event) {
  return audit_->Lifecycle(event) ? absl::OkStatus() : Unwritten();
}

internal::v1::StatsResult SandboxNetwork::Stats(uint32_t top_remotes) const {
  internal::v1::StatsResult stats;
  audit_->FillStats(stats);
  FillFlowStats(*flows_, top_remotes, stats);
  return stats;
}

uint64_t SandboxNetwork::Shutdown(const v1::LifecycleEvent& last) {
  gateway_->DetachLink();
  const policy::Verdict deleted{v1::ACTION_DENY, v1::Verdict::REASON_POLICY_CHANGED, policy::kDefaultRuleId};
  const uint64_t ended = gateway_->EndAllFlows(deleted);
  interceptor_->FlushEvents();
  audit_->Finish();
  audit_->Lifecycle(last);
  link_->captures().Finish();
  return ended;
}

}  // namespace sluice
