#ifndef SLUICE_NETSVC_WORKER_SANDBOX_NETWORK_H_
#define SLUICE_NETSVC_WORKER_SANDBOX_NETWORK_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/dns/bindings.h"
#include "netsvc/dns/block_lists.h"
#include "netsvc/dns/interceptor.h"
#include "netsvc/dns/upstream.h"
#include "netsvc/flow/byte_budget.h"
#include "netsvc/flow/flow_table.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/judge.h"
#include "netsvc/policy/rule.h"
#include "netsvc/policy/rule_hits.h"
#include "netsvc/slirp/slirp_stack.h"
#include "netsvc/worker/audit_trail.h"
#include "netsvc/worker/dns_relay.h"
#include "netsvc/worker/flow_judge.h"
#include "netsvc/worker/gateway.h"
#include "netsvc/worker/guest_link.h"
#include "netsvc/worker/host_addresses.h"
#include "netsvc/worker/internet_routes.h"
#include "netsvc/worker/kept_numbers.h"
#include "netsvc/worker/log_replay.h"
#include "netsvc/worker/subnet.h"
#include "sluice/internal/v1/worker.pb.h"

namespace sluice {

// One sandbox's whole network, put together: the gateway with its policy, DNS and
// audit log. One thread, the loop's; it lives as long as the worker.
class SandboxNetwork : private dns::Interceptor::Host {
 public:
  // `lists` outlives it. `log_directory` is an open directory, `run_directory` the
  // path of one, short enough for sockets in it. Any error means that there is no
  // network.
  static absl::StatusOr<std::unique_ptr<SandboxNetwork>> Create(EventLoop& loop, const dns::BlockLists& lists,
                                                                const internal::v1::Configure& config,
                                                                UniqueFd log_directory,
                                                                const std::string& run_directory);
  ~SandboxNetwork() override;

  const std::string& uid() const { return uid_; }
  uint64_t policy_generation() const { return generation_; }

  // `descriptor`: as link::OpenLink. A link that has to stay with its guest goes
  // down and up where others are detached and attached.
  absl::Status AttachLink(UniqueFd descriptor);
  void DetachLink();

  // From when this returns, every packet is judged by the new policy. Returns how
  // many open flows it ended.
  absl::StatusOr<uint64_t> SetPolicy(const internal::v1::SetPolicy& request);

  // The same for the operator's floor, ahead of this policy and those that Evaluate
  // is asked about.
  absl::StatusOr<uint64_t> SetFloor(const internal::v1::SetFloor& request);

  // As Explainer; a policy in `question` is compiled first, 0.2 s for the largest.
  absl::StatusOr<internal::v1::EvaluateResult> Evaluate(const internal::v1::Evaluate& question) const;
  internal::v1::RuleStatsResult RuleStats() const;

  absl::Status AddPort(const v1::PortMapping& port, UniqueFd socket);
  absl::StatusOr<uint64_t> RemovePort(const v1::PortMapping& port);

  // Duplicates of the link's descriptor (link::Link), and of the `index`th
  // published port's socket. NotFound.
  struct Port {
    v1::PortMapping mapping;
    UniqueFd socket;
  };
  absl::StatusOr<UniqueFd> LinkDescriptor() const;
  absl::StatusOr<Port> GetPort(size_t index) const;

  // In force, for open flows too, when it returns. An error changes nothing.
  absl::Status SetHost(const internal::v1::SetHost& host);

  // "IP" or "IP:PORT" of the host's resolvers; without effect where the sandbox
  // has its own.
  absl::Status SetNameservers(const google::protobuf::RepeatedPtrField<std::string>& texts);

  // Settings of DNS, limits and the audit log, in force when this returns, for open
  // flows too. An error changes nothing.
  absl::Status Update(const internal::v1::UpdateNetwork& update);

  // Queries that wait for an answer are judged by the new lists when it comes, open
  // flows now.
  void OnBlockListsChanged();

