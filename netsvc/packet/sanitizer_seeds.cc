#include "netsvc/packet/sanitizer_seeds.h"

#include <initializer_list>

namespace sluice::packet {
namespace {

constexpr uint8_t kAsItIs = 0x00;

// One input: a record for each frame.
Bytes Row(uint8_t control, std::initializer_list<Bytes> frames) {
  Bytes row;
  for (const Bytes& frame : frames) {
    row.push_back(control);
    row.push_back(static_cast<uint8_t>(frame.size() >> 8));
    row.push_back(static_cast<uint8_t>(frame.size()));
    row.insert(row.end(), frame.begin(), frame.end());
  }
  return row;
}

void AddFlows(const Addressing& addressing, std::vector<Bytes>& seeds) {
  const bool v6 = addressing.source.address.is_v6();
  seeds.push_back(Row(kRepair, {TcpFrame(addressing, {.flags = 0x02, .options = {2, 4, 5, 180, 1, 3, 3, 7}})}));
  seeds.push_back(Row(kRepair, {TcpFrame(addressing, {.flags = 0x18, .payload = Pattern(30)})}));
  seeds.push_back(Row(kRepair, {TcpFrame(addressing, {.flags = 0x30, .urgent_pointer = 900, .payload = Pattern(3)})}));
  seeds.push_back(Row(kPartialChecksum, {TcpFrame(addressing, {.flags = 0x11})}));
  seeds.push_back(Row(kPartialChecksum | kSegmentV4, {TcpFrame(addressing, {.payload = Pattern(2000)})}));
  seeds.push_back(Row(kRepair, {UdpFrame(addressing, Pattern(12))}));
  seeds.push_back(Row(kAsItIs, {IpFrame(addressing, 47, Pattern(8))}));
  seeds.push_back(Row(kRepair, {IcmpFrame(addressing, v6 ? 128 : 8, 0, Pattern(12))}));
  seeds.push_back(Row(kRepair, {IcmpFrame(addressing, v6 ? 1 : 3, 1, Pattern(32))}));
  const Bytes whole = UdpFrame(addressing, Pattern(56));
  seeds.push_back(Row(kRepair, {FragmentOf(whole, 0, 32, false, 1), FragmentOf(whole, 32, 64, true, 1)}));
  seeds.push_back(Row(kRepair, {FragmentOf(whole, 0, 32, false, 1), FragmentOf(whole, 24, 64, true, 1),
                                FragmentOf(whole, 32, 64, true, 1)}));
  const Bytes segment = TcpFrame(addressing, {.payload = Pattern(44)});
  seeds.push_back(Row(kRepair, {FragmentOf(segment, 24, 64, true, 2), FragmentOf(segment, 0, 24, false, 2)}));
}

void AddLinkServices(std::vector<Bytes>& seeds) {
  seeds.push_back(Row(kAsItIs, {ArpFrame(1, GuestMac(), Ip("10.0.2.15"), Ip("10.0.2.2"))}));
  seeds.push_back(Row(kAsItIs, {ArpFrame(1, GuestMac(), Ip("0.0.0.0"), Ip("10.0.2.15"))}));
  seeds.push_back(Row(kRepair, {UdpFrame(Between("0.0.0.0:68", "255.255.255.255:67"), DhcpMessage(GuestMac()))}));
  seeds.push_back(Row(kRepair, {UdpFrame(Between("[fe80::15]:546", "[ff02::1:2]:547"), Pattern(20))}));
  Bytes body(4);
  const IpAddress target = Ip("fd00::2");
  body.insert(body.end(), target.bytes().begin(), target.bytes().end());
  for (const uint8_t type : {133, 135, 136}) {
    Bytes with_option = body;
    for (const uint8_t byte : {1, 1, 2, 0, 0, 0, 0, 1}) with_option.push_back(byte);
    for (const Bytes& each : {body, with_option}) {
      Bytes frame = IcmpFrame(Between("[fd00::15]:0", "[ff02::1:ff00:2]:0"), type, 0, each);
      frame[14 + 7] = 255;  // hop limit
      seeds.push_back(Row(kRepair, {frame}));
    }
  }
  seeds.push_back(
      Row(kAsItIs, {IpFrame(Between("[fe80::15]:0", "[ff02::16]:0"), 0, {58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0})}));
}

}  // namespace

std::vector<Bytes> SanitizerSeeds() {
  std::vector<Bytes> seeds;
  AddFlows(Between("10.0.2.15:40000", "93.184.216.34:443"), seeds);
  AddFlows(Between("[fd00::15]:40000", "[2606:2800:220:1::1]:443"), seeds);
  AddLinkServices(seeds);
  return seeds;
}

}  // namespace sluice::packet
