#include "server/access/access_policy.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/field_error.h"
#include "protos/text/yaml_message.h"

namespace sluice {
namespace {

constexpr absl::string_view kCertificateForms[] = {"CN=", "DNS:", "URI:", "email:"};

absl::StatusOr<Role> ToRole(absl::string_view role) {
  if (role == "auditor") return Role::kAuditor;
  if (role == "operator") return Role::kOperator;
  if (role == "admin") return Role::kAdmin;
  return FieldError("role", "is required: admin, operator or auditor");
}

absl::StatusOr<uid_t> FindUser(const std::string& user) {
  uid_t uid;
  if (absl::SimpleAtoi(user, &uid)) return uid;
  // Names of users are read as the server starts and when the file changes, by one
  // thread at a time.
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr) return absl::NotFoundError(absl::StrCat("this host has no user ", user));
  return entry->pw_uid;
}

absl::StatusOr<Labels> ToLabels(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  Labels labels;
  for (const std::string& text : texts) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (!absl::StrContains(text, '=')) return FieldError("labels", absl::StrCat(text, " is not KEY=VALUE"));
    labels[parts.first] = parts.second;
  }
  if (absl::Status status = CheckLabels("labels", labels); !status.ok()) return status;
  return labels;
}

bool IsCertificateName(absl::string_view name) {
  return std::any_of(std::begin(kCertificateForms), std::end(kCertificateForms), [&](absl::string_view form) {
    return absl::StartsWith(name, form) && name.size() > form.size();
  });
}

}  // namespace

absl::Status AccessPolicy::Add(const internal::v1::Grant& grant) {
  const absl::StatusOr<Role> role = ToRole(grant.role());
  if (!role.ok()) return role.status();
  absl::StatusOr<Labels> scope = ToLabels(grant.labels());
  if (!scope.ok()) return scope.status();
  if (*role == Role::kOperator && scope->empty()) return FieldError("labels", "are required for an operator");
  if (*role == Role::kAdmin && !scope->empty()) return FieldError("labels", "are not for administrators");
  if (grant.users().empty() && grant.certificates().empty() && grant.tokens().empty()) {
    return FieldError("users", "are required, or certificates or tokens");
  }
  const size_t index = grants_.size();
  grants_.push_back({*role, *std::move(scope)});
  for (const std::string& user : grant.users()) {
    const absl::StatusOr<uid_t> uid = FindUser(user);
    if (!uid.ok()) return uid.status();
    users_.try_emplace(*uid, index);
  }
  for (const std::string& name : grant.certificates()) {
    if (!IsCertificateName(name)) {
      return FieldError("certificates", absl::StrCat(name, " is none of CN=, DNS:, URI: and email: with a name"));
    }
    certificates_.try_emplace(name, index);
  }
  for (const std::string& name : grant.tokens()) tokens_.try_emplace(name, index);
  return absl::OkStatus();
}

absl::StatusOr<AccessPolicy> AccessPolicy::Parse(const std::string& text) {
  internal::v1::AccessPolicy message;
  if (absl::Status status = ParseYaml(text, message); !status.ok()) return status;
  if (message.grants_size() > kMaxGrants) {
    return absl::InvalidArgumentError(absl::StrCat("has more than ", kMaxGrants, " grants"));
  }
  AccessPolicy policy;
  for (int i = 0; i < message.grants_size(); ++i) {
    const absl::Status status = InField(absl::StrCat("grants[", i, "]"), policy.Add(message.grants(i)));
    if (status.ok()) continue;
    const std::string field = FieldOf(status).value_or(absl::StrCat("grants[", i, "]"));
    return absl::Status(status.code(), absl::StrCat(field, ": ", status.message()));
  }
  return policy;
}

Caller AccessPolicy::ToCaller(size_t grant, std::string name) const {
  return {.name = std::move(name), .role = grants_[grant].role, .scope = grants_[grant].scope};
}

std::optional<Caller> AccessPolicy::OfUser(uid_t uid) const {
  std::string name = absl::StrCat("user ", uid);
  if (uid == 0 || uid == geteuid()) return Caller{.name = std::move(name), .role = Role::kAdmin, .scope = {}};
  const auto found = users_.find(uid);
  if (found == users_.end()) return std::nullopt;
  return ToCaller(found->second, std::move(name));
}

std::optional<Caller> AccessPolicy::OfCertificate(const std::vector<std::string>& names) const {
  const std::string* first = nullptr;
  size_t grant = grants_.size();
  for (const std::string& name : names) {
    const auto found = certificates_.find(name);
    if (found == certificates_.end() || found->second >= grant) continue;
    grant = found->second;
    first = &name;
  }
  if (first == nullptr) return std::nullopt;
  return ToCaller(grant, absl::StrCat("certificate ", *first));
}

std::optional<Caller> AccessPolicy::OfToken(const std::string& name) const {
  const auto found = tokens_.find(name);
  if (found == tokens_.end()) return std::nullopt;
  return ToCaller(found->second, absl::StrCat("token ", name));
}

}  // namespace sluice
