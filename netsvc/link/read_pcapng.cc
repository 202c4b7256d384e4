#include "netsvc/link/read_pcapng.h"

#include <sys/socket.h>

#include <cstring>

#include "gtest/gtest.h"

namespace sluice::link {
namespace {

template <typename Integer>
Integer Load(absl::string_view bytes, size_t at) {
  Integer value{};
  EXPECT_LE(at + sizeof(value), bytes.size());
  if (at + sizeof(value) <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

size_t Padded(size_t size) { return (size + 3) / 4 * 4; }

// `options` of a frame's block or of statistics'.
void ReadOptions(absl::string_view options, PcapngBlock& block) {
  while (options.size() >= 4) {
    const auto code = Load<uint16_t>(options, 0);
    const auto size = Load<uint16_t>(options, 2);
    if (code == 0) return;
    const absl::string_view value = options.substr(4, size);
    if (block.type == kFrameBlock && code == 1) block.comment = std::string(value);
    if (block.type == kFrameBlock && code == 2) block.flags = Load<uint32_t>(value, 0);
    if (block.type == kFrameBlock && code == 4) block.drop_count = Load<uint64_t>(value, 0);
    if (block.type == kStatisticsBlock && code == 4) block.received = Load<uint64_t>(value, 0);
    if (block.type == kStatisticsBlock && code == 5) block.dropped = Load<uint64_t>(value, 0);
    if (4 + Padded(size) > options.size()) break;
    options.remove_prefix(4 + Padded(size));
  }
  ADD_FAILURE() << "options without an end";
}

}  // namespace

std::vector<PcapngBlock> ReadPcapng(absl::string_view bytes) {
  std::vector<PcapngBlock> blocks;
  while (!bytes.empty()) {
    PcapngBlock block;
    block.type = Load<uint32_t>(bytes, 0);
    const auto size = Load<uint32_t>(bytes, 4);
    if (size < 12 || size > bytes.size() || size % 4 != 0 || Load<uint32_t>(bytes, size - 4) != size) {
      ADD_FAILURE() << "a block of " << size << " bytes, of " << bytes.size();
      return blocks;
    }
    const absl::string_view body = bytes.substr(8, size - 12);
    if (block.type == kFrameBlock) {
      const auto kept = Load<uint32_t>(body, 12);
      block.size = Load<uint32_t>(body, 16);
      block.kept = std::string(body.substr(20, kept));
      ReadOptions(body.substr(20 + Padded(kept)), block);
    }
    if (block.type == kStatisticsBlock) ReadOptions(body.substr(12), block);
    blocks.push_back(block);
    bytes.remove_prefix(size);
  }
  return blocks;
}

CaptureSocket::CaptureSocket(int buffer) {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  writer.reset(ends[0]);
  reader.reset(ends[1]);
  EXPECT_EQ(setsockopt(writer.get(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)), 0);
}

std::vector<PcapngBlock> CaptureSocket::Read() {
  std::vector<PcapngBlock> all;
  std::string message(1 << 17, '\0');
  ssize_t n = 0;
  while ((n = recv(reader.get(), message.data(), message.size(), MSG_DONTWAIT)) > 0) {
    for (PcapngBlock& block : ReadPcapng(absl::string_view(message).substr(0, static_cast<size_t>(n)))) {
      all.push_back(std::move(block));
    }
  }
  return all;
}

std::vector<std::string> CaptureSocket::ReadComments() {
  std::vector<std::string> comments;
  for (const PcapngBlock& block : Read()) {
    if (block.type == kFrameBlock) comments.push_back(block.comment);
  }
  return comments;
}

}  // namespace sluice::link
