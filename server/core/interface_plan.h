#ifndef SLUICE_SERVER_CORE_INTERFACE_PLAN_H_
#define SLUICE_SERVER_CORE_INTERFACE_PLAN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/base/ip_prefix.h"
#include "netsvc/base/mac_address.h"
#include "server/guest/link_config.h"
#include "sluice/internal/v1/worker.pb.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

// Who has which address on a sandbox's link; a value. Hosts of each subnet: the
// gateway is 2, the resolver 3, the guest 15.
struct InterfacePlan {
  static constexpr uint32_t kDefaultMtu = 1500;
  static constexpr uint32_t kMinMtu = 1280;   // RFC 8200 section 5
  static constexpr uint32_t kMaxMtu = 65520;  // a TAP's largest, less room for the link header

  struct Family {
    IpPrefix subnet;
    IpAddress guest;
    IpAddress gateway;
    IpAddress dns;
  };

  Family ipv4;
  Family ipv6;
  MacAddress mac;  // the guest's
  uint32_t mtu = kDefaultMtu;

  // `config` with the defaults filled in. FieldError, with paths that begin
  // with `field`: a subnet that is not a private one or too small, an MTU out of
  // range, a MAC that is not one host's.
  static absl::StatusOr<InterfacePlan> Make(absl::string_view field, const v1::InterfaceConfig& config);

  v1::InterfaceConfig ToConfig() const;
  internal::v1::Interface ToWorker() const;
  LinkConfig ToLink(const std::string& owner) const;
  // The addresses, MAC and MTU of `status`; its other fields stay.
  void FillStatus(v1::NetworkStatus& status) const;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_INTERFACE_PLAN_H_
