#ifndef SLUICE_NETSVC_WORKER_GATEWAY_FIXTURE_H_
#define SLUICE_NETSVC_WORKER_GATEWAY_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/dns/bindings.h"
#include "netsvc/dns/block_lists.h"
#include "netsvc/dns/fake_upstream.h"
#include "netsvc/dns/interceptor.h"
#include "netsvc/flow/byte_budget.h"
#include "netsvc/flow/flow_table.h"
#include "netsvc/loop/fake_loop.h"
#include "netsvc/packet/builder.h"
#include "netsvc/policy/judge.h"
#include "netsvc/slirp/fake_host_stack.h"
#include "netsvc/worker/audit_trail.h"
#include "netsvc/worker/flow_judge.h"
#include "netsvc/worker/gateway.h"

namespace sluice {

// The real gateway, judges and interceptor, with a fake link before them, a fake
// host stack and a fake upstream behind.
class GatewayFixture : public testing::Test, private dns::Interceptor::Host {
 protected:
  // Text protos. The policy is PUBLIC_ONLY until it is set.
  explicit GatewayFixture(const std::string& dns_config = "");
  ~GatewayFixture() override;

  // As the worker does it, but for open flows.
  void SetPolicy(const std::string& text);
  void SetDns(const std::string& config);

  packet::Addressing FromGuestTo(const Endpoint& remote, uint16_t port = 4242) const;
  // From `remote`, as the host stack sees it, to the guest.
  packet::Addressing ToGuestFrom(const Endpoint& remote, uint16_t port = 4242) const;

  void GuestSends(std::span<uint8_t> frame);
  void GuestSendsTcp(const Endpoint& remote, packet::TcpControl control, uint16_t port = 4242);
  void GuestSendsUdp(const Endpoint& remote, uint16_t port = 4242);
  void StackSends(const packet::Addressing& addressing, packet::TcpControl control);
  void StackSendsUdp(const Endpoint& from, const Endpoint& to);

  packet::Packet LastToGuest();

  std::vector<v1::AuditEvent> Events();
  // The last event's, which is empty where that is none of a flow.
  v1::FlowEvent LastFlowEvent();

  FakeLoop loop_;
  FakeHostStack stack_;
  dns::FakeUpstream upstream_;
  dns::BlockLists block_lists_;
  Subnet subnet_;
  policy::AddressGroups groups_;
  GuestLink link_{loop_, subnet_.mtu};
  flow::ByteBudget budget_;
  flow::FlowTable flows_{100};
  dns::Bindings bindings_{loop_.clock()};
  std::vector<std::vector<uint8_t>> to_guest_;
  std::string log_path_;
  UniqueFd socket_directory_;
  std::unique_ptr<AuditTrail> audit_;
  std::unique_ptr<policy::Judge> judge_;
  std::unique_ptr<DnsRelay> dns_;
  std::unique_ptr<dns::Interceptor> interceptor_;
  std::unique_ptr<FlowJudge> flow_judge_;
  std::unique_ptr<Gateway> gateway_;

 private:
  void DropDenied();

  // dns::Interceptor::Host
  const policy::CompiledPolicy& policy() const override { return judge_->policy(); }
  const policy::AddressGroups& groups() const override { return groups_; }
  bool HasRoute(bool) const override { return true; }
  void Record(v1::DnsEvent event) override { audit_->Dns(std::move(event)); }
  bool Commit() override { return audit_->Commit(); }
  void OnResolved(const DomainName& name, std::span<const IpAddress> addresses, absl::Duration ttl) override {
    bindings_.Bind(name, addresses, ttl);
  }
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_GATEWAY_FIXTURE_H_
