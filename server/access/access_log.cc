#include "server/access/access_log.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "google/protobuf/message.h"
#include "netsvc/base/unique_fd.h"
#include "server/access/access_control.h"
#include "server/base/mutex.h"
#include "server/service/status.h"

namespace sluice {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using grpc::experimental::InterceptionHookPoints;

// Its request may leave the id to the server, whose answer then has it. The answers of
// others speak of sandboxes that the call was not about.
constexpr absl::string_view kCreate = "/sluice.v1.SandboxService/CreateSandbox";

std::string Cut(absl::string_view text) { return std::string(text.substr(0, AccessLog::kMaxText)); }

std::string ToLine(const AccessLog::Entry& entry) {
  nlohmann::ordered_json line = {{"time", absl::FormatTime(absl::RFC3339_full, absl::Now(), absl::UTCTimeZone())},
                                 {"caller", Cut(entry.caller)},
                                 {"method", Cut(entry.method)},
                                 {"sandbox", Cut(entry.sandbox)},
                                 {"code", CodeName(entry.code)},
                                 {"ms", absl::ToDoubleMilliseconds(entry.took)}};
  if (!entry.message.empty()) line["message"] = Cut(entry.message);
  // Bytes of callers need not be UTF-8.
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string TextOf(const Message& message, const char* field) {
  const FieldDescriptor* descriptor = message.GetDescriptor()->FindFieldByName(field);
  if (descriptor == nullptr || descriptor->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return "";
  if (!descriptor->is_repeated()) return message.GetReflection()->GetString(message, descriptor);
  std::string text;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, descriptor) && text.size() < AccessLog::kMaxText; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ",", message.GetReflection()->GetRepeatedString(message, descriptor, i));
  }
  return text;
}

// Which sandbox a message of the API is about: its sandbox_id, its sandbox's id, or
// the sandbox_id of what a stream starts with.
std::string SandboxOf(const Message& message) {
  for (const char* field : {"sandbox_id", "sandbox_ids"}) {
    if (std::string id = TextOf(message, field); !id.empty()) return id;
  }
  constexpr std::pair<const char*, const char*> kNested[] = {
      {"sandbox", "id"}, {"start", "sandbox_id"}, {"open", "sandbox_id"}};
  for (const auto& [outer, inner] : kNested) {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(outer);
    if (field == nullptr || field->is_repeated() || field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!message.GetReflection()->HasField(message, field)) continue;
    return TextOf(message.GetReflection()->GetMessage(message, field), inner);
  }
  return "";
}

class Logger : public grpc::experimental::Interceptor {
 public:
  Logger(const AccessControl& access, AccessLog& log, grpc::experimental::ServerRpcInfo& call)
      : access_(access),
        log_(log),
        call_(call),
        of_api_(absl::StartsWith(call.method(), "/sluice.v1.")),
        answer_names_it_(call.method() == kCreate),
        began_(absl::Now()) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* batch) override {
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) Identify();
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE)) Look(batch->GetRecvMessage());
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_MESSAGE) && answer_names_it_) {
      Look(batch->GetSendMessage());
    }
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const grpc::Status status = batch->GetSendStatus();
      const MutexLock lock(mutex_);
      log_.Write({.caller = caller_,
                  .method = call_.method(),
                  .sandbox = sandbox_,
                  .code = status.error_code(),
                  .message = status.error_message(),
                  .took = absl::Now() - began_});
    }
    batch->Proceed();
  }

 private:
  void Identify() {
    const auto& peer = *call_.server_context()->auth_context();
    std::string name = access_.NameOf(peer, call_.server_context()->client_metadata());
    const MutexLock lock(mutex_);
    caller_ = std::move(name);
  }

  void Look(const void* message) {
    if (!of_api_ || message == nullptr) return;
    const MutexLock lock(mutex_);
    if (!sandbox_.empty() || looks_++ >= kMaxLooks) return;
    // Requests and responses of the API derive from Message and nothing else.
    sandbox_ = SandboxOf(*static_cast<const Message*>(message));
  }

  // Into the first messages of a stream.
  static constexpr int kMaxLooks = 2;

  const AccessControl& access_;
  AccessLog& log_;
  grpc::experimental::ServerRpcInfo& call_;
  const bool of_api_;
  const bool answer_names_it_;
  const absl::Time began_;
  Mutex mutex_;  // a stream reads and writes at once
  std::string caller_ GUARDED_BY(mutex_);
  std::string sandbox_ GUARDED_BY(mutex_);
  int looks_ GUARDED_BY(mutex_) = 0;
};

class LoggerFactory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  LoggerFactory(const AccessControl& access, AccessLog& log) : access_(access), log_(log) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* call) override {
    return new Logger(access_, log_, *call);  // gRPC's from here on
  }

 private:
  const AccessControl& access_;
  AccessLog& log_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AccessLog>> AccessLog::Open(const std::string& path) {
  std::unique_ptr<AccessLog> log(new AccessLog);
  if (path.empty()) return log;
  spdlog::sink_ptr sink;
  try {
    if (path == "-") {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      // Says who does what: nobody else's to read unless it was made so.
      const UniqueFd made(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
    }
    log->writer_ = std::make_shared<spdlog::details::thread_pool>(kMaxWaiting, 1);
  } catch (const spdlog::spdlog_ex& error) {
    return absl::FailedPreconditionError(absl::StrCat("--access_log=", path, ": ", error.what()));
  }
  log->logger_ = std::make_shared<spdlog::async_logger>("access", std::move(sink), log->writer_,
                                                        spdlog::async_overflow_policy::overrun_oldest);
  log->logger_->set_pattern("%v");
  log->logger_->flush_on(spdlog::level::info);
  return log;
}

AccessLog::~AccessLog() = default;

void AccessLog::Write(const Entry& entry) {
  if (logger_ != nullptr) logger_->info(ToLine(entry));
}

uint64_t AccessLog::lost() const { return writer_ == nullptr ? 0 : writer_->overrun_counter(); }

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeAccessLogger(const AccessControl& access,
                                                                                        AccessLog& log) {
  return std::make_unique<LoggerFactory>(access, log);
}

}  // namespace sluice
