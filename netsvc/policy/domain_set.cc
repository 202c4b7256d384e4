#include "netsvc/policy/domain_set.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

namespace sluice::policy {
namespace {

constexpr uint64_t kMagic = 0x534c'444f'4d53'0002;  // "SLDOMS", layout 2
constexpr size_t kMaxLabels = DomainName::kMaxWireSize / 2;
constexpr size_t kNamesABucket = 4;

// A name in the image: a byte of which the low bits are its patterns and the
// others bits of its hash, a byte of size, and its wire form without the root's
// byte.
constexpr uint8_t kWhole = 1;       // "example.com" is a pattern
constexpr uint8_t kSubdomains = 2;  // "*.example.com" is
constexpr uint8_t kPatterns = kWhole | kSubdomains;
constexpr size_t kNameHeader = 2;

// Both halves of a 128-bit product: every bit of the result depends on every bit
// of `state`.
uint64_t Mix(uint64_t state) {
  const auto product = static_cast<unsigned __int128>(state) * 0x9e37'79b9'7f4a'7c15;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// One label, its length byte included, in front of what `state` has seen. The
// hash of a name takes its labels from the last to the first, so that the hashes
// of all suffixes of a name come of one pass over it; it begins with a number
// that nobody can know who writes a list.
uint64_t FoldLabel(uint64_t state, absl::string_view label) {
  for (; label.size() > sizeof(uint64_t); label.remove_prefix(sizeof(uint64_t))) {
    uint64_t chunk;
    std::memcpy(&chunk, label.data(), sizeof(chunk));
    state = Mix(state ^ chunk);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, label.data(), label.size());
  return Mix(state ^ rest ^ (uint64_t{label.size()} << 56));
}

uint8_t TagOf(uint64_t hash) { return static_cast<uint8_t>(hash) & static_cast<uint8_t>(~kPatterns); }

// The suffixes of a name of at most `max_labels` labels, the shortest first;
// the root is not among them.
class Suffixes {
 public:
  // `wire` without the root's byte.
  Suffixes(absl::string_view wire, int max_labels, uint64_t seed) : wire_(wire) {
    size_t labels = 0;
    std::array<uint8_t, kMaxLabels> starts;
    for (size_t at = 0; at < wire.size(); at += 1 + static_cast<uint8_t>(wire[at])) {
      starts[labels++] = static_cast<uint8_t>(at);
    }
    size_t end = wire.size();
    uint64_t state = seed;
    while (labels > 0 && count_ < static_cast<size_t>(max_labels)) {
      const size_t start = starts[--labels];
      state = FoldLabel(state, wire.substr(start, end - start));
      end = start;
      suffixes_[count_++] = {state, static_cast<uint8_t>(start)};
    }
  }

  size_t size() const { return count_; }
  uint64_t hash(size_t i) const { return suffixes_[i].hash; }
  absl::string_view text(size_t i) const { return wire_.substr(suffixes_[i].start); }
  bool whole(size_t i) const { return suffixes_[i].start == 0; }

 private:
  struct Suffix {
    uint64_t hash;
    uint8_t start;
  };
  const absl::string_view wire_;
  size_t count_ = 0;
  std::array<Suffix, kMaxLabels> suffixes_;
};

// Without the root's byte.
absl::string_view Labels(const DomainName& name) { return name.wire().substr(0, name.wire().size() - 1); }

uint64_t HashOf(absl::string_view labels, uint64_t seed) {
  const Suffixes suffixes(labels, kMaxLabels, seed);
  return suffixes.size() == 0 ? seed : suffixes.hash(suffixes.size() - 1);
}

uint32_t Scale(uint64_t hash, uint32_t count) { return static_cast<uint32_t>(((hash >> 32) * count) >> 32); }

uint64_t RandomSeed() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

}  // namespace

struct DomainSet::Header {
  uint64_t magic = kMagic;
  uint64_t image_size = 0;
  uint64_t seed = 0;
  uint32_t name_count = 0;
  uint32_t bucket_count = 0;
  int32_t max_labels = 0;
  uint32_t reserved = 0;
};

// The end of one is the beginning of the next; after the last comes one more.
struct DomainSet::Bucket {
  // Of its first name, from the start of the image.
  uint32_t names_at = 0;
  // The number of its first name in the set.
  uint32_t first = 0;
};

struct DomainSet::Found {
  uint8_t patterns = 0;  // none: it was not found
  uint32_t number = 0;
};

const char* DomainSet::BucketPlace(uint32_t index) const {
  return image_.data() + sizeof(Header) + size_t{index} * sizeof(Bucket);
}

DomainSet::Bucket DomainSet::BucketAt(uint32_t index) const {
  Bucket bucket;
  std::memcpy(&bucket, BucketPlace(index), sizeof(bucket));
  return bucket;
}

uint32_t DomainSet::BucketOf(uint64_t hash) const { return Scale(hash, bucket_count_); }

DomainSet::Found DomainSet::Find(absl::string_view suffix, uint64_t hash) const {
  const uint32_t index = BucketOf(hash);
  const Bucket bucket = BucketAt(index);
  const size_t end = std::min<size_t>(BucketAt(index + 1).names_at, image_.size());
  const uint8_t tag = TagOf(hash);
  uint32_t number = bucket.first;
  for (size_t at = bucket.names_at; at + kNameHeader <= end; ++number) {
    const uint8_t head = static_cast<uint8_t>(image_[at]);
    const size_t size = static_cast<uint8_t>(image_[at + 1]);
    at += kNameHeader;
    if (size > end - at) break;
    if ((head & ~kPatterns) == tag && size == suffix.size() && image_.substr(at, size) == suffix) {
      return number < name_count_ ? Found{static_cast<uint8_t>(head & kPatterns), number} : Found{};
    }
    at += size;
  }
  return {};
}

void DomainSet::ForEachMatch(const DomainName& name, absl::FunctionRef<bool(Match)> visit) const {
  if (empty()) return;
  const Suffixes suffixes(Labels(name), max_labels_, seed_);
  for (size_t i = 0; i < suffixes.size(); ++i) __builtin_prefetch(BucketPlace(BucketOf(suffixes.hash(i))));
  for (size_t i = 0; i < suffixes.size(); ++i) {
    const Found found = Find(suffixes.text(i), suffixes.hash(i));
    const bool whole = suffixes.whole(i);
    if ((found.patterns & (whole ? kPatterns : kSubdomains)) != 0 && !visit({found.number, whole})) return;
  }
}

bool DomainSet::Contains(const DomainName& name) const {
  bool found = false;
  ForEachMatch(name, [&](Match) {
    found = true;
    return false;
  });
  return found;
}

uint32_t DomainSet::SlotOf(const DomainName& name) const {
  return Find(Labels(name), HashOf(Labels(name), seed_)).number;
}

absl::StatusOr<DomainSet> DomainSet::FromImage(absl::string_view image, std::shared_ptr<const void> owner) {
  if (image.empty()) return DomainSet();
  Header header;
  if (image.size() < sizeof(header)) return absl::InvalidArgumentError("domain set image: cut short");
  std::memcpy(&header, image.data(), sizeof(header));
  const bool sound = header.magic == kMagic && header.image_size == image.size() && header.bucket_count > 0 &&
                     header.bucket_count < (image.size() - sizeof(header)) / sizeof(Bucket) &&
                     header.name_count > 0 && header.name_count <= kMaxNames && header.max_labels >= 0;
  if (!sound) return absl::InvalidArgumentError("domain set image: bad header");
  DomainSet set;
  set.owner_ = std::move(owner);
  set.image_ = image;
  set.seed_ = header.seed;
  set.name_count_ = header.name_count;
  set.bucket_count_ = header.bucket_count;
  set.max_labels_ = header.max_labels;
  return set;
}

absl::Status DomainSet::Builder::Add(const DomainPattern& pattern) {
  if (count_ == kMaxNames) return absl::ResourceExhaustedError("too many domains in one set");
  ++count_;
  max_labels_ = std::max(max_labels_, pattern.name.label_count());
  const absl::string_view labels = Labels(pattern.name);
  names_.push_back(static_cast<char>(pattern.with_subdomains ? kSubdomains : kWhole));
  names_.push_back(static_cast<char>(labels.size()));
  names_.append(labels.data(), labels.size());
  return absl::OkStatus();
}

// Puts names into the order of their buckets: counts bytes, places names, and
// closes the gaps that repeated names left.
class DomainSet::Builder::Layout {
 public:
  Layout(const std::string& names, size_t count)
      : names_(names), buckets_(1 + count / kNamesABucket), ends_(buckets_), numbers_(buckets_ + 1) {}

