#ifndef SLUICE_NETSVC_POLICY_DOMAIN_SET_H_
#define SLUICE_NETSVC_POLICY_DOMAIN_SET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/domain_name.h"

namespace sluice::policy {

// Up to millions of domain patterns, ready to be asked which of them cover a
// name. Immutable; copies share the memory. Any thread.
//
// It is one block of memory without pointers, the image: a header, an open
// hash table of offsets, at most half full, and the names in wire form. Whoever
// else has those bytes, from a sealed memfd for one, reads them with FromImage
// at any address.
//
// Memory: 3 bytes a name more than its text, and 16 to 32 in the table.
class DomainSet {
 public:
  static constexpr size_t kMaxNames = size_t{1} << 22;

  // One name of the set that covers the name asked for.
  struct Match {
    // Its place in the table, less than slot_count().
    uint32_t slot = 0;
    // It is the name asked for itself, not one above it.
    bool whole = false;
  };

  class Builder;

  // The empty set.
  DomainSet() = default;

  // Reads what image() gave. `owner` keeps the bytes alive, which nobody may
  // change. InvalidArgument where they are no sound image: all offsets are
  // checked, so that a lookup stays inside.
  static absl::StatusOr<DomainSet> FromImage(absl::string_view image, std::shared_ptr<const void> owner);

  // Does a pattern cover `name`? Does not allocate.
  bool Contains(const DomainName& name) const;

  // Calls visit for every name of the set that covers `name` by one of its
  // patterns, the shortest first, until it answers false. Does not allocate.
  void ForEachMatch(const DomainName& name, absl::FunctionRef<bool(Match)> visit) const;

  // The place of `name` itself, which the set has, whatever its patterns.
  uint32_t SlotOf(const DomainName& name) const;

  bool empty() const { return slot_count_ == 0; }
  size_t slot_count() const { return slot_count_; }
  // For this build on this machine only: native byte order, no stable format.
  absl::string_view image() const { return image_; }

 private:
  struct Header;
  struct Slot;

  absl::Status Check() const;
  Slot SlotAt(uint32_t index) const;
  // The place of the wire name `suffix`, or the free place where it would be.
  uint32_t Probe(absl::string_view suffix, uint32_t hash) const;

  std::shared_ptr<const void> owner_;
  absl::string_view image_;
  uint32_t slot_count_ = 0;
  int max_labels_ = 0;
};

// Gathers the patterns of a set. Single-threaded.
class DomainSet::Builder {
 public:
  // In any order, repeated or not. ResourceExhausted past kMaxNames.
  absl::Status Add(const DomainPattern& pattern);
  DomainSet Build() &&;

 private:
  size_t count_ = 0;
  int max_labels_ = 0;
  // Each name as in the image.
  std::string names_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_DOMAIN_SET_H_
