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
// It is one block of memory without pointers, the image: a header, a table of
// buckets, and the names in the order of their buckets. A bucket has about four
// names, one after the other, each behind a few bits of its hash; so a suffix
// costs two places of memory. Names are compared whole: a hash alone never
// matches. Whoever else has those bytes, from a sealed memfd for one, reads them
// with FromImage at any address.
//
// Memory: 5 bytes a name more than its text.
class DomainSet {
 public:
  static constexpr size_t kMaxNames = size_t{1} << 22;

  // One name of the set that covers the name asked for.
  struct Match {
    // Its number in the set, less than name_count().
    uint32_t slot = 0;
    // It is the name asked for itself, not one above it.
    bool whole = false;
  };

  class Builder;

  // The empty set.
  DomainSet() = default;

  // Reads what image() gave. `owner` keeps the bytes alive, which nobody may
  // change. InvalidArgument where the header does not fit the bytes. Nothing else
  // is looked at here, however large the image: a look-up checks every place that
  // it goes to, and what is not sound there covers nothing.
  static absl::StatusOr<DomainSet> FromImage(absl::string_view image, std::shared_ptr<const void> owner);

  // Does a pattern cover `name`? Does not allocate.
  bool Contains(const DomainName& name) const;

  // Calls visit for every name of the set that covers `name` by one of its
  // patterns, the shortest first, until it answers false. Does not allocate.
  void ForEachMatch(const DomainName& name, absl::FunctionRef<bool(Match)> visit) const;

  // The number of `name` itself, which the set has, whatever its patterns.
  uint32_t SlotOf(const DomainName& name) const;

  bool empty() const { return name_count_ == 0; }
  // Different names, whatever their patterns.
  size_t name_count() const { return name_count_; }
  // For this build on this machine only: native byte order, no stable format.
  absl::string_view image() const { return image_; }

 private:
  struct Header;
  struct Bucket;
  struct Found;

  Bucket BucketAt(uint32_t index) const;
  uint32_t BucketOf(uint64_t hash) const;
  const char* BucketPlace(uint32_t index) const;
  // The name whose wire form without the root's byte is `suffix`.
  Found Find(absl::string_view suffix, uint64_t hash) const;

  std::shared_ptr<const void> owner_;
  absl::string_view image_;
  uint64_t seed_ = 0;
  uint32_t name_count_ = 0;
  uint32_t bucket_count_ = 0;
  int max_labels_ = 0;
};

// Gathers the patterns of a set. Single-threaded.
class DomainSet::Builder {
 public:
  // In any order, repeated or not. ResourceExhausted past kMaxNames.
  absl::Status Add(const DomainPattern& pattern);
  // As many as were added, repetitions included.
  size_t size() const { return count_; }
  // Twice the memory of the names while it runs.
  DomainSet Build() &&;

 private:
  class Layout;

  size_t count_ = 0;
  int max_labels_ = 0;
  // Each name as in the image.
  std::string names_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_DOMAIN_SET_H_
