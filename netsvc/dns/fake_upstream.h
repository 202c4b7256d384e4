#ifndef SLUICE_NETSVC_DNS_FAKE_UPSTREAM_H_
#define SLUICE_NETSVC_DNS_FAKE_UPSTREAM_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "netsvc/dns/upstream.h"

namespace sluice::dns {

// An upstream that answers when it is told to. What was asked waits in order.
class FakeUpstream : public Upstream {
 public:
  void SetServers(const std::vector<Endpoint>& servers) override { servers_ = servers; }
  void SetQueryTimeout(absl::Duration /*timeout*/) override {}
  std::unique_ptr<Query> Ask(const DomainName& name, uint16_t type, Callback callback) override;

  // "name TYPE" of everything asked so far, in order.
  const std::vector<std::string>& asked() const { return asked_; }
  size_t waiting() const { return waiting_.size(); }
  const std::vector<Endpoint>& servers() const { return servers_; }
  // Answers the question that waits for longest; does nothing without any.
  void Answer(absl::StatusOr<std::vector<uint8_t>> answer);

 private:
  class Waiting;

  std::vector<Endpoint> servers_;
  std::vector<std::string> asked_;
  int next_ = 0;
  std::map<int, Callback> waiting_;  // by order of asking
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_FAKE_UPSTREAM_H_
