#include "tests/fuzz/mutate.h"

#include <cstddef>

namespace sluice::fuzz {

void Mutate(Bytes& input, std::mt19937& random) {
  if (input.empty()) return;
  const size_t at = random() % input.size();
  switch (random() % 4) {
    case 0:
      input[at] = static_cast<uint8_t>(random());
      break;
    case 1:
      input[at] ^= static_cast<uint8_t>(1u << random() % 8);
      break;
    case 2:
      input.erase(input.begin() + static_cast<ptrdiff_t>(at));
      break;
    case 3:
      input.insert(input.begin() + static_cast<ptrdiff_t>(at), random() % 2 == 0 ? 0x00 : 0xff);
      break;
  }
}

}  // namespace sluice::fuzz
