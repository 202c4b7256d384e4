#include "server/access/access_control.h"

#include <grpc/grpc_security_constants.h>
#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/access/method_table.h"
#include "server/core/operator_file.h"

namespace sluice {
namespace {

constexpr char kPolicyFlag[] = "--access_policy";
constexpr char kTokenFlag[] = "--token_file";

constexpr absl::string_view kBearer = "Bearer ";  // RFC 6750

// Nothing of what is there, or of who there is, shows in these.
absl::Status Unauthenticated() { return absl::UnauthenticatedError("credentials are missing or wrong"); }
absl::Status Denied() { return absl::PermissionDeniedError("this caller may not do that"); }

absl::string_view ToView(grpc::string_ref text) { return {text.data(), text.size()}; }

// What stands in the peer's certificate, as access.proto writes it.
std::vector<std::string> CertificateNames(const grpc::AuthContext& peer) {
  constexpr std::pair<const char*, const char*> kForms[] = {{GRPC_PEER_URI_PROPERTY_NAME, "URI:"},
                                                            {GRPC_PEER_DNS_PROPERTY_NAME, "DNS:"},
                                                            {GRPC_PEER_EMAIL_PROPERTY_NAME, "email:"},
                                                            {GRPC_X509_CN_PROPERTY_NAME, "CN="}};
  std::vector<std::string> names;
  for (const auto& [property, form] : kForms) {
    for (const grpc::string_ref& name : peer.FindPropertyValues(property)) {
      names.push_back(absl::StrCat(form, ToView(name)));
    }
  }
  return names;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const AccessControl::Rules>> AccessControl::Read(const Files& files) {
  auto rules = std::make_shared<Rules>();
  if (!files.policy.empty()) {
    const absl::StatusOr<std::string> text = ReadOperatorFile(kPolicyFlag, files.policy);
    if (!text.ok()) return text.status();
    absl::StatusOr<AccessPolicy> policy = AccessPolicy::Parse(*text);
    if (!policy.ok()) return InOperatorFile(kPolicyFlag, files.policy, policy.status());
    rules->policy = *std::move(policy);
  }
  if (!files.tokens.empty()) {
    const absl::StatusOr<std::string> text = ReadOperatorFile(kTokenFlag, files.tokens);
    if (!text.ok()) return text.status();
    absl::StatusOr<TokenFile> tokens = TokenFile::Parse(*text);
    if (!tokens.ok()) return InOperatorFile(kTokenFlag, files.tokens, tokens.status());
    rules->tokens = *std::move(tokens);
  }
  return rules;
}

absl::StatusOr<std::unique_ptr<AccessControl>> AccessControl::Load(const Files& files, size_t max_streams_of_one) {
  std::unique_ptr<AccessControl> access(new AccessControl(files, max_streams_of_one));
  // Followed before they are read: no change falls in between.
  if (const absl::Status status = access->Follow(); !status.ok()) return status;
  absl::StatusOr<std::shared_ptr<const Rules>> rules = Read(files);
  if (!rules.ok()) return rules.status();
  {
    const MutexLock lock(access->mutex_);
    access->rules_ = *std::move(rules);
  }
  if (access->watcher_ != nullptr) access->watcher_->Start([raw = access.get()](size_t) { raw->Reload(); });
  return access;
}

absl::Status AccessControl::Follow() {
  std::vector<std::string> paths;
  for (const std::string& path : {files_.policy, files_.tokens}) {
    if (!path.empty()) paths.push_back(path);
  }
  if (paths.empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<FileWatcher>> watcher = FileWatcher::Create(std::move(paths));
  if (!watcher.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--access_policy, --token_file: cannot be watched: ", watcher.status().message()));
  }
  watcher_ = *std::move(watcher);
  return absl::OkStatus();
}

void AccessControl::Reload() {
  const MutexLock reload_lock(reload_mutex_);
  absl::StatusOr<std::shared_ptr<const Rules>> rules = Read(files_);
  if (!rules.ok()) {
    spdlog::error("access stays as it was: {}", std::string(rules.status().message()));
    return;
  }
  {
    const MutexLock lock(mutex_);
    rules_ = *std::move(rules);
  }
  spdlog::info("access policy and tokens are read again");
}

std::shared_ptr<const AccessControl::Rules> AccessControl::rules() const {
  const MutexLock lock(mutex_);
  return rules_;
}

std::optional<Caller> AccessControl::OfUser(uid_t uid) const { return rules()->policy.OfUser(uid); }

absl::StatusOr<AccessControl::Known> AccessControl::Recognize(const grpc::AuthContext& peer,
                                                              const Metadata& metadata) const {
  const std::shared_ptr<const Rules> rules = this->rules();
  if (const std::vector<grpc::string_ref> user = peer.FindPropertyValues(kUserProperty); !user.empty()) {
    uid_t uid;
    if (!absl::SimpleAtoi(ToView(user.front()), &uid)) return Unauthenticated();
    return Known{.name = absl::StrCat("user ", uid), .caller = rules->policy.OfUser(uid)};
  }
  if (const auto header = metadata.find("authorization"); header != metadata.end()) {
    const absl::string_view value = ToView(header->second);
    if (!absl::StartsWithIgnoreCase(value, kBearer) || metadata.count("authorization") != 1) return Unauthenticated();
    const std::optional<std::string> name = rules->tokens.Find(value.substr(kBearer.size()));
    if (!name) return Unauthenticated();
    return Known{.name = absl::StrCat("token ", *name), .caller = rules->policy.OfToken(*name)};
  }
  const std::vector<std::string> names = CertificateNames(peer);
  if (names.empty()) return Unauthenticated();
  return Known{.name = absl::StrCat("certificate ", names.front()), .caller = rules->policy.OfCertificate(names)};
}

absl::StatusOr<Caller> AccessControl::Identify(const grpc::AuthContext& peer, const Metadata& metadata) const {
  absl::StatusOr<Known> known = Recognize(peer, metadata);
  if (!known.ok()) return known.status();
  if (!known->caller) return Denied();
  return *std::move(known->caller);
}

std::string AccessControl::NameOf(const grpc::AuthContext& peer, const Metadata& metadata) const {
  const absl::StatusOr<Known> known = Recognize(peer, metadata);
  if (!known.ok()) return "";
  return known->caller ? known->caller->name : known->name;
}

absl::StatusOr<Caller> AccessControl::OfCall(const grpc::CallbackServerContext& call) const {
  return Identify(*call.auth_context(), call.client_metadata());
}

absl::StatusOr<Caller> AccessControl::OfStream(const grpc::CallbackServerContext& call) const {
  absl::StatusOr<Caller> caller = OfCall(call);
  if (!caller.ok()) return caller;
  absl::StatusOr<std::shared_ptr<const void>> stream = streams_.Take(caller->name);
  if (!stream.ok()) return stream.status();
  caller->stream = *std::move(stream);
  return caller;
}

absl::StatusOr<Caller> AccessControl::Admit(const grpc::AuthContext& peer, const Metadata& metadata,
                                            absl::string_view path) const {
  absl::StatusOr<Caller> caller = Identify(peer, metadata);
  if (!caller.ok()) return caller;
  const std::optional<Role> least = LeastRole(path);
  if (!least) return absl::UnimplementedError("there is no such method");
  if (caller->role < *least) return Denied();
  return caller;
}

}  // namespace sluice
