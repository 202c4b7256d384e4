#include "server/guest/guest_agent.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace sluice {
namespace {

using nlohmann::json;

absl::Status NoAgent() {
  return absl::FailedPreconditionError(
      "the guest has no agent that answers: programs and files take qemu-guest-agent in the virtual machine");
}

// Of what the agent said; the default where it is not there or not of its kind.
int64_t IntegerOf(const json& object, const char* name, int64_t otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : otherwise;
}
bool FlagOf(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}
std::string BytesOf(const json& object, const char* name) {
  const auto found = object.find(name);
  std::string bytes;
  if (found == object.end() || !found->is_string() || !absl::Base64Unescape(found->get_ref<const std::string&>(), &bytes)) {
    return "";
  }
  return bytes;
}

}  // namespace

absl::Status GuestAgent::Ping() {
  if (answers_ && !closed_) return absl::OkStatus();
  if (awaited_.exchange(true)) return NoAgent();
  const absl::Status status = Call("guest-ping", json::object()).status();
  awaited_ = false;
  return status;
}

absl::StatusOr<int64_t> GuestAgent::Start(const ExecOptions& program, const std::string& input) {
  if (input.empty()) return Execute(program, std::nullopt);
  return Execute(program, absl::Base64Escape(input));
}

absl::StatusOr<int64_t> GuestAgent::StartWithPipe(const ExecOptions& program) { return Execute(program, ""); }

absl::StatusOr<int64_t> GuestAgent::Execute(const ExecOptions& program, const std::optional<std::string>& input) {
  json arguments = {{"path", program.args.front()},
                    {"arg", std::vector<std::string>(program.args.begin() + 1, program.args.end())},
                    {"capture-output", true}};
  if (input) arguments["input-data"] = *input;
  const absl::StatusOr<json> answer = Call("guest-exec", arguments);
  // GLib's words for a program that could not be run (gspawn.c).
  if (!answer.ok() && absl::StrContains(answer.status().message(), "No such file or directory")) {
    return absl::NotFoundError(absl::StrCat("the guest has no program ", program.args.front()));
  }
  if (!answer.ok()) return answer.status();
  const int64_t pid = answer->is_object() ? IntegerOf(*answer, "pid", 0) : 0;
  if (pid <= 0) return absl::FailedPreconditionError("the guest's agent does not say which process it started");
  return pid;
}

absl::StatusOr<GuestAgent::Outcome> GuestAgent::Ask(int64_t pid) {
  const absl::StatusOr<json> answer = Call("guest-exec-status", {{"pid", pid}});
  if (!answer.ok()) return answer.status();
  if (!answer->is_object()) return absl::FailedPreconditionError("the guest's agent does not say how its program is");
  Outcome outcome;
  outcome.exited = FlagOf(*answer, "exited");
  outcome.exit.code = static_cast<int>(IntegerOf(*answer, "exitcode", 0));
  outcome.exit.signal = static_cast<int>(IntegerOf(*answer, "signal", 0));
  outcome.out = BytesOf(*answer, "out-data");
  outcome.err = BytesOf(*answer, "err-data");
  outcome.truncated = FlagOf(*answer, "out-truncated") || FlagOf(*answer, "err-truncated");
  return outcome;
}

absl::StatusOr<int64_t> GuestAgent::OpenFile(const std::string& path, const char* mode) {
  const absl::StatusOr<json> answer = Call("guest-file-open", {{"path", path}, {"mode", mode}});
  if (!answer.ok()) return answer.status();
  if (!answer->is_number_integer()) return absl::FailedPreconditionError("the guest's agent does not say which file it opened");
  return answer->get<int64_t>();
}

absl::Status GuestAgent::SeekFile(int64_t handle, uint64_t offset) {
  return Call("guest-file-seek", {{"handle", handle}, {"offset", offset}, {"whence", "set"}}).status();
}

absl::StatusOr<std::string> GuestAgent::ReadFile(int64_t handle, size_t count) {
  const absl::StatusOr<json> answer = Call("guest-file-read", {{"handle", handle}, {"count", count}});
  if (!answer.ok()) return answer.status();
  std::string data = answer->is_object() ? BytesOf(*answer, "buf-b64") : "";
  if (data.size() > count) return absl::FailedPreconditionError("the guest's agent says more than it was asked for");
  return data;
}

absl::Status GuestAgent::WriteFile(int64_t handle, absl::string_view data) {
  while (!data.empty()) {
    const absl::StatusOr<json> answer =
        Call("guest-file-write", {{"handle", handle}, {"buf-b64", absl::Base64Escape(data)}});
    if (!answer.ok()) return answer.status();
    const int64_t count = answer->is_object() ? IntegerOf(*answer, "count", 0) : 0;
    if (count <= 0 || static_cast<uint64_t>(count) > data.size()) {
      return absl::FailedPreconditionError("the guest's agent does not say how much it wrote");
    }
    data.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

absl::Status GuestAgent::CloseFile(int64_t handle) { return Call("guest-file-close", {{"handle", handle}}).status(); }

absl::StatusOr<json> GuestAgent::Call(const char* command, const json& arguments) {
  const absl::Time deadline = absl::Now() + kAnswerTimeout;
  const uint64_t failures = failures_;
  const MutexLock lock(mutex_);
  if (failures_ != failures) return NoAgent();  // while this one waited for its turn
  if (absl::Status status = Open(deadline); !status.ok()) {
    ++failures_;
    return status;
  }
  absl::StatusOr<json> answer = socket_->Call(command, arguments, deadline);
  answers_ = answer.ok() || absl::IsFailedPrecondition(answer.status());
  if (answers_) return answer;
  ++failures_;
  socket_ = nullptr;
  return NoAgent();
}

absl::Status GuestAgent::Open(absl::Time deadline) {
  if (closed_) return absl::FailedPreconditionError("the guest has ended");
  if (socket_ != nullptr) return absl::OkStatus();
  absl::StatusOr<UniqueFd> connection = connect_();
  if (!connection.ok()) return NoAgent();
  auto socket = std::make_unique<JsonSocket>(*std::move(connection));
  if (!socket->Synchronize(deadline).ok()) return NoAgent();
  socket_ = std::move(socket);
  return absl::OkStatus();
}

}  // namespace sluice
