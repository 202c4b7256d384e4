#ifndef SLUICE_NETSVC_WORKER_GATEWAY_WITNESS_H_
#define SLUICE_NETSVC_WORKER_GATEWAY_WITNESS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "netsvc/audit/log_reader.h"
#include "netsvc/policy/linear_evaluator.h"
#include "netsvc/worker/gateway_fixture.h"

namespace sluice {

// The real gateway under a policy, and somebody who looks at every frame that it
// gives to the host stack, as it does. Each must be sound; of the link's own
// services, or of a flow that the linear evaluator allows and that the audit log,
// read from disk at that moment, says is open. The end of a flow may be told too.
class GatewayWitness : public GatewayFixture {
 public:
  struct Counters {
    uint64_t sent = 0;       // by the guest
    uint64_t passed_on = 0;  // TCP and UDP that came out
    uint64_t opened = 0;     // flows, by the log
  };

  explicit GatewayWitness(const v1::NetworkPolicy& policy);
  ~GatewayWitness() override;

  // As the worker does it: the open flows that it denies end.
  void ChangePolicy(const v1::NetworkPolicy& policy);
  // The sandbox resolves `name` to `address`.
  void Bind(const DomainName& name, const IpAddress& address);
  // The guest sends `frame`, which changes.
  void Send(std::span<uint8_t> frame, const packet::Offload& offload = {});
  // The host stack connects the last TCP flow that it was asked for.
  void AnswerLast();
  void Wait(absl::Duration time) { loop_.Advance(time); }

  const Subnet& subnet() const { return subnet_; }
  const Counters& counters() const { return counters_; }
  // The first thing that came out and should not have; empty: there was none.
  const std::string& problem() const { return problem_; }

 private:
  void TestBody() override {}

  void OnInput(std::span<uint8_t> frame);
  std::string ProblemWith(const packet::Packet& packet);
  bool IsLinkService(const packet::Packet& packet) const;
  void ReadLog();
  void OnFlowEvent(const v1::FlowEvent& event);
  bool Allows(const flow::FlowKey& key) const;
  // What `key`, as the stack sees it, may be to the guest.
  std::vector<flow::FlowKey> GuestSides(const flow::FlowKey& key) const;

  std::unique_ptr<policy::LinearEvaluator> evaluator_;
  std::map<IpAddress, std::vector<DomainName>> names_;
  audit::LogReader reader_;
  absl::flat_hash_set<flow::FlowKey> open_;
  absl::flat_hash_set<flow::FlowKey> ever_open_;
  std::vector<uint8_t> last_out_;
  std::string problem_;
  Counters counters_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_GATEWAY_WITNESS_H_
