#ifndef SLUICE_NETSVC_DNS_CACHE_H_
#define SLUICE_NETSVC_DNS_CACHE_H_

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/dns/message_view.h"

namespace sluice::dns {

// Answers of upstreams, by name and type, as they were received: no policy has
// judged them, so each is to be judged whenever it is used. When full, the one
// that was used longest ago goes. Owned by the interceptor; the loop's thread.
class Cache {
 public:
  static constexpr size_t kMaxEntries = 4'096;
  static constexpr size_t kMaxBytes = 2 << 20;  // messages, names and kEntryOverhead
  // A larger message is not kept: it would push out too many others.
  static constexpr size_t kMaxMessage = 16 << 10;
  // What an entry takes besides its message and name.
  static constexpr size_t kEntryOverhead = 192;
  // However long the records would live.
  static constexpr absl::Duration kMaxTtl = absl::Hours(24);
  static constexpr absl::Duration kMaxNegativeTtl = absl::Hours(1);  // RFC 2308 section 5

  struct Counters {
    uint64_t hits = 0;
    uint64_t misses = 0;  // expired ones among them
    uint64_t evicted = 0;
  };

  struct Hit {
    // Until the next Store or Clear.
    MessageView message;
    uint32_t age = 0;  // seconds since it came: to be taken off every TTL
    // Of a negative answer: the TTL that none of its records may exceed.
    std::optional<uint32_t> max_ttl = {};
  };

  // How long an answer may be used: the least TTL in it; a negative one for its
  // SOA's TTL or MINIMUM, whichever is less (RFC 2308 section 5). Nothing where
  // it must not be kept: another rcode than NOERROR and NXDOMAIN, TC, a TTL of 0,
  // a negative one without SOA, one that cannot be read to its end.
  static std::optional<absl::Duration> LifetimeOf(const MessageView& answer);

  // `now` is monotonic.
  std::optional<Hit> Find(const DomainName& name, uint16_t type, absl::Duration now);
  // Copies the answer to that question, where it may be kept.
  void Store(const DomainName& name, uint16_t type, const MessageView& answer, absl::Duration now);
  void Clear();

  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_; }
  const Counters& counters() const { return counters_; }

 private:
  struct Entry {
    DomainName name;
    uint16_t type = 0;
    std::vector<uint8_t> message;
    bool negative = false;
    absl::Duration stored;
    absl::Duration expires;
  };
  // Points into the entry.
  struct Key {
    absl::string_view name;
    uint16_t type = 0;

    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.name, key.type);
    }
  };
  using Entries = std::list<Entry>;

  static size_t SizeOf(const Entry& entry);
  void Remove(Entries::iterator entry);

  Entries entries_;  // the last used first
  absl::flat_hash_map<Key, Entries::iterator> by_question_;
  size_t bytes_ = 0;
  Counters counters_;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_CACHE_H_
