// Frames of a hostile guest through the real gateway: sanitizer, flow table, judge,
// DNS and what rewrites packets. A witness looks at what comes out.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/repair.h"
#include "netsvc/packet/test_frames.h"
#include "netsvc/policy/random_policy.h"
#include "netsvc/worker/empty_network.h"
#include "netsvc/worker/gateway_fuzzer_records.h"
#include "netsvc/worker/gateway_witness.h"
#include "tests/fuzz/require.h"

namespace sluice {
namespace {

using Segmentation = packet::Offload::Segmentation;

v1::NetworkPolicy PolicyOf(uint8_t seed) {
  policy::RandomPolicy random({.seed = seed, .world_bits = 3, .group_percent = 30});
  return random.Policy(seed % 8);
}

packet::Offload OffloadOf(uint8_t control, std::span<const uint8_t> frame) {
  packet::Offload offload{.partial_checksum = (control & kPartialChecksum) != 0};
  if (!(control & kSegmented)) return offload;
  const bool v6 = frame.size() > 12 && frame[12] == 0x86;
  offload.segmentation = v6 ? Segmentation::kTcpV6 : Segmentation::kTcpV4;
  offload.segment_size = 1400;
  return offload;
}

void ProcessRow(std::span<const uint8_t> row) {
  if (row.empty()) return;
  uint8_t policy_seed = row[0];
  row = row.subspan(1);
  GatewayWitness witness(PolicyOf(policy_seed));
  while (row.size() >= kRecordHeaderSize) {
    const uint8_t control = row[0];
    const size_t size = std::min<size_t>(Load16(&row[1]), row.size() - kRecordHeaderSize);
    const std::span<const uint8_t> body = row.subspan(kRecordHeaderSize, size);
    row = row.subspan(kRecordHeaderSize + size);
    // A buffer of just the frame's size, so that a read past it is seen.
    packet::Bytes frame(body.begin(), body.end());
    if (control & kRepair) packet::Repair(frame, witness.subnet().guest_mac);
    witness.Send(frame, OffloadOf(control, frame));
    if (control & kAnswer) witness.AnswerLast();
    if (control & kWait) witness.Wait(absl::Minutes(1));
    if (control & kChangePolicy) witness.ChangePolicy(PolicyOf(++policy_seed));
  }
  if (!witness.problem().empty()) fprintf(stderr, "%s\n", witness.problem().c_str());
  FUZZ_REQUIRE(witness.problem().empty());
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Nothing is tried where a ping could leave the machine. Audit logs are written in
  // memory, if the environment does not say where.
  static const bool alone = setenv("TEST_TMPDIR", "/dev/shm", 0) == 0 && sluice::EnterEmptyNetwork();
  if (alone) sluice::ProcessRow({data, size});
  return 0;
}
