#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "netsvc/audit/log_writer.h"
#include "netsvc/audit/segment.h"
#include "netsvc/base/clock.h"
#include "sluice/v1/audit.pb.h"

namespace sluice::audit {
namespace {

v1::AuditEvent FlowOpened() {
  v1::AuditEvent event;
  event.set_policy_generation(3);
  v1::FlowEvent& flow = *event.mutable_flow();
  flow.set_phase(v1::FlowEvent::PHASE_OPENED);
  flow.set_flow_id(123'456);
  flow.set_direction(v1::DIRECTION_EGRESS);
  flow.set_protocol(v1::PROTOCOL_TCP);
  flow.mutable_guest()->set_address("10.0.2.15");
  flow.mutable_guest()->set_port(43'210);
  flow.mutable_remote()->set_address("93.184.216.34");
  flow.mutable_remote()->set_port(443);
  flow.add_domains("web.example.com");
  flow.mutable_verdict()->set_action(v1::ACTION_ALLOW);
  flow.mutable_verdict()->set_rule_id("preset");
  flow.set_count(1);
  return event;
}

// Events a second, at so many events a turn of the loop.
void BM_AppendAndFlush(benchmark::State& state) {
  std::string path = "/tmp/sluice-audit-benchmark-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return state.SkipWithError("cannot make a directory");
  const LogWriter::Options options{.sandbox_id = "web", .sandbox_uid = "0f8fad5b-d9cb-469f-a165-70867728950e"};
  const std::unique_ptr<LogWriter> writer =
      LogWriter::Open(OpenLogDirectory(path).value(), options, Clock::System()).value();
  v1::AuditEvent event = FlowOpened();
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) writer->Append(event);
    if (!writer->Flush().ok()) state.SkipWithError("cannot write");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  std::filesystem::remove_all(path);
}
BENCHMARK(BM_AppendAndFlush)->Arg(1)->Arg(8)->Arg(64);

}  // namespace
}  // namespace sluice::audit

BENCHMARK_MAIN();
