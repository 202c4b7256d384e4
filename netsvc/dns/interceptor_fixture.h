#ifndef SLUICE_NETSVC_DNS_INTERCEPTOR_FIXTURE_H_
#define SLUICE_NETSVC_DNS_INTERCEPTOR_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "netsvc/dns/fake_upstream.h"
#include "netsvc/dns/interceptor.h"
#include "netsvc/dns/test_message.h"
#include "netsvc/loop/fake_loop.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/compiled_policy.h"
#include "sluice/v1/audit.pb.h"

namespace sluice::dns {

// An interceptor in a world of fakes, for tests.
class InterceptorFixture : public Interceptor::Host {
 public:
  // Text protos of NetworkPolicy and DnsConfig. Policies and settings that are
  // wrong end the test.
  explicit InterceptorFixture(const std::string& policy = "preset: PRESET_PUBLIC_ONLY", const std::string& config = "");
  ~InterceptorFixture() override;

  // A UDP query. What it is answered with is added to answers().
  void Send(const Bytes& query);
  // Answers the question that waits at the upstream for longest.
  void Answer(absl::StatusOr<Bytes> answer);
  // The same as Send, all that waits at the upstream answered with `answer`; returns the
  // last answer as text, "" without one.
  std::string Ask(const Bytes& query, const absl::StatusOr<Bytes>& answer);
  // The same where no upstream is to be needed: one that is asked fails.
  std::string Ask(const Bytes& query);

  void SetPolicy(const std::string& policy);
  void SetConfig(const std::string& config);
  const std::vector<Bytes>& answers() const { return answers_; }
  // "NXDOMAIN DNS_BLOCKED", "NOERROR allowed 192.0.2.1": of the last event.
  std::string LastEvent() const;

  // Interceptor::Host:
  const policy::CompiledPolicy& policy() const override { return *policy_; }
  const policy::AddressGroups& groups() const override { return groups_; }
  bool HasRoute(bool ipv6) const override { return ipv6 ? ipv6_route : ipv4_route; }
  void Record(v1::DnsEvent event) override { events.push_back(std::move(event)); }
  bool Commit() override;
  void OnResolved(const DomainName& name, std::span<const IpAddress> addresses, absl::Duration ttl) override;

  Asked asked;
  bool ipv4_route = true;
  bool ipv6_route = true;
  bool can_record = true;
  int commits = 0;
  std::vector<v1::DnsEvent> events;
  std::vector<std::string> resolved;
  FakeLoop loop;
  FakeUpstream upstream;
  BlockLists lists;  // those that the configuration names, empty until a test sets them

 private:
  std::shared_ptr<const policy::CompiledPolicy> policy_;
  policy::AddressGroups groups_;
  std::vector<Bytes> answers_;

 public:
  std::unique_ptr<Interceptor> interceptor;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_INTERCEPTOR_FIXTURE_H_