  // `max_labels`: of the longest name.
  std::shared_ptr<const std::string> Write(int max_labels) && {
    const size_t names_at = sizeof(Header) + (buckets_ + 1) * sizeof(Bucket);
    image_->resize(names_at + names_.size());
    Reserve(names_at);
    ForEachName([this](absl::string_view entry, uint64_t hash) { Place(entry, hash); });
    const size_t end = CloseGaps(names_at);
    image_->resize(end);
    const Header header{.image_size = end,
                        .seed = seed_,
                        .name_count = numbers_[buckets_],
                        .bucket_count = static_cast<uint32_t>(buckets_),
                        .max_labels = max_labels};
    std::memcpy(image_->data(), &header, sizeof(header));
    return image_;
  }

 private:
  void ForEachName(absl::FunctionRef<void(absl::string_view entry, uint64_t hash)> visit) const {
    absl::string_view rest = names_;
    while (!rest.empty()) {
      const absl::string_view entry = rest.substr(0, kNameHeader + static_cast<uint8_t>(rest[1]));
      visit(entry, HashOf(entry.substr(kNameHeader), seed_));
      rest.remove_prefix(entry.size());
    }
  }

  size_t BucketOf(uint64_t hash) const { return Scale(hash, static_cast<uint32_t>(buckets_)); }

