#include "netsvc/dns/sealed_set.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <memory>

#include "absl/strings/string_view.h"
#include "netsvc/base/io.h"

namespace sluice::dns {
namespace {

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

}  // namespace

absl::StatusOr<UniqueFd> SealSet(const policy::DomainSet& set) {
  UniqueFd memory(memfd_create("block-list", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid()) return ErrnoError(errno, "memfd_create");
  if (absl::Status status = WriteAll(memory.get(), set.image()); !status.ok()) return status;
  if (fcntl(memory.get(), F_ADD_SEALS, kSeals) < 0) return ErrnoError(errno, "seal a block list");
  return memory;
}

absl::StatusOr<policy::DomainSet> MapSealedSet(const UniqueFd& memory) {
  const int seals = fcntl(memory.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return absl::FailedPreconditionError("a block list is not sealed");
  struct stat info = {};
  if (fstat(memory.get(), &info) < 0) return ErrnoError(errno, "fstat a block list");
  if (info.st_size == 0) return policy::DomainSet();
  const size_t size = static_cast<size_t>(info.st_size);
  void* const address = mmap(nullptr, size, PROT_READ, MAP_SHARED, memory.get(), 0);
  if (address == MAP_FAILED) return ErrnoError(errno, "mmap a block list");
  const std::shared_ptr<const void> mapping(address, [size](void* place) { munmap(place, size); });
  return policy::DomainSet::FromImage({static_cast<const char*>(address), size}, mapping);
}

}  // namespace sluice::dns
