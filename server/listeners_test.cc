// The door of a server: who is let in, by which credentials, and what is told to
// those who are not. Real TLS, real sockets.

#include "server/listeners.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"
#include "server/metrics/rpc_metrics.h"
#include "server/service/status.h"
#include "sluice/v1/sandbox_service.grpc.pb.h"
#include "spdlog/sinks/ringbuffer_sink.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

using testing::HasSubstr;

constexpr char kGrants[] = R"(
grants:
- {role: admin, certificates: ["CN=admin"]}
- {role: operator, labels: [team=web], certificates: ["DNS:ci.example.com"], tokens: [web]}
- {role: auditor, tokens: [reader]}
)";

// GetSandbox answers with the caller's name as the sandbox's id.
class WhoAmI final : public v1::SandboxService::CallbackService {
 public:
  explicit WhoAmI(const Callers& callers) : callers_(callers) {}

  grpc::ServerUnaryReactor* GetSandbox(grpc::CallbackServerContext* context, const v1::GetSandboxRequest*,
                                       v1::GetSandboxResponse* response) override {
    const absl::StatusOr<Caller> caller = callers_.OfCall(*context);
    if (caller.ok()) response->mutable_sandbox()->set_id(caller->name);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(ToGrpc(caller.status()));
    return reactor;
  }

 private:
  const Callers& callers_;
};

// What a client shows, and whom it trusts.
struct Credentials {
  std::string authority = "ca";
  std::string certificate;  // "": none
  std::string token;        // "": none
};

Credentials Both(const std::string& certificate, const std::string& token) {
  return {.authority = "ca", .certificate = certificate, .token = token};
}
Credentials Showing(const std::string& certificate) { return Both(certificate, ""); }
Credentials Bearing(const std::string& token) { return Both("", token); }
Credentials Trusting(const std::string& authority, Credentials credentials) {
  credentials.authority = authority;
  return credentials;
}

class ListenersTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = "/tmp/sluice-listen-XXXXXX";
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    directory_ = path;
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", server_log_));
    MakeAuthority("ca");
    MakeCertificate("server", "ca", "/CN=server", "DNS:localhost");
    ASSERT_TRUE(WriteFile(Path("access.yaml"), kGrants).ok());
    WriteTokens({{"web", "web-token"}, {"reader", "reader-token"}, {"stray", "stray-token"}});
  }
  void TearDown() override {
    Stop();
    std::filesystem::remove_all(directory_);
  }

  std::string Path(const std::string& name) const { return absl::StrCat(directory_, "/", name); }
  void Shell(const std::string& command) const {
    ASSERT_EQ(system(absl::StrCat("cd ", directory_, " && (", command, ") >/dev/null 2>&1").c_str()), 0) << command;
  }
  void MakeAuthority(const std::string& name) const {
    Shell(absl::StrCat("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=", name,
                       " -keyout ", name, ".key -out ", name, ".crt"));
  }
  // NAME.crt and NAME.key, of `authority`.
  void MakeCertificate(const std::string& name, const std::string& authority, const std::string& subject,
                       const std::string& alternative) const {
    Shell(absl::StrCat("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj ", subject, " -keyout ",
                       name, ".key -out ", name, ".csr && printf 'subjectAltName=", alternative, "' >", name,
                       ".ext && openssl x509 -req -in ", name, ".csr -CA ", authority, ".crt -CAkey ", authority,
                       ".key -CAcreateserial -days 2 -extfile ", name, ".ext -out ", name, ".crt"));
  }
  void WriteTokens(const std::vector<std::pair<std::string, std::string>>& tokens) const {
    std::string command = "(";
    for (const auto& [name, token] : tokens) {
      absl::StrAppend(&command, "echo ", name, " $(printf %s ", token, " | sha256sum | cut -d' ' -f1); ");
    }
    Shell(absl::StrCat(command, ") >tokens.new && mv tokens.new tokens"));
  }

  ListenOptions Tls(bool certificates, bool tokens) const {
    ListenOptions options;
    options.tcp_endpoints = {*Endpoint::Parse("127.0.0.1:0")};
    options.access_policy = Path("access.yaml");
    options.access_log = Path("access.log");
    if (tokens) options.token_file = Path("tokens");
    options.tls = TlsFiles{.certificate = Path("server.crt"),
                           .key = Path("server.key"),
                           .client_authority = certificates ? Path("ca.crt") : "",
                           .certificate_is_optional = tokens};
    return options;
  }

  absl::Status TryStart(const ListenOptions& options) {
    absl::StatusOr<std::unique_ptr<AccessControl>> access =
        AccessControl::Load({.policy = options.access_policy, .tokens = options.token_file}, 10);
    if (!access.ok()) return access.status();
    access_ = *std::move(access);
    log_ = *AccessLog::Open(options.access_log);
    service_ = std::make_unique<WhoAmI>(*access_);
    absl::StatusOr<Listeners> listeners =
        Listen(options, {.services = {{v1::SandboxService::service_full_name(), service_.get()}},
                         .access = *access_,
                         .access_log = *log_,
                         .observer = MakeRpcObserver(metrics_)});
    if (!listeners.ok()) return listeners.status();
    listeners_ = *std::move(listeners);
    return absl::OkStatus();
  }
  void Start(const ListenOptions& options) {
    const absl::Status status = TryStart(options);
    ASSERT_TRUE(status.ok()) << status;
  }
  void Stop() {
    if (listeners_.door != nullptr) listeners_.door->Close();
    if (listeners_.server != nullptr) listeners_.server->Shutdown();
    const Listeners ended = std::exchange(listeners_, {});
  }

  std::string Text(const std::string& name) const {
    std::ifstream file(Path(name));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::shared_ptr<grpc::ChannelCredentials> Security(const Credentials& credentials) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = Text(credentials.authority + ".crt");
    if (!credentials.certificate.empty()) {
      options.pem_cert_chain = Text(credentials.certificate + ".crt");
      options.pem_private_key = Text(credentials.certificate + ".key");
    }
    return grpc::SslCredentials(options);
  }

  // Whom the server takes the client for, or "CODE: MESSAGE".
  std::string Ask(const std::shared_ptr<grpc::ChannelCredentials>& security, const std::string& address,
                  const std::string& token = "") const {
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("localhost");
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    const auto stub = v1::SandboxService::NewStub(grpc::CreateCustomChannel(address, security, arguments));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    if (!token.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token));
    v1::GetSandboxResponse response;
    const grpc::Status status = stub->GetSandbox(&context, {}, &response);
    if (status.ok()) return response.sandbox().id();
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) return "unavailable";  // no connection
    return absl::StrCat(CodeName(status.error_code()), ": ", status.error_message());
  }
  std::string Ask(const Credentials& credentials) const {
    return Ask(Security(credentials), listeners_.tcp.front().ToString(), credentials.token);
  }
  // Asks until it is so.
  static bool Becomes(const std::function<bool()>& so) {
    for (int i = 0; i < 100; ++i) {
      if (so()) return true;
      absl::SleepFor(absl::Milliseconds(100));
    }
    return false;
  }
  bool Becomes(const Credentials& credentials, const std::string& wanted) const {
    return Becomes([&] { return Ask(credentials) == wanted; });
  }
  // Lines of the server's log with `text` in them.
  size_t Logged(const std::string& text) const {
    const std::vector<std::string> lines = server_log_->last_formatted();
    return std::count_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return absl::StrContains(line, text); });
  }
  // A connection on which the server has spoken; not valid where it hung up.
  static UniqueFd Connect(const Endpoint& endpoint) {
    UniqueFd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience = {.tv_sec = 10, .tv_usec = 0};
    EXPECT_EQ(setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    sockaddr_storage address;
    const socklen_t size = endpoint.ToSockaddr(address);
    EXPECT_EQ(connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    char byte;
    return read(connection.get(), &byte, 1) == 1 ? std::move(connection) : UniqueFd();
  }

  const std::string cli_ = std::filesystem::absolute("clients/cli/sluice");  // in the test's runfiles
  const std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> server_log_ =
      std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  std::string directory_;
  RpcMetrics metrics_;
  std::unique_ptr<AccessControl> access_;
  std::unique_ptr<AccessLog> log_;
  std::unique_ptr<WhoAmI> service_;
  Listeners listeners_;
};

constexpr char kUnknown[] = "unauthenticated: credentials are missing or wrong";
constexpr char kDenied[] = "permission_denied: this caller may not do that";

TEST_F(ListenersTest, KnowsCallersByTheirCertificates) {
  Start(Tls(/*certificates=*/true, /*tokens=*/false));
  MakeCertificate("admin", "ca", "/CN=admin", "DNS:admin.example.com");
  MakeCertificate("ci", "ca", "/CN=ci", "DNS:ci.example.com");
  MakeCertificate("other", "ca", "/CN=other", "DNS:other.example.com");
  MakeAuthority("rogue");
  MakeCertificate("forged", "rogue", "/CN=admin", "DNS:admin.example.com");
  EXPECT_EQ(Ask(Showing("admin")), "certificate CN=admin");
  EXPECT_EQ(Ask(Showing("ci")), "certificate DNS:ci.example.com");
  EXPECT_EQ(Ask(Showing("other")), kDenied);
  EXPECT_EQ(Ask(Showing("forged")), "unavailable");
  EXPECT_EQ(Ask(Credentials{}), "unavailable") << "without a certificate";
  EXPECT_EQ(Ask(Trusting("rogue", Showing("admin"))), "unavailable") << "the client trusts another server";
  EXPECT_EQ(Ask(grpc::InsecureChannelCredentials(), listeners_.tcp.front().ToString()), "unavailable");
}

TEST_F(ListenersTest, KnowsCallersByTheirTokens) {
  Start(Tls(/*certificates=*/true, /*tokens=*/true));
  MakeCertificate("admin", "ca", "/CN=admin", "DNS:admin.example.com");
  EXPECT_EQ(Ask(Bearing("web-token")), "token web");
  EXPECT_EQ(Ask(Bearing("reader-token")), "token reader");
  EXPECT_EQ(Ask(Bearing("web-tokem")), kUnknown);
  EXPECT_EQ(Ask(Bearing("stray-token")), kDenied) << "a token that no grant names";
  EXPECT_EQ(Ask(Credentials{}), kUnknown);
  EXPECT_EQ(Ask(Showing("admin")), "certificate CN=admin") << "either will do";
  EXPECT_EQ(Ask(Both("admin", "wrong")), kUnknown) << "a wrong token is not passed over";
}

TEST_F(ListenersTest, TheAccessLogNamesWhomNoGrantNamesToo) {
  Start(Tls(/*certificates=*/true, /*tokens=*/true));
  MakeCertificate("other", "ca", "/CN=other", "DNS:other.example.com");
  EXPECT_EQ(Ask(Bearing("web-token")), "token web");
  EXPECT_EQ(Ask(Bearing("stray-token")), kDenied);
  EXPECT_EQ(Ask(Showing("other")), kDenied);
  EXPECT_EQ(Ask(Bearing("wrong")), kUnknown);
  const std::pair<const char*, const char*> wanted[] = {{"token web", "ok"},
                                                        {"token stray", "permission_denied"},
                                                        {"certificate DNS:other.example.com", "permission_denied"},
                                                        {"", "unauthenticated"}};
  for (const auto& [caller, code] : wanted) {
    const std::string line = absl::StrCat("\"caller\":\"", caller, "\",\"method\":\"/sluice.v1.SandboxService/GetSandbox\",",
                                          "\"sandbox\":\"\",\"code\":\"", code, "\"");
    // A thread of its own writes it.
    EXPECT_TRUE(Becomes([&] { return absl::StrContains(Text("access.log"), line); })) << line;
  }
}

TEST_F(ListenersTest, FollowsItsCertificates) {
  Start(Tls(/*certificates=*/true, /*tokens=*/true));
  EXPECT_EQ(Ask(Bearing("web-token")), "token web");
  MakeAuthority("next");
  MakeCertificate("renewed", "next", "/CN=server", "DNS:localhost");
  Shell("mv renewed.key server.key && mv renewed.crt server.crt");
  EXPECT_TRUE(Becomes(Trusting("next", Bearing("web-token")), "token web"));
  EXPECT_EQ(Ask(Bearing("web-token")), "unavailable") << "who trusts the old one alone";
}

TEST_F(ListenersTest, FollowsTheAuthorityOfClients) {
  Shell("cp ca.crt clients.crt");
  ListenOptions options = Tls(/*certificates=*/true, /*tokens=*/false);
  options.tls->client_authority = Path("clients.crt");
  Start(options);
  MakeAuthority("next");
  MakeCertificate("admin", "next", "/CN=admin", "DNS:admin.example.com");
  EXPECT_EQ(Ask(Showing("admin")), "unavailable");
  Shell("cat ca.crt next.crt >clients.new && mv clients.new clients.crt");
  EXPECT_TRUE(Becomes(Showing("admin"), "certificate CN=admin"));
}

TEST_F(ListenersTest, CertificatesThatAreNotRightChangeNothing) {
  Shell("cp ca.crt clients.crt");
  ListenOptions options = Tls(/*certificates=*/true, /*tokens=*/true);
  options.tls->client_authority = Path("clients.crt");
  Start(options);
  MakeCertificate("admin", "ca", "/CN=admin", "DNS:admin.example.com");
  MakeAuthority("next");
  MakeCertificate("renewed", "next", "/CN=server", "DNS:localhost");
  const struct {
    const char* file;
    const char* make;  // a version of it, as "wrong"
    const char* problem;
  } cases[] = {
      {"server.crt", "echo garbage >wrong", "TLS stays as it was: --tls_cert="},
      {"server.crt", "(cat server.crt; head -c 200 ca.crt) >wrong", "TLS stays as it was: --tls_cert="},
      {"server.key", "cp renewed.key wrong", "TLS stays as it was: --tls_key="},
      {"clients.crt", "echo garbage >wrong", "TLS stays as it was: --tls_client_ca="},
  };
  constexpr char kRight[] = "TLS certificates are read again";
  for (const auto& [file, make, problem] : cases) {
    Shell(absl::StrCat("cp ", file, " right && ", make));
    const size_t problems = Logged(problem);
    Shell(absl::StrCat("mv wrong ", file));
    EXPECT_TRUE(Becomes([&] { return Logged(problem) > problems; })) << make;
    // gRPC looks again every second.
    const absl::Time two_looks_later = absl::Now() + absl::Milliseconds(2100);
    while (absl::Now() < two_looks_later) {
      ASSERT_EQ(Ask(Showing("admin")), "certificate CN=admin") << make;
      absl::SleepFor(absl::Milliseconds(100));
    }
    const size_t rights = Logged(kRight);
    Shell(absl::StrCat("mv right ", file));
    EXPECT_TRUE(Becomes([&] { return Logged(kRight) > rights; })) << make;
  }
  Shell("mv renewed.key server.key && mv renewed.crt server.crt");
  EXPECT_TRUE(Becomes(Trusting("next", Showing("admin")), "certificate CN=admin"));
}

TEST_F(ListenersTest, OneFileMayHoldCertificateAndKey) {
  Shell("cat server.crt server.key >both.pem");
  ListenOptions options = Tls(/*certificates=*/false, /*tokens=*/true);
  options.tls->certificate = options.tls->key = Path("both.pem");
  Start(options);
  EXPECT_EQ(Ask(Bearing("web-token")), "token web");
  MakeAuthority("next");
  MakeCertificate("renewed", "next", "/CN=server", "DNS:localhost");
  Shell("cat renewed.key renewed.crt >both.new && mv both.new both.pem");
  EXPECT_TRUE(Becomes(Trusting("next", Bearing("web-token")), "token web"));
}

TEST_F(ListenersTest, FollowsItsTokensAndGrants) {
  Start(Tls(/*certificates=*/false, /*tokens=*/true));
  EXPECT_EQ(Ask(Bearing("next-token")), kUnknown);
  WriteTokens({{"web", "web-token"}, {"web", "next-token"}});
  EXPECT_TRUE(Becomes(Bearing("next-token"), "token web"));
  EXPECT_EQ(Ask(Bearing("web-token")), "token web") << "both are taken meanwhile";
  WriteTokens({{"web", "next-token"}});
  EXPECT_TRUE(Becomes(Bearing("web-token"), kUnknown));
  ASSERT_TRUE(WriteFile(Path("access.yaml"), "grants: [{role: auditor, tokens: [other]}]").ok());
  EXPECT_TRUE(Becomes(Bearing("next-token"), kDenied));
  // Not right: nothing changes.
  ASSERT_TRUE(WriteFile(Path("access.yaml"), "grants: [{role: auditor}]").ok());
  EXPECT_EQ(Ask(Bearing("next-token")), kDenied);
  ASSERT_TRUE(WriteFile(Path("access.yaml"), kGrants).ok());
  EXPECT_TRUE(Becomes(Bearing("next-token"), "token web"));
}

// By their methods: also those that are gRPC's own, or nobody's.
TEST_F(ListenersTest, RolesDecideWhatMayBeCalled) {
  Start(Tls(/*certificates=*/false, /*tokens=*/true));
  const auto stub = v1::SandboxService::NewStub(
      grpc::CreateCustomChannel(listeners_.tcp.front().ToString(), Security({}), [] {
        grpc::ChannelArguments arguments;
        arguments.SetSslTargetNameOverride("localhost");
        return arguments;
      }()));
  const auto remove = [&](const std::string& token) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", absl::StrCat("Bearer ", token));
    v1::DeleteSandboxResponse response;
    return stub->DeleteSandbox(&context, {}, &response).error_code();
  };
  EXPECT_EQ(remove("reader-token"), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(remove("web-token"), grpc::StatusCode::UNIMPLEMENTED) << "it got to the service, which has no such method";
}

// What the command line says to the server of this test, and whom that takes it for.
TEST_F(ListenersTest, TheCommandLineShowsCertificatesAndTokens) {
  Start(Tls(/*certificates=*/true, /*tokens=*/true));
  MakeCertificate("admin", "ca", "/CN=admin", "DNS:admin.example.com");
  ASSERT_TRUE(WriteFile(Path("token"), "web-token\n").ok());
  const auto sluice = [this](const std::string& flags) {
    const std::string out = Path("out");
    const std::string command =
        absl::StrCat("cd ", directory_, " && ", cli_, " --server localhost:", listeners_.tcp.front().port, " ", flags,
                     " get box -o json >", out, " 2>&1");
    const int code = system(command.c_str());
    return absl::StrCat(WEXITSTATUS(code), " ", Text("out"));
  };
  EXPECT_THAT(sluice("--tls_ca ca.crt --tls_cert admin.crt --tls_key admin.key"), HasSubstr("certificate CN=admin"));
  EXPECT_THAT(sluice("--tls_ca ca.crt --token_file token"), HasSubstr("token web"));
  EXPECT_THAT(sluice("--tls_ca ca.crt"), HasSubstr("credentials are missing or wrong"));
  EXPECT_THAT(sluice("--token_file token"), HasSubstr("2 sluice: --tls_cert and --token_file are for TLS"));
  EXPECT_THAT(sluice("--tls_ca nothing"), HasSubstr("--tls_ca=nothing"));
}

TEST_F(ListenersTest, UnixSocketsAreRootsAloneWithoutAPolicy) {
  ListenOptions options;
  options.unix_sockets = {Path("api.sock")};
  Start(options);
  struct stat info;
  ASSERT_EQ(stat(Path("api.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  const std::string address = absl::StrCat("unix:", Path("api.sock"));
  EXPECT_EQ(Ask(grpc::InsecureChannelCredentials(), address), absl::StrCat("user ", geteuid()));
  // A bearer token has no say where the kernel tells who it is.
  EXPECT_EQ(Ask(grpc::InsecureChannelCredentials(), address, "x"), absl::StrCat("user ", geteuid()));
  Stop();
  EXPECT_FALSE(std::filesystem::exists(Path("api.sock")));
}

TEST_F(ListenersTest, LoopbackCallersAreKnownByTheirUser) {
  ListenOptions options;
  options.tcp_endpoints = {*Endpoint::Parse("127.0.0.1:0"), *Endpoint::Parse("[::1]:0")};
  options.allow_plaintext_tcp = true;
  Start(options);
  ASSERT_EQ(listeners_.tcp.size(), 2u);
  for (const Endpoint& endpoint : listeners_.tcp) {
    EXPECT_EQ(Ask(grpc::InsecureChannelCredentials(), endpoint.ToString()), absl::StrCat("user ", geteuid()));
  }
}

TEST_F(ListenersTest, OneUserMayHaveSoManyConnectionsAndNoMore) {
  ListenOptions options;
  options.unix_sockets = {Path("api.sock")};
  options.tcp_endpoints = {*Endpoint::Parse("127.0.0.1:0")};
  options.allow_plaintext_tcp = true;
  options.max_connections_per_user = 2;
  Start(options);
  const Endpoint& endpoint = listeners_.tcp.front();
  UniqueFd first = Connect(endpoint);
  const UniqueFd second = Connect(endpoint);
  EXPECT_TRUE(first.valid() && second.valid());
  EXPECT_FALSE(Connect(endpoint).valid());
  const std::string address = absl::StrCat("unix:", Path("api.sock"));
  EXPECT_EQ(Ask(grpc::InsecureChannelCredentials(), address), "unavailable") << "by whatever way";
  EXPECT_GE(listeners_.door->refused().Get(RefusedConnections::Reason::kUserLimit), 2u);
  first.reset();
  const std::string me = absl::StrCat("user ", geteuid());
  EXPECT_TRUE(Becomes([&] { return Ask(grpc::InsecureChannelCredentials(), address) == me; }));
}

TEST_F(ListenersTest, SaysWhatIsWrongWithItsFiles) {
  const auto problem = [this](ListenOptions options) { return std::string(TryStart(options).message()); };
  ListenOptions options = Tls(true, true);
  options.tls->key = Path("ca.key");
  EXPECT_THAT(problem(options), HasSubstr("--tls_key="));
  options = Tls(true, true);
  options.tls->certificate = Path("tokens");
  EXPECT_THAT(problem(options), HasSubstr("--tls_cert="));
  options = Tls(true, true);
  options.tls->client_authority = Path("nothing");
  EXPECT_THAT(problem(options), HasSubstr("--tls_client_ca="));
  options = Tls(true, true);
  options.access_policy = Path("nothing");
  EXPECT_THAT(problem(options), HasSubstr("--access_policy="));
  ASSERT_EQ(chmod(Path("tokens").c_str(), 0666), 0);
  EXPECT_THAT(problem(Tls(true, true)), HasSubstr("may be written by everybody"));
  EXPECT_THAT(problem(ListenOptions()), HasSubstr("nothing to listen at"));
}

}  // namespace
}  // namespace sluice
