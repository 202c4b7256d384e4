#ifndef SLUICE_SERVER_GUEST_LINK_CONFIG_H_
#define SLUICE_SERVER_GUEST_LINK_CONFIG_H_

#include <cstdint>
#include <string>

#include "netsvc/base/ip_address.h"
#include "netsvc/base/ip_prefix.h"
#include "netsvc/base/mac_address.h"

namespace sluice {

// The guest's end of its link; a value. Checked by whoever makes it.
struct LinkConfig {
  struct Family {
    IpPrefix subnet;
    IpAddress address;  // the guest's, inside `subnet`
    IpAddress gateway;  // the default route's, inside `subnet`
  };

  std::string name = "eth0";
  // Whose it is, for a later server: the interface bears it as its alias (ip link
  // shows it), and only that one is ever taken over or removed.
  std::string owner;
  MacAddress mac;
  uint32_t mtu = 1500;  // bytes, without the Ethernet header
  Family ipv4;
  Family ipv6;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_LINK_CONFIG_H_
