#ifndef SLUICE_NETSVC_POLICY_RULE_HITS_H_
#define SLUICE_NETSVC_POLICY_RULE_HITS_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "netsvc/policy/compiled_policy.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

// How often each rule of one policy has decided: what RuleStats tells. A policy
// that replaces another begins with hits of its own.
//
// Single-threaded. Counting is one hash lookup and does not allocate; it takes
// about 80 bytes a rule.
class RuleHits {
 public:
  enum class Kind { kFlow, kName };

  // Counts from `since` on.
  RuleHits(std::shared_ptr<const CompiledPolicy> policy, absl::Time since);

  // The same policy behind another floor: what the policy's own rules decided
  // stays counted, the floor's begin anew.
  void ChangeFloor(std::shared_ptr<const CompiledPolicy> policy);

  // By the verdict's rule; an empty id is the default's, and one that the
  // policy does not have (a verdict of the policy before it) is passed over.
  void Count(Kind kind, v1::Action action, absl::string_view rule_id, absl::Time now);

  absl::Time since() const { return since_; }
  // Each rule of the policy in order, then "preset" and "default", then those of
  // the floor that have decided.
  void AppendTo(google::protobuf::RepeatedPtrField<v1::RuleStats>& stats) const;

 private:
  // Of each kind, by whether they were allowed.
  struct Hits {
    std::array<std::array<uint64_t, 2>, 2> count = {};
    absl::Time last = absl::InfinitePast();
  };

  void Append(absl::string_view rule_id, const Hits& hits,
              google::protobuf::RepeatedPtrField<v1::RuleStats>& stats) const;

  void IndexIds();

  std::shared_ptr<const CompiledPolicy> policy_;
  const absl::Time since_;
  // The rules' in order, the floor's first, then the preset's and the default's.
  std::vector<Hits> hits_;
  // The place of each id in hits_. The ids are the policy's.
  absl::flat_hash_map<absl::string_view, uint32_t> places_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_RULE_HITS_H_
