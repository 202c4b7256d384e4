// What somebody who is no server of ours says to a worker's socket: the worker reads
// it whole or in parts alike, answers what is a request, each once and in order, up
// to the first thing that is none, and agrees with no version that it does not speak.
//
// An input is one byte that says how the others come to the socket: in pieces of so
// many bytes (but no more than kMaxPieces), or, where it is 0, at once. The others are
// messages, each after its length in four bytes.

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "netsvc/base/big_endian.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/loop/fake_loop.h"
#include "netsvc/worker/control_server.h"
#include "netsvc/worker/worker.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/seeds.h"

namespace sluice {
namespace {

using internal::v1::Request;
using internal::v1::Response;

constexpr size_t kLengthSize = 4;
constexpr size_t kMaxInput = 64 << 10;  // what the socket takes at once
constexpr size_t kMaxPieces = 50;
constexpr int kOk = 0;

// A worker without a sandbox, and a connection to its socket.
class WorkerAtSocket {
 public:
  WorkerAtSocket() : worker_(loop_, [] {}), control_(loop_, Listen(), [this](const Request& request, auto descriptors) {
    return worker_.Handle(request, std::move(descriptors));
  }) {
    client_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    FUZZ_REQUIRE(connect(client_.get(), reinterpret_cast<const sockaddr*>(&address_), address_size_) == 0);
    loop_.RunUntilIdle();
  }

  // Appends what the worker answers to `answers`.
  void Send(std::span<const uint8_t> bytes, std::string& answers) {
    // A worker that hung up takes nothing more.
    if (send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
    std::array<char, 4096> buffer;
    while (true) {
      loop_.RunUntilIdle();
      const ssize_t got = recv(client_.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) return;
      answers.append(buffer.data(), static_cast<size_t>(got));
    }
  }

  bool HungUp() {
    loop_.RunUntilIdle();
    char byte;
    const ssize_t got = recv(client_.get(), &byte, 1, MSG_PEEK);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }

 private:
  // At a name that the kernel makes up.
  UniqueFd Listen() {
    UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    address_.sun_family = AF_UNIX;
    const auto* const address = reinterpret_cast<const sockaddr*>(&address_);
    FUZZ_REQUIRE(bind(listener.get(), address, sizeof(sa_family_t)) == 0 && listen(listener.get(), 1) == 0);
    FUZZ_REQUIRE(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address_), &address_size_) == 0);
    return listener;
  }

  sockaddr_un address_ = {};
  socklen_t address_size_ = sizeof(address_);
  FakeLoop loop_;
  Worker worker_;
  ControlServer control_;
  UniqueFd client_;
};

// The messages in `bytes`, up to the first that is not one; `broken`: there is such.
template <typename Message>
std::vector<Message> Messages(std::span<const uint8_t> bytes, bool& broken) {
  std::vector<Message> messages;
  broken = false;
  while (bytes.size() >= kLengthSize) {
    const size_t size = Load32(bytes.data());
    broken = size > ControlServer::kMaxMessage;
    if (broken || bytes.size() - kLengthSize < size) return messages;
    Message message;
    broken = !message.ParseFromArray(bytes.data() + kLengthSize, static_cast<int>(size));
    if (broken) return messages;
    messages.push_back(std::move(message));
    bytes = bytes.subspan(kLengthSize + size);
  }
  return messages;
}

void RequireProperAnswer(const Request& request, const Response& response) {
  FUZZ_REQUIRE(response.id() == request.id());
  FUZZ_REQUIRE(response.code() >= 0 && response.code() <= static_cast<int>(absl::StatusCode::kUnauthenticated));
  if (request.has_hello()) {
    const uint32_t latest = request.hello().version();
    const uint32_t oldest = request.hello().oldest_version() == 0 ? latest : request.hello().oldest_version();
    const bool speaks = oldest <= Worker::kProtocolVersion && latest >= Worker::kOldestVersion && oldest <= latest;
    FUZZ_REQUIRE((response.code() == kOk) == speaks);
    const uint32_t version = response.hello().version();
    FUZZ_REQUIRE(!speaks || (version >= oldest && version <= latest && version <= Worker::kProtocolVersion));
    return;
  }
  // It has no sandbox, nor descriptors to make one with.
  const bool no_lists = request.has_set_block_lists() && request.set_block_lists().names().empty();
  FUZZ_REQUIRE((response.code() == kOk) == no_lists);
}

std::string Talk(std::span<const uint8_t> bytes, size_t piece, bool& hung_up) {
  WorkerAtSocket worker;
  std::string answers;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    worker.Send(bytes.subspan(at, std::min(piece, bytes.size() - at)), answers);
  }
  hung_up = worker.HungUp();
  return answers;
}

void Run(std::span<const uint8_t> bytes, size_t piece) {
  bool broken = false;
  const std::vector<Request> requests = Messages<Request>(bytes, broken);
  bool hung_up = false;
  const std::string bytes_back = Talk(bytes, piece, hung_up);
  bool senseless = false;
  const std::vector<Response> answers =
      Messages<Response>({reinterpret_cast<const uint8_t*>(bytes_back.data()), bytes_back.size()}, senseless);
  FUZZ_REQUIRE(!senseless && answers.size() == requests.size() && hung_up == broken);
  for (size_t i = 0; i < answers.size(); ++i) RequireProperAnswer(requests[i], answers[i]);
}

}  // namespace
}  // namespace sluice

namespace sluice::fuzz {
namespace {

void Append(const Request& request, Bytes& row) {
  const std::string body = request.SerializeAsString();
  row.resize(row.size() + kLengthSize);
  Store32(row.data() + row.size() - kLengthSize, static_cast<uint32_t>(body.size()));
  row.insert(row.end(), body.begin(), body.end());
}

Request Hello(uint32_t oldest, uint32_t latest) {
  Request request;
  request.set_id(latest);
  request.mutable_hello()->set_oldest_version(oldest);
  request.mutable_hello()->set_version(latest);
  return request;
}

}  // namespace

// A greeting of each kind, and after one a request of every kind.
std::vector<Bytes> Seeds() {
  constexpr std::pair<uint32_t, uint32_t> kVersions[] = {{0, 1}, {0, 2}, {1, 9}, {2, 9}, {0, 0}};
  std::vector<Bytes> seeds = {{0, 0xff, 0xff, 0xff, 0xff}};
  for (const uint8_t piece : {0, 1, 7}) {
    for (const auto& [oldest, latest] : kVersions) {
      seeds.push_back({piece});
      Append(Hello(oldest, latest), seeds.back());
    }
    Append(Hello(1, 1), seeds.emplace_back(Bytes{piece}));
    const auto* kinds = Request::descriptor()->FindOneofByName("kind");
    for (int i = 0; i < kinds->field_count(); ++i) {
      Request request;
      request.set_id(static_cast<uint64_t>(i));
      request.GetReflection()->MutableMessage(&request, kinds->field(i));
      Append(request, seeds.back());
    }
  }
  return seeds;
}

}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > sluice::kMaxInput) return 0;
  const size_t piece = data[0] == 0 ? size : std::max<size_t>(data[0], size / sluice::kMaxPieces);
  sluice::Run({data + 1, size - 1}, piece);
  return 0;
}
