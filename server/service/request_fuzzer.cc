// Any request of a caller that is checked: it is refused with the field that is
// wrong, in few words, or it is accepted, and then what was made of it is accepted
// again as it is, after a way through bytes, and can be shown as JSON.
//
// An input is a byte that says which request, and the request, serialized.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/core/host_evaluation.h"
#include "server/core/request_validation.h"
#include "server/core/sandbox_update.h"
#include "server/service/audit_reading.h"
#include "tests/fuzz/field_path.h"
#include "tests/fuzz/mutate_message.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/seeds.h"

namespace sluice {
namespace {

using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

template <typename T>
T ThroughBytes(const T& message) {
  T again;
  FUZZ_REQUIRE(again.ParseFromString(message.SerializeAsString()));
  return again;
}

void RequireShown(const Message& message) {
  std::string json;
  FUZZ_REQUIRE(google::protobuf::util::MessageToJsonString(message, &json).ok());
}

// `checked` is a status, of a value or without one.
template <typename Checked>
bool Accepted(const Checked& checked, const Message& request) {
  absl::Status status;
  if constexpr (std::is_same_v<Checked, absl::Status>) {
    status = checked;
  } else {
    status = checked.status();
  }
  FUZZ_REQUIRE(status.ok() || fuzz::IsProperRefusal(status, request));
  return status.ok();
}

// What comes of `request`, put in its place with `put`, is accepted and stays.
template <typename Request, typename Check, typename Put>
void Run(Request request, const Check& check, const Put& put) {
  const auto first = check(request);
  if (!Accepted(first, request)) return;
  put(*first, request);
  const auto second = check(ThroughBytes(request));
  FUZZ_REQUIRE(second.ok() && MessageDifferencer::Equals(*first, *second));
  RequireShown(*first);
}

void Create(const v1::CreateSandboxRequest& request) {
  Run(request, CheckCreate, [](const v1::Sandbox& sandbox, auto& to) { *to.mutable_sandbox() = sandbox; });
}

// A sandbox that runs, with every part that an update may change.
const v1::Sandbox& Current() {
  static const v1::Sandbox* const sandbox = [] {
    v1::CreateSandboxRequest request;
    v1::Sandbox& wanted = *request.mutable_sandbox();
    wanted.set_id("box-1");
    (*wanted.mutable_labels())["a"] = "b";
    wanted.mutable_guest()->mutable_netns()->set_pid(1);
    wanted.mutable_network()->mutable_dns()->add_blocked_domains("old.test");
    wanted.mutable_network()->mutable_limits()->set_max_flows(10);
    return new v1::Sandbox(CheckCreate(request).value());
  }();
  return *sandbox;
}

void Update(const v1::UpdateSandboxRequest& request) {
  if (!Accepted(CheckUpdate(request), request)) return;
  const absl::StatusOr<v1::Sandbox> updated = ApplyUpdate(request, Current());
  if (!Accepted(updated, request)) return;
  RequireShown(*updated);
  v1::Sandbox others = *updated;
  *others.mutable_labels() = Current().labels();
  *others.mutable_network()->mutable_dns() = Current().network().dns();
  *others.mutable_network()->mutable_limits() = Current().network().limits();
  FUZZ_REQUIRE(MessageDifferencer::Equals(others, Current()));
  v1::CreateSandboxRequest again;
  *again.mutable_sandbox() = *updated;
  const absl::StatusOr<v1::Sandbox> created = CheckCreate(ThroughBytes(again));
  FUZZ_REQUIRE(created.ok() && MessageDifferencer::Equals(*created, *updated));
}

void SetPolicy(const v1::SetNetworkPolicyRequest& request) {
  Run(request, CheckSetPolicy, [](const v1::NetworkPolicy& policy, auto& to) { *to.mutable_policy() = policy; });
}

void Publish(const v1::PublishPortRequest& request) {
  Run(request, CheckPublish, [](const v1::PortMapping& port, auto& to) { *to.mutable_port() = port; });
}

void Unpublish(const v1::UnpublishPortRequest& request) {
  Run(request, CheckUnpublish, [](const v1::PortMapping& port, auto& to) { *to.mutable_port() = port; });
}

void Evaluate(const v1::EvaluatePolicyRequest& request) {
  const absl::StatusOr<internal::v1::Evaluate> question = CheckEvaluate(request);
  if (!Accepted(question, request) || !question->has_policy()) return;
  const absl::StatusOr<internal::v1::EvaluateResult> result = EvaluateOnHost(*question, HostNetwork(), {});
  FUZZ_REQUIRE(result.ok());
  FUZZ_REQUIRE(result->verdict().action() != v1::ACTION_UNSPECIFIED);
  FUZZ_REQUIRE(result->verdict().reason() != v1::Verdict::REASON_UNSPECIFIED && !result->verdict().rule_id().empty());
  FUZZ_REQUIRE(request.remote_address().empty() == (result->remote_group() == v1::ADDRESS_GROUP_UNSPECIFIED));
}

// Of a server with two sandboxes.
void StreamAudit(const v1::StreamAuditEventsRequest& request) {
  std::vector<AuditLogInfo> logs;
  for (const char* id : {"a", "box-1"}) {
    AuditLogInfo log;
    log.sandbox_id = log.sandbox_uid = id;
    logs.push_back(log);
  }
  const absl::StatusOr<AuditReading> reading = AuditReading::Start(request, logs);
  if (absl::IsNotFound(reading.status())) {
    FUZZ_REQUIRE(request.sandbox_ids_size() > 0 && reading.status().message().size() <= fuzz::kMaxWords);
    return;
  }
  if (!Accepted(reading, request)) return;
  v1::StreamAuditEventsRequest later = request;
  later.set_cursor(reading->cursor());
  FUZZ_REQUIRE(AuditReading::Start(ThroughBytes(later), logs).ok());
}

void List(const v1::ListSandboxesRequest& request) { Accepted(CheckList(request), request); }

// A kind of request, by the first byte of an input.
struct Kind {
  std::unique_ptr<Message> (*make)();
  void (*run)(const Message& request);
};

template <typename Request, void (*Take)(const Request&)>
constexpr Kind Of() {
  return {[]() -> std::unique_ptr<Message> { return std::make_unique<Request>(); },
          [](const Message& request) { Take(static_cast<const Request&>(request)); }};
}

constexpr Kind kKinds[] = {
    Of<v1::CreateSandboxRequest, Create>(),        Of<v1::UpdateSandboxRequest, Update>(),
    Of<v1::SetNetworkPolicyRequest, SetPolicy>(),  Of<v1::PublishPortRequest, Publish>(),
    Of<v1::UnpublishPortRequest, Unpublish>(),     Of<v1::EvaluatePolicyRequest, Evaluate>(),
    Of<v1::StreamAuditEventsRequest, StreamAudit>(), Of<v1::ListSandboxesRequest, List>(),
};

const Kind& KindOf(uint8_t byte) { return kKinds[byte % std::size(kKinds)]; }

}  // namespace
}  // namespace sluice

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  const std::unique_ptr<google::protobuf::Message> scratch = sluice::KindOf(size == 0 ? 0 : data[0]).make();
  return sluice::fuzz::MutateSerialized(*scratch, 1, data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const sluice::Kind& kind = sluice::KindOf(data[0]);
  const std::unique_ptr<google::protobuf::Message> request = kind.make();
  if (request->ParseFromArray(data + 1, static_cast<int>(size - 1))) kind.run(*request);
  return 0;
}
