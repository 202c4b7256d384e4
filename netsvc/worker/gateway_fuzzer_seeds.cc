#include <initializer_list>
#include <string>

#include "netsvc/flow/test_client_hello.h"
#include "netsvc/packet/test_frames.h"
#include "netsvc/worker/gateway_fuzzer_records.h"
#include "tests/fuzz/seeds.h"

namespace sluice::fuzz {
namespace {

using packet::Addressing;
using packet::Between;
using packet::FragmentOf;
using packet::IcmpFrame;
using packet::Pattern;
using packet::TcpFrame;
using packet::UdpFrame;

constexpr uint8_t kPolicies = 16;

Bytes Record(uint8_t control, const Bytes& frame) {
  Bytes record = {control, static_cast<uint8_t>(frame.size() >> 8), static_cast<uint8_t>(frame.size())};
  record.insert(record.end(), frame.begin(), frame.end());
  return record;
}

// Under the policy of `seed`, all of it from the guest.
Bytes Row(uint8_t seed, std::initializer_list<Bytes> records) {
  Bytes row = {seed};
  for (const Bytes& record : records) row.insert(row.end(), record.begin(), record.end());
  return row;
}

// A connection from its SYN to its end, with a ClientHello in two segments, and a
// change of the policy in its middle.
Bytes Connection(uint8_t seed, const Addressing& route) {
  const Bytes hello = flow::RealStream({.server_name = "n1.example.com"});
  const Bytes begin(hello.begin(), hello.begin() + 100);
  const Bytes end(hello.begin() + 100, hello.end());
  return Row(seed, {Record(kRepair | kAnswer, TcpFrame(route, {.flags = 0x02, .options = {2, 4, 5, 180}})),
                    Record(kRepair, TcpFrame(route, {.sequence = 1001, .acknowledgment = 5001})),
                    Record(kRepair, TcpFrame(route, {.flags = 0x18, .sequence = 1001, .payload = begin})),
                    Record(kRepair | kChangePolicy, TcpFrame(route, {.flags = 0x18, .sequence = 1101, .payload = end})),
                    Record(kRepair | kWait, TcpFrame(route, {.flags = 0x11, .sequence = 2000}))});
}

Bytes Datagrams(uint8_t seed, const Addressing& route) {
  const Bytes whole = UdpFrame(route, Pattern(60));
  return Row(seed, {Record(kRepair, UdpFrame(route, Pattern(12))), Record(kPartialChecksum, UdpFrame(route, Pattern(4))),
                    Record(kRepair, FragmentOf(whole, 0, 32, false, 1)),
                    Record(kRepair | kWait, FragmentOf(whole, 32, 68, true, 1)),
                    Record(kRepair | kChangePolicy, UdpFrame(route, Pattern(12)))});
}

Bytes Query() {
  return {0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 'n', '1', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 1, 0, 1};
}

}  // namespace

std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds;
  const std::vector<Addressing> routes = {
      Between("10.0.2.15:40000", "8.8.8.1:443"),
      Between("10.0.2.15:40000", "10.0.0.3:80"),
      Between("10.0.2.15:40000", "10.0.2.2:8080"),
      Between("[fd73:6c75:6963:1::f]:40000", "[2606:4700::2]:443"),
      Between("[fd73:6c75:6963:1::f]:40000", "[::ffff:8.8.8.1]:80"),
      Between("[fd73:6c75:6963:1::f]:40000", "[fd73:6c75:6963:1::2]:80"),
  };
  for (uint8_t i = 0; i < kPolicies; ++i) {
    const Addressing& route = routes[i % routes.size()];
    seeds.push_back(Connection(i, route));
    seeds.push_back(Datagrams(i, route));
  }
  for (const Addressing& route : routes) {
    const bool v6 = route.source.address.is_v6();
    seeds.push_back(Row(3, {Record(kRepair, IcmpFrame(route, v6 ? 128 : 8, 0, Pattern(12)))}));
  }
  seeds.push_back(Row(0, {Record(kRepair, UdpFrame(Between("10.0.2.15:40000", "10.0.2.3:53"), Query()))}));
  seeds.push_back(Row(1, {Record(kRepair, UdpFrame(Between("0.0.0.0:68", "255.255.255.255:67"),
                                             packet::DhcpMessage(packet::Mac("02:73:6c:00:00:0f"))))}));
  seeds.push_back(Row(1, {Record(0, packet::ArpFrame(1, packet::Mac("02:73:6c:00:00:0f"), packet::Ip("10.0.2.15"),
                                                     packet::Ip("10.0.2.2")))}));
  return seeds;
}

}  // namespace sluice::fuzz
