#ifndef SLUICE_SERVER_WORKER_WORKER_LOG_H_
#define SLUICE_SERVER_WORKER_WORKER_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "server/base/mutex.h"
#include "server/worker/worker_lines.h"

namespace sluice {

// Writes what workers say into the server's log, which they have no descriptor of: a
// pipe each, and one thread for all. A pipe is read ten times a second at most,
// 64 KiB each time: a worker that floods costs the server no more than that, and its
// own writes fail once the pipe is full. Any thread. It outlives its sources.
class WorkerLog {
 public:
  // Writes one line. Not called by two threads at once.
  using Sink = std::function<void(const std::string& line)>;

  // The reading end of one pipe. Destroying it closes that; what was said till then
  // is written first.
  class Source {
   public:
    Source(WorkerLog& log, uint64_t id) : log_(log), id_(id) {}
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    ~Source() { log_.Remove(id_); }

   private:
    WorkerLog& log_;
    const uint64_t id_;
  };
  struct Pipe {
    // To be the worker's. Never blocks it: a write that does not fit fails with EAGAIN,
    // one after the source has gone with EPIPE.
    UniqueFd write_end;
    std::unique_ptr<Source> source;
  };

  static absl::StatusOr<std::unique_ptr<WorkerLog>> Start(Sink sink);
  WorkerLog(const WorkerLog&) = delete;
  WorkerLog& operator=(const WorkerLog&) = delete;
  ~WorkerLog();

  // A pipe whose lines, as WorkerLines has them, are written with "worker NAME: " before
  // each. A system error where descriptors have run out.
  absl::StatusOr<Pipe> Open(const std::string& name);

 private:
  struct Reading {
    std::string name;
    UniqueFd pipe;
    WorkerLines lines;
  };

  WorkerLog(UniqueFd epoll, UniqueFd stop, Sink sink);

  void Loop();
  void Read(uint64_t id);
  void ReadOnce(Reading& reading) REQUIRES(mutex_);
  void Write(const Reading& reading, const std::vector<std::string>& lines) REQUIRES(mutex_);
  void Remove(uint64_t id);

  const UniqueFd epoll_;
  const UniqueFd stop_;  // an eventfd; written to once
  // Held while lines are written too: they keep their order, and none comes once its
  // source is gone.
  Mutex mutex_;
  const Sink sink_;
  uint64_t last_id_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<uint64_t, Reading> readings_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_WORKER_LOG_H_
