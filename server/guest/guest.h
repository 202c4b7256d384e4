#ifndef SLUICE_SERVER_GUEST_GUEST_H_
#define SLUICE_SERVER_GUEST_GUEST_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"
#include "server/guest/guest_process.h"
#include "server/guest/link_config.h"

namespace sluice {

class GuestFiles;  // guest_files.h, which needs the API's messages

// What runs in one sandbox, and where its frames come from. Made by a
// GuestFactory, in this order:
//
//     AttachLink (unless the policy is PRESET_NONE), Start, Exec..., Stop
//
// AttachLink and DetachLink may come again while it runs. Calls block (starting
// processes, netlink), each for kCallTimeout at most where nothing else is said:
// never from a gRPC reaction. Any thread; the guest serialises what must be.
class Guest {
 public:
  static constexpr absl::Duration kCallTimeout = absl::Seconds(30);

  // Does what Stop() does, within kCallTimeout, where neither that nor Leave() was
  // done.
  virtual ~Guest() = default;
  // The guest and its interface go on without this object, for a later server to
  // adopt. Nothing else is called from now on.
  virtual void Leave() = 0;

  // Makes the interface that the guest sees and returns the descriptor that a
  // worker is given (see TapLink for what it reads; or a VMM's socket).
  // `config.name` is ignored: the guest has a name of its own. AlreadyExists
  // where the guest has an interface of that name.
  virtual absl::StatusOr<UniqueFd> AttachLink(const LinkConfig& config) = 0;
  // Another descriptor of the same interface, for a worker that replaces one.
  // FailedPrecondition where none is attached.
  virtual absl::StatusOr<UniqueFd> LinkDescriptor() = 0;
  // Removes the interface. OK where none is attached.
  virtual absl::Status DetachLink() = 0;
  // Where a VMM connects to; "" for guests without one.
  virtual std::string SocketPath() const { return ""; }

  // Runs the guest's first process. `on_exit` runs once, on the guests' I/O
  // thread, when it has ended by itself; not when Stop() ended it. Guests of
  // others have none to start and never call it. A failure leaves nothing
  // running.
  virtual absl::Status Start(std::function<void(ProcessExit)> on_exit) = 0;

  // In place of Start, for a guest that was adopted. Programs of Exec that an
  // earlier server started are ended, where they are processes of this host.
  // FailedPrecondition: the guest has ended, and how.
  virtual absl::Status Resume(std::function<void(ProcessExit)> on_exit) = 0;
  // Which process is the guest's first, or was, as a process note says it: what
  // Adopt() wants to know. "" where it knows without, or the server runs none.
  virtual std::string FirstProcess() const { return ""; }

  // NotFound (no such program), FailedPrecondition (the guest ended, is someone
  // else's, or has not what the program takes), FieldError of "args", "user" or
  // "working_directory".
  virtual absl::StatusOr<std::unique_ptr<GuestProcess>> Exec(const ExecOptions& options) = 0;

  // Its files, for one call's use: they are there until the guest is stopped.
  // FailedPrecondition (the guest ended, or is someone else's), ResourceExhausted
  // (a virtual machine has too many such calls).
  virtual absl::StatusOr<std::unique_ptr<GuestFiles>> Files();

  // Ends the guest, programs of Exec included, and removes the interface and
  // everything that the guest left on the host. DeadlineExceeded where that took
  // longer than until `deadline`; it may be called again then. OK where it was
  // done before.
  virtual absl::Status Stop(absl::Time deadline) = 0;

 protected:
  // What Resume() says of a first process that is not there any more.
  static absl::Status EndedMeanwhile() {
    return absl::FailedPreconditionError("the guest's first process ended while no server ran; how is not known");
  }
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_GUEST_H_
