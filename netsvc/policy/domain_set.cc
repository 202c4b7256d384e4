#include "netsvc/policy/domain_set.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace sluice::policy {
namespace {

constexpr uint64_t kMagic = 0x534c'444f'4d53'0001;  // "SLDOMS", layout 1
constexpr size_t kMaxLabels = DomainName::kMaxWireSize / 2;

// A name in the image is a byte of flags, then its wire form.
constexpr uint8_t kWhole = 1;       // "example.com" is a pattern
constexpr uint8_t kSubdomains = 2;  // "*.example.com" is

// FNV-1a over the bytes of a suffix from its end, so that the hashes of all
// suffixes of a name come of one pass over it.
constexpr uint64_t kFnvBasis = 0xcbf2'9ce4'8422'2325;
constexpr uint64_t kFnvPrime = 0x0000'0100'0000'01b3;

uint64_t Fold(uint64_t state, char byte) { return (state ^ static_cast<uint8_t>(byte)) * kFnvPrime; }

// The high bits choose the place in the table, so they must depend on all.
uint32_t Finish(uint64_t state) {
  return static_cast<uint32_t>(((state ^ (state >> 32)) * 0x9e37'79b9'7f4a'7c15) >> 32);
}

uint32_t HashOf(absl::string_view wire) {
  uint64_t state = kFnvBasis;
  for (size_t i = wire.size(); i-- > 0;) state = Fold(state, wire[i]);
  return Finish(state);
}

uint32_t HomeOf(uint32_t hash, uint32_t slot_count) { return hash >> (32 - std::countr_zero(slot_count)); }

// The suffixes of a name of at most `max_labels` labels, the shortest first;
// the root is not among them.
class Suffixes {
 public:
  Suffixes(absl::string_view wire, int max_labels) : wire_(wire) {
    size_t labels = 0;
    std::array<uint8_t, kMaxLabels> starts;
    size_t at = 0;
    for (; wire[at] != 0; at += 1 + static_cast<uint8_t>(wire[at])) starts[labels++] = static_cast<uint8_t>(at);
    uint64_t state = Fold(kFnvBasis, wire[at]);
    while (labels > 0 && count_ < static_cast<size_t>(max_labels)) {
      const size_t start = starts[--labels];
      while (at > start) state = Fold(state, wire[--at]);
      suffixes_[count_++] = {Finish(state), static_cast<uint8_t>(start)};
    }
  }

  size_t size() const { return count_; }
  uint32_t hash(size_t i) const { return suffixes_[i].hash; }
  absl::string_view text(size_t i) const { return wire_.substr(suffixes_[i].start); }
  bool whole(size_t i) const { return suffixes_[i].start == 0; }

 private:
  struct Suffix {
    uint32_t hash;
    uint8_t start;
  };
  const absl::string_view wire_;
  size_t count_ = 0;
  std::array<Suffix, kMaxLabels> suffixes_;
};

// The size of the wire name that `bytes` begin with; 0 where they do not.
size_t WireSize(absl::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size() && at < DomainName::kMaxWireSize) {
    const size_t length = static_cast<uint8_t>(bytes[at]);
    if (length == 0) return at + 1;
    if (length > DomainName::kMaxLabelSize) return 0;
    at += 1 + length;
  }
  return 0;
}

}  // namespace

struct DomainSet::Header {
  uint64_t magic = kMagic;
  uint64_t image_size = 0;
  uint32_t slot_count = 0;  // a power of two
  int32_t max_labels = 0;
};

struct DomainSet::Slot {
  uint32_t hash = 0;
  // From the start of the image; 0 in a free slot.
  uint32_t name_at = 0;
};

DomainSet::Slot DomainSet::SlotAt(uint32_t index) const {
  Slot slot;
  std::memcpy(&slot, image_.data() + sizeof(Header) + index * sizeof(Slot), sizeof(slot));
  return slot;
}

uint32_t DomainSet::Probe(absl::string_view suffix, uint32_t hash) const {
  for (uint32_t at = HomeOf(hash, slot_count_);; at = (at + 1) & (slot_count_ - 1)) {
    const Slot slot = SlotAt(at);
    if (slot.name_at == 0) return at;
    if (slot.hash == hash && image_.substr(slot.name_at + 1, suffix.size()) == suffix) return at;
  }
}

void DomainSet::ForEachMatch(const DomainName& name, absl::FunctionRef<bool(Match)> visit) const {
  if (empty()) return;
  const Suffixes suffixes(name.wire(), max_labels_);
  for (size_t i = 0; i < suffixes.size(); ++i) {
    __builtin_prefetch(image_.data() + sizeof(Header) + HomeOf(suffixes.hash(i), slot_count_) * sizeof(Slot));
  }
  for (size_t i = 0; i < suffixes.size(); ++i) {
    const Match match = {Probe(suffixes.text(i), suffixes.hash(i)), suffixes.whole(i)};
    const uint32_t name_at = SlotAt(match.slot).name_at;
    if (name_at == 0) continue;
    const uint8_t covering = match.whole ? kWhole | kSubdomains : kSubdomains;
    if ((image_[name_at] & covering) != 0 && !visit(match)) return;
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

uint32_t DomainSet::SlotOf(const DomainName& name) const { return Probe(name.wire(), HashOf(name.wire())); }

absl::StatusOr<DomainSet> DomainSet::FromImage(absl::string_view image, std::shared_ptr<const void> owner) {
  if (image.empty()) return DomainSet();
  Header header;
  if (image.size() < sizeof(header)) return absl::InvalidArgumentError("domain set image: cut short");
  std::memcpy(&header, image.data(), sizeof(header));
  const bool sound = header.magic == kMagic && header.image_size == image.size() &&
                     std::has_single_bit(header.slot_count) && header.slot_count > 1 &&
                     header.slot_count <= (image.size() - sizeof(header)) / sizeof(Slot) && header.max_labels >= 0;
  if (!sound) return absl::InvalidArgumentError("domain set image: bad header");
  DomainSet set;
  set.owner_ = std::move(owner);
  set.image_ = image;
  set.slot_count_ = header.slot_count;
  set.max_labels_ = header.max_labels;
  if (const absl::Status status = set.Check(); !status.ok()) return status;
  return set;
}

absl::Status DomainSet::Check() const {
  const size_t names_at = sizeof(Header) + slot_count_ * sizeof(Slot);
  uint32_t used = 0;
  for (uint32_t i = 0; i < slot_count_; ++i) {
    const size_t name_at = SlotAt(i).name_at;
    if (name_at == 0) continue;
    ++used;
    if (name_at < names_at || name_at >= image_.size() || WireSize(image_.substr(name_at + 1)) == 0) {
      return absl::InvalidArgumentError("domain set image: bad name");
    }
  }
  // A search ends at a free slot.
  if (used == slot_count_) return absl::InvalidArgumentError("domain set image: table full");
  return absl::OkStatus();
}

absl::Status DomainSet::Builder::Add(const DomainPattern& pattern) {
  if (count_ == kMaxNames) return absl::ResourceExhaustedError("too many domains in one set");
  ++count_;
  max_labels_ = std::max(max_labels_, pattern.name.label_count());
  names_.push_back(static_cast<char>(pattern.with_subdomains ? kSubdomains : kWhole));
  names_.append(pattern.name.wire().data(), pattern.name.wire().size());
  return absl::OkStatus();
}

DomainSet DomainSet::Builder::Build() && {
  if (count_ == 0) return {};
  Header header;
  header.slot_count = static_cast<uint32_t>(std::bit_ceil(2 * count_));
  header.max_labels = max_labels_;
  const size_t names_at = sizeof(Header) + header.slot_count * sizeof(Slot);
  header.image_size = names_at + names_.size();
  const auto image = std::make_shared<std::string>();
  image->reserve(header.image_size);
  image->resize(names_at);
  image->append(names_);
  names_ = {};
  std::memcpy(image->data(), &header, sizeof(header));

  DomainSet set;
  set.owner_ = image;
  set.image_ = *image;
  set.slot_count_ = header.slot_count;
  set.max_labels_ = header.max_labels;
  for (size_t at = names_at; at < image->size();) {
    const absl::string_view wire = set.image_.substr(at + 1, WireSize(set.image_.substr(at + 1)));
    const uint32_t hash = HashOf(wire);
    const uint32_t place = set.Probe(wire, hash);
    Slot slot = set.SlotAt(place);
    if (slot.name_at == 0) {
      slot = {hash, static_cast<uint32_t>(at)};
      std::memcpy(image->data() + sizeof(Header) + place * sizeof(Slot), &slot, sizeof(slot));
    } else {
      (*image)[slot.name_at] = static_cast<char>((*image)[slot.name_at] | (*image)[at]);
    }
    at += 1 + wire.size();
  }
  return set;
}

}  // namespace sluice::policy
