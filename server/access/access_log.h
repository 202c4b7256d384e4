#ifndef SLUICE_SERVER_ACCESS_ACCESS_LOG_H_
#define SLUICE_SERVER_ACCESS_ACCESS_LOG_H_

#include <grpcpp/support/server_interceptor.h>
#include <grpcpp/support/status_code_enum.h>
#include <spdlog/logger.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace spdlog::details {
class thread_pool;
}

namespace sluice {

class AccessControl;

// Who called what, of which sandbox, and what came of it: one JSON object a line.
// A thread of its own writes the lines; where kMaxWaiting of them wait, the oldest
// gives way and is counted. Any thread; does not block.
class AccessLog {
 public:
  static constexpr size_t kMaxWaiting = 8192;  // lines
  static constexpr size_t kMaxText = 256;      // bytes of each text in a line; longer ones are cut

  struct Entry {
    absl::string_view caller;  // "" : nobody that is known
    absl::string_view method;  // "/sluice.v1.SandboxService/GetSandbox"
    absl::string_view sandbox = "";
    grpc::StatusCode code = grpc::StatusCode::OK;
    absl::string_view message = "";  // of the status
    absl::Duration took = absl::ZeroDuration();
  };

  // `path`: a file that lines are added to, "-" for stderr, "" for no log.
  // FailedPrecondition where the file cannot be written.
  static absl::StatusOr<std::unique_ptr<AccessLog>> Open(const std::string& path);
  // Writes what waits.
  ~AccessLog();

  void Write(const Entry& entry);
  // Lines that gave way.
  uint64_t lost() const;

 private:
  AccessLog() = default;

  std::shared_ptr<spdlog::details::thread_pool> writer_;
  std::shared_ptr<spdlog::logger> logger_;
};

// Puts every call that reaches a method into `log`. Both outlive the server.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeAccessLogger(const AccessControl& access,
                                                                                        AccessLog& log);

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_ACCESS_LOG_H_
