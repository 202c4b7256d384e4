#ifndef SLUICE_NETSVC_WORKER_GUEST_FRAMES_H_
#define SLUICE_NETSVC_WORKER_GUEST_FRAMES_H_

#include <cstdint>
#include <random>
#include <vector>

#include "netsvc/packet/test_frames.h"
#include "netsvc/policy/random_policy.h"
#include "netsvc/worker/subnet.h"

namespace sluice {

// What a guest might send, well-behaved or not: every protocol to the addresses
// that a random policy speaks of and to the link's own, whole and in fragments,
// under addresses that are not its own, with headers that nobody needs, mutated,
// and plain noise. The same for the same seed. Tests.
class GuestFrames {
 public:
  // `world` gives addresses and ports; both outlive it.
  GuestFrames(const Subnet& subnet, policy::RandomPolicy& world, uint64_t seed)
      : subnet_(subnet), world_(world), random_(seed) {}

  // One packet: a frame, or its fragments in some order.
  std::vector<packet::Bytes> Next();

 private:
  uint32_t Pick(uint32_t below) { return std::uniform_int_distribution<uint32_t>(0, below - 1)(random_); }
  bool Chance(uint32_t percent) { return Pick(100) < percent; }
  packet::Addressing Route(v1::Protocol& protocol);
  packet::Bytes Payload();
  packet::Bytes Whole();
  packet::Bytes Icmp(const packet::Addressing& route);
  uint8_t TcpFlags();
  void WithUnneededHeader(packet::Bytes& frame);
  void Spoof(packet::Bytes& frame);
  void Mutate(packet::Bytes& frame);
  std::vector<packet::Bytes> Fragments(const packet::Bytes& frame);

  const Subnet& subnet_;
  policy::RandomPolicy& world_;
  std::mt19937_64 random_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_GUEST_FRAMES_H_