  // Room for each bucket, one after the other; ends_ says how far it is filled.
  void Reserve(size_t at) {
    ForEachName([this](absl::string_view entry, uint64_t hash) {
      ends_[BucketOf(hash)] += static_cast<uint32_t>(entry.size());
    });
    starts_.reserve(buckets_);
    for (uint32_t& end : ends_) {
      starts_.push_back(static_cast<uint32_t>(at));
      at += std::exchange(end, static_cast<uint32_t>(at));
    }
  }

  void Place(absl::string_view entry, uint64_t hash) {
    const size_t bucket = BucketOf(hash);
    for (size_t at = starts_[bucket]; at < ends_[bucket];) {
      const size_t size = kNameHeader + static_cast<uint8_t>((*image_)[at + 1]);
      if (absl::string_view(*image_).substr(at + 1, size - 1) == entry.substr(1)) {
        (*image_)[at] = static_cast<char>((*image_)[at] | entry[0]);
        return;
      }
      at += size;
    }
    std::memcpy(image_->data() + ends_[bucket], entry.data(), entry.size());
    (*image_)[ends_[bucket]] = static_cast<char>(TagOf(hash) | static_cast<uint8_t>(entry[0]));
    ends_[bucket] += static_cast<uint32_t>(entry.size());
    ++numbers_[bucket];
  }

  // Returns the image's end. Writes the table, and makes numbers of the counts.
  size_t CloseGaps(size_t at) {
    uint32_t number = 0;
    for (size_t bucket = 0; bucket <= buckets_; ++bucket) {
      const Bucket entry{static_cast<uint32_t>(at), number};
      std::memcpy(image_->data() + sizeof(Header) + bucket * sizeof(Bucket), &entry, sizeof(entry));
      number += std::exchange(numbers_[bucket], number);
      if (bucket == buckets_) break;
      const size_t size = ends_[bucket] - starts_[bucket];
      std::memmove(image_->data() + at, image_->data() + starts_[bucket], size);
      at += size;
    }
    return at;
  }

  const std::string& names_;
  const size_t buckets_;
  const uint64_t seed_ = RandomSeed();
  const std::shared_ptr<std::string> image_ = std::make_shared<std::string>();
  std::vector<uint32_t> starts_;
  std::vector<uint32_t> ends_;
  std::vector<uint32_t> numbers_;  // of names in a bucket; then of its first
};

DomainSet DomainSet::Builder::Build() && {
  if (count_ == 0) return {};
  const std::shared_ptr<const std::string> image = Layout(names_, count_).Write(max_labels_);
  names_ = {};
  return FromImage(*image, image).value();
}

}  // namespace sluice::policy
