// A short run of domain_set_fuzzer with any compiler: sound images, and mutations
// of them that are the same every time but for the seed in them.

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "netsvc/policy/domain_set.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace sluice::policy {
namespace {

std::string Image(int names) {
  DomainSet::Builder builder;
  for (int i = 0; i < names; ++i) {
    EXPECT_TRUE(builder.Add(DomainPattern::Parse("*.n" + std::to_string(i) + ".com").value()).ok());
  }
  EXPECT_TRUE(builder.Add(DomainPattern::Parse("*.example.com").value()).ok());
  return std::string(std::move(builder).Build().image());
}

void RunInput(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

TEST(DomainSetFuzzerTest, MutationsHold) {
  std::mt19937 random(1);
  for (const int names : {0, 3, 40}) {
    const std::string image = Image(names);
    for (int round = 0; round < 20'000; ++round) {
      std::string input = image;
      for (int mutations = 1 + static_cast<int>(random() % 4); mutations > 0; --mutations) {
        input[random() % input.size()] = static_cast<char>(random() % 3 == 0 ? 0xff : random());
      }
      RunInput(input);
    }
  }
}

TEST(DomainSetFuzzerTest, EveryLengthHolds) {
  const std::string image = Image(3);
  for (size_t size = 0; size <= image.size(); ++size) RunInput(image.substr(0, size));
}

}  // namespace
}  // namespace sluice::policy
