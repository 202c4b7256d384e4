#include "netsvc/link/pcapng.h"

#include <cstring>
#include <type_traits>

namespace sluice::link {
namespace {

// Block types (sections 4.1 to 4.6).
constexpr uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr uint32_t kInterfaceDescription = 1;
constexpr uint32_t kInterfaceStatistics = 5;
constexpr uint32_t kEnhancedPacket = 6;

constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr uint16_t kLinkTypeEthernet = 1;

// Option codes.
constexpr uint16_t kEndOfOptions = 0;
constexpr uint16_t kComment = 1;
constexpr uint16_t kUserApplication = 4;  // of a section
constexpr uint16_t kName = 2;             // of an interface
constexpr uint16_t kTimeResolution = 9;
constexpr uint16_t kFlags = 2;  // of a packet
constexpr uint16_t kDropCount = 4;
constexpr uint16_t kReceived = 4;  // of statistics
constexpr uint16_t kDropped = 5;

constexpr uint8_t kNanoseconds = 9;  // 10^-9 s

void AppendBytes(absl::string_view bytes, std::string& out) {
  out.append(bytes.data(), bytes.size());
  out.append((4 - bytes.size() % 4) % 4, '\0');
}

template <typename Integer>
void Append(Integer value, std::string& out) {
  static_assert(std::is_integral_v<Integer>);
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out.append(bytes, sizeof(bytes));
}

void AppendOption(uint16_t code, absl::string_view value, std::string& out) {
  value = value.substr(0, kMaxTextSize);
  Append(code, out);
  Append(static_cast<uint16_t>(value.size()), out);
  AppendBytes(value, out);
}

template <typename Integer>
void AppendNumber(uint16_t code, Integer value, std::string& out) {
  std::string bytes;
  Append(value, bytes);
  AppendOption(code, bytes, out);
}

void AppendTime(absl::Time time, std::string& out) {
  const auto nanoseconds = static_cast<uint64_t>(absl::ToUnixNanos(time));
  Append(static_cast<uint32_t>(nanoseconds >> 32), out);
  Append(static_cast<uint32_t>(nanoseconds), out);
}

// A block from its type to its end; its length stands at both ends.
class Block {
 public:
  Block(uint32_t type, std::string& out) : out_(out), start_(out.size()) {
    Append(type, out_);
    Append(uint32_t{0}, out_);
  }
  ~Block() {
    Append(uint32_t{kEndOfOptions}, out_);  // with a length of 0
    const auto size = static_cast<uint32_t>(out_.size() - start_ + sizeof(uint32_t));
    std::memcpy(out_.data() + start_ + sizeof(uint32_t), &size, sizeof(size));
    Append(size, out_);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

 private:
  std::string& out_;
  const size_t start_;
};

}  // namespace

void AppendFileHeader(absl::string_view interface_name, uint32_t snapshot_bytes, std::string& out) {
  {
    const Block section(kSectionHeader, out);
    Append(kByteOrderMagic, out);
    Append(uint16_t{1}, out);  // version 1.0
    Append(uint16_t{0}, out);
    Append(int64_t{-1}, out);  // the section's length is not known
    AppendOption(kUserApplication, "Sluice", out);
  }
  const Block interface(kInterfaceDescription, out);
  Append(kLinkTypeEthernet, out);
  Append(uint16_t{0}, out);
  Append(snapshot_bytes, out);
  AppendOption(kName, interface_name, out);
  AppendNumber(kTimeResolution, kNanoseconds, out);
}

void AppendFrame(const FrameRecord& frame, std::string& out) {
  const Block block(kEnhancedPacket, out);
  Append(uint32_t{0}, out);  // the interface
  AppendTime(frame.time, out);
  Append(static_cast<uint32_t>(frame.kept.size()), out);
  Append(static_cast<uint32_t>(frame.size), out);
  AppendBytes({reinterpret_cast<const char*>(frame.kept.data()), frame.kept.size()}, out);
  AppendOption(kComment, frame.comment, out);
  AppendNumber(kFlags, static_cast<uint32_t>(frame.direction), out);
  if (frame.dropped > 0) AppendNumber(kDropCount, frame.dropped, out);
}

void AppendStatistics(const InterfaceStatistics& statistics, std::string& out) {
  const Block block(kInterfaceStatistics, out);
  Append(uint32_t{0}, out);
  AppendTime(statistics.time, out);
  AppendNumber(kReceived, statistics.received, out);
  AppendNumber(kDropped, statistics.dropped, out);
}

bool IsStatistics(absl::string_view blocks) {
  std::string type;
  Append(kInterfaceStatistics, type);
  return blocks.substr(0, type.size()) == type;
}

}  // namespace sluice::link
