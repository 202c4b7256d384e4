#ifndef SLUICE_NETSVC_FLOW_INSPECTION_H_
#define SLUICE_NETSVC_FLOW_INSPECTION_H_

#include <cstddef>
#include <utility>

#include "netsvc/base/domain_name.h"

namespace sluice::flow {

// As much of a flow as is looked at to find its name, in bytes. SEMANTICS.md,
// section 2: a hello is put together up to here.
inline constexpr size_t kMaxInspected = 16 * 1024;

// What the first bytes that a guest sent on a flow say of the host that they
// are meant for. A value; default: nothing yet.
struct Inspection {
  enum class Outcome {
    kUndecided,   // more bytes will tell
    kNamed,       // a TLS or HTTP client that asks for `name`
    kNameless,    // a TLS or HTTP client that names no host
    kUnknown,     // neither TLS nor HTTP
    kUnreadable,  // TLS or HTTP that servers could read in more than one way, or
                  // none, or that is too long
  };

  Outcome outcome = Outcome::kUndecided;
  DomainName name;  // kNamed alone

  static Inspection Undecided() { return {}; }
  static Inspection Named(DomainName name) { return {Outcome::kNamed, std::move(name)}; }
  static Inspection Nameless() { return {Outcome::kNameless, {}}; }
  static Inspection Unknown() { return {Outcome::kUnknown, {}}; }
  static Inspection Unreadable() { return {Outcome::kUnreadable, {}}; }

  bool undecided() const { return outcome == Outcome::kUndecided; }

  friend bool operator==(const Inspection&, const Inspection&) = default;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_INSPECTION_H_
