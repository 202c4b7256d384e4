#ifndef SLUICE_CLIENTS_CLI_PROGRESS_H_
#define SLUICE_CLIENTS_CLI_PROGRESS_H_

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sluice::cli {

// One line on standard error that tells a person how something is going, for as
// long as this lives; nothing where that is no terminal. What is done soon shows
// none. Has a thread: made after SignalWatch.
class Progress {
 public:
  // `doing`: "creating the sandbox".
  explicit Progress(absl::string_view doing);
  // Wipes the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // How far it is: "12 MB of 40 MB". Any thread.
  void Update(absl::string_view state);

 private:
  void Run();

  const std::string doing_;
  const absl::Time began_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string state_;  // guarded by mutex_
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_PROGRESS_H_
