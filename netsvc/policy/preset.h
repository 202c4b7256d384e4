#ifndef SLUICE_NETSVC_POLICY_PRESET_H_
#define SLUICE_NETSVC_POLICY_PRESET_H_

#include "netsvc/policy/verdict.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

// What `preset` answers to a flow that no rule of the caller decided. `group`
// is that of query.remote.
Verdict PresetVerdict(v1::Preset preset, const FlowQuery& query, v1::AddressGroup group);

// What it answers to a name that no rule of the caller decided.
Verdict PresetNameVerdict(v1::Preset preset);

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_PRESET_H_
