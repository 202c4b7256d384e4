#ifndef SLUICE_TESTS_E2E_GUEST_EXEC_H_
#define SLUICE_TESTS_E2E_GUEST_EXEC_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"
#include "sluice/v1/guest_service.grpc.pb.h"
#include "tests/e2e/sandbox_client.h"

namespace sluice::e2e {

// How a program in a guest ended.
struct ExecResult {
  int code = 0;  // 128 + N where signal N ended it
  std::string out;
  std::string err;
};

// A program in a guest, with its input and output. Destroying it kills the
// program. One thread.
class GuestExec {
 public:
  // Starts it; that it could not be is told by what is called next. After `timeout`
  // it is killed.
  GuestExec(SandboxClient& client, const v1::ExecStart& start, absl::Duration timeout = kCallTimeout);
  GuestExec(SandboxClient& client, const std::string& sandbox_id, const std::vector<std::string>& args,
            absl::Duration timeout = kCallTimeout);
  ~GuestExec();
  GuestExec(const GuestExec&) = delete;
  GuestExec& operator=(const GuestExec&) = delete;

  void Write(const std::string& input);
  void CloseInput();
  // To its process group.
  void Signal(int signal);
  // Of its terminal.
  void Resize(uint32_t columns, uint32_t rows);
  // The next line of its standard output, without its end; OutOfRange where it
  // ended first.
  absl::StatusOr<std::string> ReadLine();
  // Waits for its end; what ReadLine returned is not told again. An error is the
  // call's.
  absl::StatusOr<ExecResult> Wait();

 private:
  // Takes one response; false at the end of the stream.
  bool ReadOne();

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ExecRequest, v1::ExecResponse>> stream_;
  ExecResult result_;
  bool exited_ = false;
  bool finished_ = false;
};

// Runs a program to its end.
absl::StatusOr<ExecResult> RunInGuest(SandboxClient& client, const std::string& sandbox_id,
                                      const std::vector<std::string>& args, absl::Duration timeout = kCallTimeout);

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_GUEST_EXEC_H_
