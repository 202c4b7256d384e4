#include "netsvc/dns/sealed_set.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "netsvc/base/io.h"

namespace sluice::dns {
namespace {

DomainName Name(const std::string& text) { return DomainName::FromText(text).value(); }

policy::DomainSet SetOf(const std::vector<std::string>& patterns) {
  policy::DomainSet::Builder builder;
  for (const std::string& text : patterns) EXPECT_TRUE(builder.Add(DomainPattern::Parse(text).value()).ok());
  return std::move(builder).Build();
}

UniqueFd Memory(absl::string_view bytes, int seals) {
  UniqueFd memory(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_TRUE(WriteAll(memory.get(), bytes).ok());
  EXPECT_EQ(fcntl(memory.get(), F_ADD_SEALS, seals), 0);
  return memory;
}

TEST(SealedSetTest, IsWhatWasSealedAndOutlivesItsDescriptor) {
  auto memory = SealSet(SetOf({"*.ads.test", "exact.test"}));
  ASSERT_TRUE(memory.ok()) << memory.status();
  const auto set = MapSealedSet(*memory);
  ASSERT_TRUE(set.ok()) << set.status();
  memory->reset();
  EXPECT_TRUE(set->Contains(Name("a.b.ads.test")));
  EXPECT_TRUE(set->Contains(Name("exact.test")));
  EXPECT_FALSE(set->Contains(Name("sub.exact.test")));
}

TEST(SealedSetTest, AnEmptySetCoversNothing) {
  const auto memory = SealSet(policy::DomainSet());
  ASSERT_TRUE(memory.ok());
  const auto set = MapSealedSet(*memory);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_TRUE(set->empty());
}

TEST(SealedSetTest, NobodyCanChangeIt) {
  const auto memory = SealSet(SetOf({"exact.test"}));
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(pwrite(memory->get(), "x", 1, 0), -1);
  EXPECT_EQ(ftruncate(memory->get(), 0), -1);
  EXPECT_EQ(ftruncate(memory->get(), 1 << 20), -1);
  EXPECT_EQ(mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, memory->get(), 0), MAP_FAILED);
}

TEST(SealedSetTest, RefusesMemoryThatCanChange) {
  const std::string image(SetOf({"exact.test"}).image());
  const int all = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  EXPECT_TRUE(MapSealedSet(Memory(image, all)).ok());
  for (const int missing : {F_SEAL_WRITE, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(MapSealedSet(Memory(image, all & ~missing)).status())) << missing;
  }
}

TEST(SealedSetTest, RefusesWhatIsNoImage) {
  const int all = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  EXPECT_TRUE(absl::IsInvalidArgument(MapSealedSet(Memory("ads.test\n", all)).status()));
  EXPECT_FALSE(MapSealedSet(UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC))).ok());
}

}  // namespace
}  // namespace sluice::dns
