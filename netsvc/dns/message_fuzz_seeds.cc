#include "netsvc/dns/message_seeds.h"
#include "tests/fuzz/seeds.h"

namespace sluice::fuzz {

// Each message with each of message_fuzzer's flags.
std::vector<Bytes> Seeds() {
  constexpr uint8_t kFlags[] = {0x00, 0x01, 0x02, 0x04, 0x08};
  std::vector<Bytes> seeds;
  for (const Bytes& message : dns::MessageSeeds()) {
    for (const uint8_t flags : kFlags) {
      seeds.push_back({flags});
      seeds.back().insert(seeds.back().end(), message.begin(), message.end());
    }
  }
  return seeds;
}

}  // namespace sluice::fuzz
