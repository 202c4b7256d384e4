#include "server/options.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<ServerOptions> Parse(std::vector<std::string> flags) {
  std::vector<char*> argv;
  flags.insert(flags.begin(), "sluiced");
  for (std::string& flag : flags) argv.push_back(flag.data());
  return ParseServerOptions(static_cast<int>(argv.size()), argv.data());
}

TEST(OptionsTest, AFileSaysWhatFlagsSay) {
  const std::string path = absl::StrCat(testing::TempDir(), "/sluiced.toml");
  ASSERT_TRUE(WriteFile(path, R"(
# a comment
state_dir = "/srv/state"
listen = ["unix:/run/a.sock", "127.0.0.1:7000"]
allow_plaintext_tcp = true
access_policy = "/etc/access.yaml"
access_log = "-"
max_streams_per_client = 7
max_connections_per_user = 8
netsvc = "/opt/netsvc"
guest_init = "/opt/init"
oci_runtime = "crun"
guest_path_roots = ["/srv/a", "/srv/b"]
allow_host_root = true
vm_scratch_bytes = "2GiB"
max_sandboxes = 12
max_sandboxes_per_label = ["team=3", "owner=4"]
require_egress_backstop = true
resolv_conf = "/etc/r.conf"
extra_host_cidr = ["192.0.2.1/32"]
nat64_prefix = ["2001:db8::/96"]
dns_block_list = ["ads=/etc/ads"]
audit_max_bytes = "1MiB"
audit_max_age = "90m"
audit_failure = "count"
metrics_listen = "127.0.0.1:9000"
)").ok());
  const absl::StatusOr<ServerOptions> options = Parse({absl::StrCat("--config=", path), "--oci_runtime=runc"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->state_dir, "/srv/state");
  EXPECT_THAT(options->listen.unix_sockets, ElementsAre("/run/a.sock"));
  EXPECT_THAT(options->listen.tcp_endpoints, ElementsAre(*Endpoint::Parse("127.0.0.1:7000")));
  EXPECT_EQ(options->listen.access_policy, "/etc/access.yaml");
  EXPECT_EQ(options->listen.access_log, "-");
  EXPECT_EQ(options->listen.max_streams_per_client, 7u);
  EXPECT_EQ(options->listen.max_connections_per_user, 8u);
  EXPECT_EQ(options->netsvc, "/opt/netsvc");
  EXPECT_EQ(options->guest_init, "/opt/init");
  EXPECT_EQ(options->oci_runtime, "runc") << "a flag comes before the file";
  EXPECT_THAT(options->guest_path_roots, ElementsAre("/srv/a", "/srv/b"));
  EXPECT_TRUE(options->allow_host_root);
  EXPECT_EQ(options->vm_scratch_bytes, uint64_t{2} << 30);
  EXPECT_EQ(options->sandbox_limits.total, 12u);
  EXPECT_EQ(options->sandbox_limits.per_label, (std::map<std::string, size_t>{{"owner", 4}, {"team", 3}}));
  EXPECT_TRUE(options->require_egress_backstop);
  EXPECT_EQ(options->resolv_conf, "/etc/r.conf");
  EXPECT_EQ(options->extra_host_cidrs.size(), 1u);
  EXPECT_EQ(options->nat64_prefixes.size(), 1u);
  EXPECT_EQ(options->dns_block_lists.size(), 1u);
  EXPECT_EQ(options->audit_max_bytes, 1u << 20);
  EXPECT_EQ(options->audit_max_age, absl::Minutes(90));
  EXPECT_TRUE(options->audit_go_on_unwritten);
  EXPECT_TRUE(options->metrics_endpoint.has_value());
}

TEST(OptionsTest, AFileWithWhatIsNoOptionIsRefused) {
  const std::string path = absl::StrCat(testing::TempDir(), "/wrong.toml");
  ASSERT_TRUE(WriteFile(path, "listen = [\"unix:/run/a.sock\"]\nallow_plaintext = true\n").ok());
  EXPECT_FALSE(Parse({absl::StrCat("--config=", path)}).ok());
  EXPECT_FALSE(Parse({"--config=/nowhere", "--listen=unix:/a"}).ok());
}

TEST(OptionsTest, RefusesWhatWouldLeaveADoorOpenOrShut) {
  const std::pair<std::vector<std::string>, const char*> kCases[] = {
      {{}, "--listen is required"},
      {{"--listen=0.0.0.0:1"}, "is not a loopback address"},
      {{"--listen=127.0.0.2:1", "--allow_plaintext_tcp"}, "is not a loopback address"},
      {{"--listen=127.0.0.1:1"}, "add --allow_plaintext_tcp"},
      {{"--listen=0.0.0.0:1", "--tls_cert=a"}, "--tls_cert and --tls_key come together"},
      {{"--listen=0.0.0.0:1", "--tls_cert=a", "--tls_key=b"}, "--tls_client_ca or --token_file"},
      {{"--listen=0.0.0.0:1", "--tls_cert=a", "--tls_key=b", "--token_file=c"}, "needs --access_policy"},
      {{"--listen=127.0.0.1:1", "--allow_plaintext_tcp", "--token_file=c"}, "are for TLS"},
      {{"--listen=127.0.0.1:1", "--allow_plaintext_tcp", "--tls_cert=a", "--tls_key=b"}, "exclude one another"},
      {{"--listen=unix:/a", "--max_sandboxes=0"}, "max_sandboxes"},
      {{"--listen=unix:/a", "--vm_scratch_bytes=1"}, "vm_scratch_bytes"},
      {{"--listen=unix:/a", "--max_sandboxes_per_label=team"}, "is not KEY=N"},
      {{"--listen=unix:/a", "--max_sandboxes_per_label=team=0"}, "is not KEY=N"},
  };
  for (const auto& [flags, problem] : kCases) {
    const absl::Status status = Parse(flags).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr(problem));
  }
  const absl::StatusOr<ServerOptions> tls =
      Parse({"--listen=0.0.0.0:1", "--tls_cert=a", "--tls_key=b", "--token_file=c", "--access_policy=d"});
  ASSERT_TRUE(tls.ok()) << tls.status();
  EXPECT_TRUE(tls->listen.tls->certificate_is_optional);
}

}  // namespace
}  // namespace sluice
