#ifndef SLUICE_NETSVC_SLIRP_FAKE_HOST_STACK_H_
#define SLUICE_NETSVC_SLIRP_FAKE_HOST_STACK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "netsvc/packet/packet.h"
#include "netsvc/slirp/host_stack.h"

namespace sluice {

// A host stack that keeps what it is given. Tests.
class FakeHostStack : public HostStack {
 public:
  void SetDelegate(Delegate* delegate) override { delegate_ = delegate; }
  int Input(std::span<const uint8_t> frame) override {
    if (!keeps_frames) return -1;
    frames.emplace_back(frame.begin(), frame.end());
    if (on_input) on_input(frames.back());
    return std::exchange(next_socket, -1);
  }
  bool full() const override { return is_full; }
  void Abort(int socket) override { aborted.insert(socket); }
  absl::Status AddListener(bool udp, UniqueFd, const Endpoint& guest) override {
    listeners.emplace(udp, guest);
    return absl::OkStatus();
  }
  absl::Status RemoveListener(bool udp, const Endpoint& guest) override {
    return listeners.erase({udp, guest}) == 1 ? remove_status : absl::NotFoundError("listener");
  }

  Delegate& delegate() { return *delegate_; }
  // The last frame that came in. Points into `frames`.
  packet::Packet last() {
    packet::Packet packet;
    packet::Parse(frames.back(), packet);
    return packet;
  }

  std::vector<std::vector<uint8_t>> frames;
  // Called with each frame that comes in, as it does.
  std::function<void(std::span<uint8_t>)> on_input;
  std::set<std::pair<bool, Endpoint>> listeners;
  std::set<int> aborted;
  bool is_full = false;
  // What RemoveListener says of a listener that there is.
  absl::Status remove_status;
  bool keeps_frames = true;
  // What the next Input says it opened.
  int next_socket = -1;

 private:
  Delegate* delegate_ = nullptr;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_SLIRP_FAKE_HOST_STACK_H_
