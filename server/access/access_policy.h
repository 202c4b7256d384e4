#ifndef SLUICE_SERVER_ACCESS_ACCESS_POLICY_H_
#define SLUICE_SERVER_ACCESS_ACCESS_POLICY_H_

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/access/caller.h"
#include "sluice/internal/v1/access.pb.h"

namespace sluice {

// Who may do what: a file of --access_policy (protos/sluice/internal/v1/
// access.proto), checked and made ready to be asked. Immutable; any thread.
class AccessPolicy {
 public:
  static constexpr int kMaxGrants = 1024;

  // Without a file: root and this process's user, and nobody else.
  AccessPolicy() = default;

  // InvalidArgument, with the line where there is one, for what cannot be meant;
  // NotFound for a user that this host does not have. Reads the host's users.
  static absl::StatusOr<AccessPolicy> Parse(const std::string& text);

  // What the caller may do; nothing for one whom no grant names.
  std::optional<Caller> OfUser(uid_t uid) const;
  // `names` as in access.proto: "CN=ci", "DNS:ci.example.com", ...
  std::optional<Caller> OfCertificate(const std::vector<std::string>& names) const;
  std::optional<Caller> OfToken(const std::string& name) const;

 private:
  struct Grant {
    Role role;
    Labels scope;
  };

  absl::Status Add(const internal::v1::Grant& grant);
  Caller ToCaller(size_t grant, std::string name) const;

  std::vector<Grant> grants_;
  // To the first grant that names them.
  std::map<uid_t, size_t> users_;
  std::map<std::string, size_t> certificates_;
  std::map<std::string, size_t> tokens_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_ACCESS_POLICY_H_
