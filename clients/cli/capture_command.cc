#include "clients/cli/capture_command.h"

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>

#include "clients/cli/client.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output.h"

namespace sluice::cli {
namespace {

struct CaptureOptions {
  std::string sandbox;
  uint32_t snapshot_bytes = 0;
  bool denied = false;
};

// Writes what comes, until the capture or the reader of our output ends.
int Capture(const Cli& cli, const CaptureOptions& options) {
  if (cli.json) return UsageError("capture has no -o json: pipe it to `tshark -T json -r -`");
  if (isatty(STDOUT_FILENO)) {
    return UsageError("frames are not for a terminal: pipe them to `tshark -r -`, or > FILE");
  }
  v1::CapturePacketsRequest request;
  request.set_sandbox_id(options.sandbox);
  request.set_snapshot_bytes(options.snapshot_bytes);
  request.set_denied_only(options.denied);
  Client client(cli.server);
  grpc::ClientContext context;
  const auto stream = client.audit().CapturePackets(&context, request);
  v1::CapturePacketsResponse response;
  while (stream->Read(&response)) {
    if (const int code = Print(response.pcapng()); code != kOk) return code;
  }
  const grpc::Status status = stream->Finish();
  return status.ok() ? kOk : client.Fail("the capture ended", status);
}

}  // namespace

void AddCaptureCommand(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<CaptureOptions>();
  CLI::App* capture =
      app.add_subcommand("capture", "Write a sandbox's frames, each with its verdict, as pcapng to standard output");
  capture->add_option("SANDBOX", options->sandbox, "Its id")->required();
  capture->add_option("-s,--snapshot-bytes", options->snapshot_bytes, "How much of each frame is kept; 0: all")
      ->type_name("N");
  capture->add_flag("--denied", options->denied, "Only frames that were denied");
  capture->footer(
      "It goes on until it is interrupted, or the sandbox is deleted. A frame's comment\n"
      "says what was decided about it: \"verdict=DENY reason=DEFAULT rule=default\".\n\n"
      "Examples:\n"
      "  sluice capture web > web.pcapng\n"
      "  sluice capture web | tshark -r - -T fields -e ip.dst -e frame.comment\n"
      "  sluice capture web | tshark -r - -Y 'frame.comment contains \"verdict=DENY\"'\n");
  SetAction(capture, cli, options, &Capture);
}

}  // namespace sluice::cli
