#ifndef SLUICE_NETSVC_LINK_CAPTURES_H_
#define SLUICE_NETSVC_LINK_CAPTURES_H_

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/link/pcapng.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/policy/verdict.h"

namespace sluice::link {

// Copies of the guest's frames, each with what was decided about it, for those
// who capture them. Nobody does, most of the time: then active() is false and
// nothing here costs anything.
//
// What a frame of the guest's comes to is known a few calls after it was read:
// Begin keeps its bytes as they came, Judged writes them, and End writes those
// that wait for something. It is judged before anything that follows from it
// happens, so that answers come after what they answer.
//
// A capture goes to a socket whose buffer is all that may wait. Where it is full
// the frame is missing from that capture, and the next that is in it says so; the
// worker waits for nobody. A reader that is gone ends its capture. One thread,
// the loop's.
class Captures {
 public:
  static constexpr size_t kMaxCaptures = 4;

  struct Options {
    std::string interface_name;
    uint32_t snapshot_bytes = 0;  // kept of each frame; 0: all
    bool denied_only = false;
  };

  explicit Captures(EventLoop& loop) : loop_(loop) {}
  Captures(const Captures&) = delete;
  Captures& operator=(const Captures&) = delete;

  // `socket`: a connected SOCK_SEQPACKET socket. Each message is one or more whole
  // blocks of a pcapng file. ResourceExhausted past kMaxCaptures.
  absl::Status Start(UniqueFd socket, Options options);
  bool active() const { return !captures_.empty(); }

  // A frame that came. `if_denied`: it is told of only where it is denied, for it
  // is told of elsewhere.
  void Begin(FrameDirection direction, std::span<const uint8_t> frame, bool if_denied = false);
  // What was decided about it: the first of these alone counts. Nothing where no
  // frame was begun. `flow_id`: 0 for none.
  void Judged(const policy::Verdict& verdict, uint64_t flow_id = 0) {
    if (begun_) Tell(verdict, flow_id);
  }
  // Where it was no policy that decided: one word says what did.
  void Judged(v1::Action action, absl::string_view reason) {
    if (begun_) Tell(action == v1::ACTION_DENY, Comment(action, reason));
  }
  // It waits, where it was not judged.
  void End() {
    if (begun_) Tell(false, kHeld);
  }

  // A frame for the guest: of an allowed flow, or Sluice's own words.
  void ToGuest(std::span<const uint8_t> frame, const policy::Verdict& verdict, uint64_t flow_id);
  void ToGuest(std::span<const uint8_t> frame);

  // Ends every capture; its last message is an interface's statistics.
  void Finish();

 private:
  struct Capture {
    UniqueFd socket;
    Options options;
    uint64_t frames = 0;
    uint64_t dropped = 0;
    uint64_t dropped_untold = 0;
    std::unique_ptr<EventLoop::Handle> watch;  // for the reader's end
  };

  struct Begun {
    FrameDirection direction = FrameDirection::kFromGuest;
    bool if_denied = false;
    size_t size = 0;  // of the whole frame
    std::vector<uint8_t> kept;
  };

  static constexpr absl::string_view kHeld = "verdict=HELD";
  // "verdict=DENY reason=DEFAULT"
  static std::string Comment(v1::Action action, absl::string_view reason);
  static std::string Comment(const policy::Verdict& verdict, uint64_t flow_id);

  void Tell(const policy::Verdict& verdict, uint64_t flow_id);
  void Tell(bool denied, absl::string_view comment);
  void Write(FrameRecord record, bool denied);
  void OnReaderGone(std::list<Capture>::iterator capture);
  // False: its reader is gone.
  bool Send(Capture& capture, FrameRecord record);

  EventLoop& loop_;
  std::list<Capture> captures_;
  bool begun_ = false;
  Begun frame_;
  std::string message_;
};

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_CAPTURES_H_
