#ifndef SLUICE_NETSVC_POLICY_RANDOM_POLICY_H_
#define SLUICE_NETSVC_POLICY_RANDOM_POLICY_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/policy/rule.h"
#include "netsvc/policy/verdict.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

// Valid policies and questions to ask them, the same ones for the same seed.
class RandomPolicy {
 public:
  struct Options {
    uint64_t seed = 0;
    // Addresses and names come from worlds of this many bits: a few, so that
    // rules overlap and questions hit them; many, so that they lie apart.
    int world_bits = 6;
    // Of 100 rules, how many have no peers at all, and so hide most of what
    // follows them.
    int peerless_percent = 2;
    // Of 100 peers that are not domains, how many are groups.
    int group_percent = 10;
    // The shortest IPv4 prefix of a cidr; of IPv6 four times that.
    int shortest_v4 = 0;
  };

  explicit RandomPolicy(const Options& options) : options_(options), random_(options.seed) {}

  v1::NetworkPolicy Policy(int rules);
  // At most that many: what a floor may not have is left out.
  std::vector<Rule> Floor(int rules);
  // IPv4, IPv6, and IPv4 carried in every form.
  IpAddress Address();
  DomainName Name();
  // Of any direction and protocol. `names` is what query.names points into.
  FlowQuery Query(std::vector<DomainName>& names);

 private:
  // 0 to below - 1.
  uint32_t Pick(uint32_t below);
  bool Chance(int percent) { return static_cast<int>(Pick(100)) < percent; }
  uint32_t World();
  uint32_t Port();
  uint32_t V4();
  std::string NameText();
  void AddPeer(v1::Rule& rule);
  void AddServices(v1::Rule& rule);

  const Options options_;
  std::mt19937_64 random_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_RANDOM_POLICY_H_