  // Unavailable: the log cannot be written.
  absl::Status RecordLifecycle(const v1::LifecycleEvent& event);

  // What it has done so far, and the `top_remotes` of its open flows.
  internal::v1::StatsResult Stats(uint32_t top_remotes) const;

  // As link::Captures::Start.
  absl::Status StartCapture(const internal::v1::StartCapture& request, UniqueFd socket);

  // Ends every flow and detaches the link; the last events are written. Returns
  // how many flows it ended.
  uint64_t Shutdown(const v1::LifecycleEvent& last);

 private:
  SandboxNetwork(EventLoop& loop, const dns::BlockLists& lists, const internal::v1::Configure& config);
  absl::Status Start(const internal::v1::Configure& config, UniqueFd log_directory,
                     const std::string& run_directory);
  absl::Status OpenLog(const internal::v1::Configure& config, UniqueFd directory);
  // The first events of this worker. False: the log cannot be written.
  bool RecordStart(const internal::v1::Configure& config, const Replay& replay);
  void ApplyLimits(const v1::NetworkLimits& limits);
  absl::Status StartDns(const internal::v1::Configure& config);
  // FailedPrecondition where the worker was not given a list that `dns` names.
  absl::Status CheckBlockLists(const v1::DnsConfig& dns) const;
  // Has the upstream ask the sandbox's own resolvers, or else the host's.
  void ApplyNameservers();
  // Names bind no addresses that they may not lead to.
  void DropDeniedNames();
  void CountHits(std::shared_ptr<const policy::CompiledPolicy> policy);
  // Puts a policy in force. Returns how many open flows it ended; with
  // `keep_open_flows` none.
  uint64_t Enforce(std::shared_ptr<const policy::CompiledPolicy> policy, bool keep_open_flows);

  // dns::Interceptor::Host
  const policy::CompiledPolicy& policy() const override { return judge_->policy(); }
  const policy::AddressGroups& groups() const override { return *groups_; }
  bool HasRoute(bool ipv6) const override { return routes_.Has(ipv6); }
  void Record(v1::DnsEvent event) override { audit_->Dns(std::move(event)); }
  bool Commit() override { return audit_->Commit(); }
  void OnResolved(const DomainName& name, std::span<const IpAddress> addresses, absl::Duration ttl) override {
    bindings_.Bind(name, addresses, ttl);
  }
  bool CanRecord() const override { return audit_->available(); }

  EventLoop& loop_;
  const dns::BlockLists& block_lists_;
  const std::string sandbox_id_;
  const std::string uid_;
  uint64_t generation_ = 0;
  std::vector<Endpoint> own_nameservers_;  // none: the host's are asked
  std::vector<Endpoint> host_nameservers_;

  dns::Bindings bindings_;
  mutable InternetRoutes routes_;  // answers are remembered
  std::vector<Port> ports_;  // as they were given, for a server that comes later
  std::unique_ptr<KeptNumbers> kept_;
  // In the order in which they are built; each uses those above it.
  Subnet subnet_;
  policy::RuleProtos floor_source_;
  std::vector<policy::Rule> floor_;
  std::unique_ptr<policy::RuleHits> hits_;
  std::unique_ptr<AuditTrail> audit_;
  std::unique_ptr<policy::AddressGroups> groups_;
  std::unique_ptr<HostAddresses> host_addresses_;
  std::unique_ptr<policy::Judge> judge_;
  std::unique_ptr<flow::FlowTable> flows_;
  flow::ByteBudget budget_;
  std::unique_ptr<GuestLink> link_;
  std::unique_ptr<DnsRelay> dns_relay_;
  std::unique_ptr<dns::Upstream> upstream_;
  std::unique_ptr<dns::Interceptor> interceptor_;
  std::unique_ptr<FlowJudge> flow_judge_;
  std::unique_ptr<SlirpStack> stack_;
  std::unique_ptr<Gateway> gateway_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_SANDBOX_NETWORK_H_
