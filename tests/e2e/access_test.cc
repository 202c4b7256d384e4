// Who may do what, on a real server: users of its Unix socket and of loopback TCP,
// by the roles of an access policy.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/user_client.h"

namespace sluice::e2e {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uid_t kWebUser = 7001;      // operator of team=web
constexpr uid_t kDataUser = 7002;     // operator of team=data
constexpr uid_t kAuditUser = 7003;    // auditor
constexpr uid_t kNobody = 7004;
constexpr uid_t kBusyUser = 7005;     // auditor
constexpr size_t kMaxConnections = 32;
constexpr char kPolicy[] = R"(
grants:
- {role: operator, labels: [team=web], users: ["7001"]}
- {role: operator, labels: [team=data], users: ["7002"]}
- {role: auditor, users: ["7003", "7005"]}
)";

class AccessTest : public E2eTest {
 protected:
  static void SetUpTestSuite() {
    ASSERT_NE(mkdtemp(directory_), nullptr);
    ASSERT_EQ(chmod(directory_, 0711), 0);
    ASSERT_TRUE(WriteFile(PolicyPath(), kPolicy).ok());
    std::filesystem::create_directories(absl::StrCat(directory_, "/roots/box"));
    StartSuite({.resolv_conf = "",
                .flags = {absl::StrCat("--access_policy=", PolicyPath()), absl::StrCat("--access_log=", LogPath()),
                          absl::StrCat("--guest_path_roots=", directory_, "/roots"),
                          absl::StrCat("--max_connections_per_user=", kMaxConnections)}});
    // Others may go through it to the socket.
    ASSERT_EQ(chmod(server().state_dir().c_str(), 0711), 0);
  }
  static void TearDownTestSuite() {
    E2eTest::TearDownTestSuite();
    std::filesystem::remove_all(directory_);
  }

  static std::string PolicyPath() { return absl::StrCat(directory_, "/access.yaml"); }
  static std::string LogPath() { return absl::StrCat(directory_, "/access.log"); }

  static UniqueFd ConnectUnix(uid_t uid) { return ConnectUnixAs(uid, server().socket_path()); }
  static UniqueFd ConnectLoopback(uid_t uid) { return ConnectLoopbackAs(uid, server().pid(), server().tcp_port()); }

  static std::unique_ptr<UserClient> ClientOf(uid_t uid) {
    return std::make_unique<UserClient>(ChannelOn(ConnectUnix(uid)));
  }

  // A sandbox of a team, made by the administrator.
  std::string CreateOf(const std::string& team) {
    return Create(absl::StrCat("labels { key: 'team' value: '", team, "' } guest { oci {} }"));
  }

  static std::vector<std::string> Ids(UserClient& client) {
    const auto ids = client.List({});
    EXPECT_TRUE(ids.ok()) << ids.status();
    return ids.value_or(std::vector<std::string>());
  }

  static std::vector<nlohmann::json> AccessLog() {
    std::vector<nlohmann::json> lines;
    std::ifstream file(LogPath());
    for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  inline static char directory_[] = "/tmp/sluice-access-XXXXXX";
};

// What a call with one request ends with.
grpc::Status CallOnce(const std::shared_ptr<grpc::Channel>& channel, const std::string& path, const Message& request) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  SetTimeout(absl::Seconds(5), context);
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(&context, path, &queue);
  call->StartCall(nullptr);
  next();
  const grpc::Slice bytes(request.SerializeAsString());
  call->WriteLast(grpc::ByteBuffer(&bytes, 1), grpc::WriteOptions(), nullptr);
  next();
  grpc::ByteBuffer response;
  // One answer is enough of a stream that goes on.
  call->Read(&response, nullptr);
  if (next()) context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  return status;
}

// Every method that is about one sandbox, with a request that is right but for what
// ID stands for; "" for those that are about none.
const std::vector<std::pair<std::string, std::string>>& Requests() {
  static const std::vector<std::pair<std::string, std::string>> requests = {
      {"CreateSandbox", ""},
      {"GetSandbox", "sandbox_id: 'ID'"},
      {"ListSandboxes", ""},
      {"UpdateSandbox", "sandbox { id: 'ID' } update_mask { paths: 'network.limits' }"},
      {"WatchSandboxes", ""},
      {"PublishPort", "sandbox_id: 'ID' port { guest_port: 80 }"},
      {"UnpublishPort", "sandbox_id: 'ID' port { host_address: '127.0.0.1' host_port: 1 guest_port: 80 }"},
      {"SetNetworkPolicy", "sandbox_id: 'ID' policy { preset: PRESET_PUBLIC_ONLY }"},
      {"GetNetworkPolicy", "sandbox_id: 'ID'"},
      {"EvaluatePolicy", "sandbox_id: 'ID' remote_domain: 'example.com'"},
      {"GetNetworkStats", "sandbox_id: 'ID'"},
      {"Exec", "start { sandbox_id: 'ID' args: 'true' }"},
      {"ReadFile", "sandbox_id: 'ID' path: '/etc/hostname'"},
      {"WriteFile", "open { sandbox_id: 'ID' path: '/tmp/a' }"},
      {"StatFile", "sandbox_id: 'ID' path: '/etc/hostname'"},
      {"ListDirectory", "sandbox_id: 'ID' path: '/etc'"},
      {"MakeDirectory", "sandbox_id: 'ID' path: '/tmp/d'"},
      {"RemoveFile", "sandbox_id: 'ID' path: '/tmp/d'"},
      {"StreamAuditEvents", "sandbox_ids: 'ID'"},
      {"CapturePackets", "sandbox_id: 'ID'"},
      {"DeleteSandbox", "sandbox_id: 'ID'"},
  };
  return requests;
}

std::vector<const MethodDescriptor*> Methods() {
  std::vector<const MethodDescriptor*> methods;
  for (const auto* file : {v1::CreateSandboxRequest::descriptor()->file(), v1::ExecRequest::descriptor()->file(),
                           v1::StreamAuditEventsRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) methods.push_back(file->service(i)->method(j));
    }
  }
  return methods;
}

std::unique_ptr<Message> RequestOf(const MethodDescriptor& method, const std::string& text) {
  std::unique_ptr<Message> request(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input_type())->New());
  ParseProto(text, *request);
  return request;
}

std::string PathOf(const MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

TEST_F(AccessTest, AnothersSandboxIsNotThereWhateverTheMethod) {
  const std::string box = CreateOf("web");
  const auto owner = ChannelOn(ConnectUnix(kWebUser));
  const auto other = ChannelOn(ConnectUnix(kDataUser));
  std::set<std::string> tried;
  // In the table's order: deletion comes last.
  for (const auto& [name, text] : Requests()) {
    tried.insert(name);
    if (text.empty()) continue;
    for (const MethodDescriptor* method : Methods()) {
      if (method->name() != name) continue;
      const auto ask = [&, &text = text](const std::shared_ptr<grpc::Channel>& channel, const std::string& id) {
        return CallOnce(channel, PathOf(*method), *RequestOf(*method, absl::StrReplaceAll(text, {{"ID", id}})));
      };
      const grpc::Status denied = ask(other, box);
      const grpc::Status missing = ask(other, "no-such-box");
      EXPECT_EQ(denied.error_code(), grpc::StatusCode::NOT_FOUND) << name << ": " << denied.error_message();
      EXPECT_EQ(absl::StrReplaceAll(denied.error_message(), {{box, "ID"}}),
                absl::StrReplaceAll(missing.error_message(), {{"no-such-box", "ID"}}))
          << name;
      if (name == "RemoveFile" || name == "UnpublishPort") continue;  // nothing is there to remove, whoever asks
      const grpc::Status own = ask(owner, box);
      EXPECT_NE(own.error_code(), grpc::StatusCode::NOT_FOUND) << name << ": " << own.error_message();
      EXPECT_NE(own.error_code(), grpc::StatusCode::PERMISSION_DENIED) << name << ": " << own.error_message();
    }
  }
  for (const MethodDescriptor* method : Methods()) {
    EXPECT_TRUE(tried.contains(method->name())) << method->full_name() << " is not in the table";
  }
  EXPECT_TRUE(absl::IsNotFound(client().Get(box).status())) << "its owner deleted it";
}

TEST_F(AccessTest, ListsWatchesAndLogsShowWhatIsTheCallersAlone) {
  const std::string web = CreateOf("web"), data = CreateOf("data");
  EXPECT_THAT(Ids(*ClientOf(kWebUser)), ElementsAre(web));
  EXPECT_THAT(Ids(*ClientOf(kDataUser)), ElementsAre(data));
  EXPECT_EQ(Ids(*ClientOf(kAuditUser)).size(), 2u);
  v1::ListSandboxesRequest others;
  (*others.mutable_labels())["team"] = "data";
  EXPECT_THAT(*ClientOf(kWebUser)->List(others), IsEmpty());

  std::set<std::string> watched;
  grpc::ClientContext context;
  SetTimeout(kCallTimeout, context);
  const auto user = ClientOf(kWebUser);
  const auto watch = user->sandboxes().WatchSandboxes(&context, {});
  v1::WatchSandboxesResponse change;
  while (watch->Read(&change) && !change.synced()) watched.insert(change.sandbox().id());
  EXPECT_THAT(watched, ElementsAre(web));

  const auto logged = user->Logged({});
  ASSERT_TRUE(logged.ok()) << logged.status();
  EXPECT_TRUE(logged->contains(web));
  EXPECT_FALSE(logged->contains(data));
}

TEST_F(AccessTest, OperatorsMakeTheirOwnAndKeepThem) {
  const auto user = ClientOf(kWebUser);
  const std::string guest = "guest { socket { framing: FRAMING_STREAM } }";
  const auto own = user->Create(Proto<v1::Sandbox>(absl::StrCat("labels { key: 'team' value: 'web' }", guest)));
  ASSERT_TRUE(own.ok()) << own.status();
  DeleteLater(own->id());
  const absl::Status other =
      user->Create(Proto<v1::Sandbox>(absl::StrCat("labels { key: 'team' value: 'data' }", guest))).status();
  EXPECT_EQ(other, absl::PermissionDeniedError("sandbox.labels: this caller's sandboxes bear team=web"));
  EXPECT_TRUE(absl::IsPermissionDenied(user->Create(Proto<v1::Sandbox>(guest)).status()));

  const auto update = [&](const std::string& labels, const std::string& path) {
    v1::UpdateSandboxRequest request;
    ParseProto(absl::StrCat("sandbox { id: '", own->id(), "' ", labels, " } update_mask { paths: '", path, "' }"), request);
    return user->Update(request);
  };
  EXPECT_TRUE(absl::IsPermissionDenied(update("labels { key: 'team' value: 'data' }", "labels")));
  EXPECT_TRUE(absl::IsPermissionDenied(update("labels { key: 'a' value: 'b' }", "labels")));
  EXPECT_TRUE(absl::IsPermissionDenied(update("", "labels.team")));
  EXPECT_TRUE(update("labels { key: 'a' value: 'b' }", "labels.a").ok());
  EXPECT_TRUE(user->Get(own->id()).ok());
}

TEST_F(AccessTest, RequestIdsAreEachCallersOwn) {
  const auto create = [&](uid_t uid, const std::string& team) {
    const auto made = ClientOf(uid)->Create(
        Proto<v1::Sandbox>(absl::StrCat("labels { key: 'team' value: '", team, "' } guest { socket { framing: FRAMING_STREAM } }")),
        "same-id");
    EXPECT_TRUE(made.ok()) << made.status();
    return made.value_or(v1::Sandbox()).id();
  };
  const std::string web = create(kWebUser, "web");
  DeleteLater(web);
  const std::string data = create(kDataUser, "data");
  DeleteLater(data);
  EXPECT_NE(data, web);
  EXPECT_EQ(create(kWebUser, "web"), web);
}

TEST_F(AccessTest, AuditorsReadAndNothingElse) {
  const std::string box = CreateOf("web");
  const auto auditor = ClientOf(kAuditUser);
  EXPECT_TRUE(auditor->Get(box).ok());
  v1::StreamAuditEventsRequest events;
  events.add_sandbox_ids(box);
  EXPECT_THAT(*auditor->Logged(events), ElementsAre(box));
  const absl::Status denied = absl::PermissionDeniedError("this caller may not do that");
  EXPECT_EQ(auditor->Delete(box), denied);
  EXPECT_EQ(auditor->Create(Proto<v1::Sandbox>("guest { oci {} }")).status(), denied);
  EXPECT_EQ(auditor->SetPolicy(Proto<v1::SetNetworkPolicyRequest>("sandbox_id: 'a'")), denied);
  // Nor by any other method: what guests say to others is not theirs to read.
  const std::set<std::string> reads = {"GetSandbox",     "ListSandboxes",   "WatchSandboxes",   "GetNetworkPolicy",
                                       "EvaluatePolicy", "GetNetworkStats", "StreamAuditEvents"};
  const auto channel = ChannelOn(ConnectUnix(kAuditUser));
  for (const auto& [name, text] : Requests()) {
    for (const MethodDescriptor* method : Methods()) {
      if (method->name() != name) continue;
      const auto request = RequestOf(*method, absl::StrReplaceAll(text, {{"ID", box}}));
      const grpc::StatusCode code = CallOnce(channel, PathOf(*method), *request).error_code();
      EXPECT_EQ(code == grpc::StatusCode::PERMISSION_DENIED, !reads.contains(name)) << name << ": " << code;
    }
  }
  EXPECT_TRUE(client().Get(box).ok());
}

// Nor is one with a token: tokens are TLS's.
TEST_F(AccessTest, AUserWhomNoGrantNamesIsNotAuthenticated) {
  for (const auto& connect : {&AccessTest::ConnectUnix, &AccessTest::ConnectLoopback}) {
    UserClient nobody(ChannelOn(connect(kNobody)));
    EXPECT_TRUE(absl::IsUnauthenticated(nobody.List({}).status())) << nobody.List({}).status();
    EXPECT_EQ(CallOnce(ChannelOn(connect(kNobody)), "/sluice.v1.NoService/NoMethod", v1::ListSandboxesRequest()).error_code(),
              grpc::StatusCode::UNAUTHENTICATED) << "nothing is told";
    UserClient known(ChannelOn(connect(kWebUser)));
    EXPECT_TRUE(known.List({}).ok());
    EXPECT_EQ(CallOnce(ChannelOn(connect(kWebUser)), "/sluice.v1.NoService/NoMethod", v1::ListSandboxesRequest()).error_code(),
              grpc::StatusCode::UNIMPLEMENTED);
    UserClient root(ChannelOn(connect(0)));
    EXPECT_TRUE(root.List({}).ok());
  }
}

// So that they cost little: past a few at once the others are closed without a byte.
TEST_F(AccessTest, UsersWhomNoGrantNamesHaveFewConnectionsAndForAMoment) {
  std::vector<UniqueFd> held;
  for (int i = 0; i < 20; ++i) held.push_back(ConnectUnix(kNobody));
  const absl::Time until = absl::Now() + absl::Seconds(30);
  size_t spoken_to = 0;
  for (const UniqueFd& connection : held) {
    fcntl(connection.get(), F_SETFL, 0);
    char byte;
    if (read(connection.get(), &byte, 1) == 1) ++spoken_to;
  }
  EXPECT_LE(spoken_to, 16u);
  EXPECT_GT(spoken_to, 0u);
  EXPECT_TRUE(ClientOf(kWebUser)->List({}).ok());
  for (const UniqueFd& connection : held) {
    char rest[4096];
    while (read(connection.get(), rest, sizeof(rest)) > 0) {
    }
  }
  EXPECT_LT(absl::Now(), until) << "all of them were ended";
  EXPECT_TRUE(absl::IsUnauthenticated(ClientOf(kNobody)->List({}).status())) << "there is room again";
}

TEST_F(AccessTest, AUserWhoHoldsAllItsConnectionsLeavesTheOthersTheirs) {
  // The server speaks first on a connection that it takes.
  const auto served = [](const UniqueFd& connection) {
    fcntl(connection.get(), F_SETFL, 0);
    char byte;
    return read(connection.get(), &byte, 1) == 1;
  };
  std::vector<UniqueFd> held;
  while (held.size() < kMaxConnections) {
    held.push_back(ConnectLoopback(kBusyUser));
    ASSERT_TRUE(served(held.back())) << held.size();
  }
  EXPECT_FALSE(served(ConnectLoopback(kBusyUser)));
  EXPECT_FALSE(served(ConnectUnix(kBusyUser)));
  EXPECT_TRUE(UserClient(ChannelOn(ConnectLoopback(kAuditUser))).List({}).ok());
  held.clear();
  bool let_in = false;
  // The server closes its ends when it comes to read ours.
  for (int i = 0; i < 100 && !let_in; ++i) {
    let_in = ClientOf(kBusyUser)->List({}).ok();
    if (!let_in) absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_TRUE(let_in);
}

TEST_F(AccessTest, ThePolicyIsFollowed) {
  EXPECT_FALSE(ClientOf(kNobody)->List({}).ok());
  ASSERT_TRUE(WriteFile(PolicyPath(), absl::StrCat(kPolicy, "- {role: auditor, users: [\"7004\"]}\n")).ok());
  const auto becomes = [](uid_t uid, bool allowed) {
    for (int i = 0; i < 100; ++i) {
      if (ClientOf(uid)->List({}).ok() == allowed) return true;
      absl::SleepFor(absl::Milliseconds(50));
    }
    return false;
  };
  EXPECT_TRUE(becomes(kNobody, true));
  // A connection that stands is of no use either, once its user is named no more.
  const auto standing = ClientOf(kNobody);
  ASSERT_TRUE(standing->List({}).ok());
  ASSERT_TRUE(WriteFile(PolicyPath(), kPolicy).ok());
  EXPECT_TRUE(becomes(kNobody, false));
  EXPECT_EQ(standing->List({}).status(), absl::PermissionDeniedError("this caller may not do that"));
  // One that is not right is passed over, and the next is read.
  ASSERT_TRUE(WriteFile(PolicyPath(), "grants: [{role: boss}]").ok());
  EXPECT_TRUE(ClientOf(kWebUser)->List({}).ok());
  ASSERT_TRUE(WriteFile(PolicyPath(), absl::StrCat(kPolicy, "- {role: auditor, users: [\"7004\"]}\n")).ok());
  EXPECT_TRUE(becomes(kNobody, true));
  EXPECT_TRUE(ClientOf(kWebUser)->List({}).ok());
  ASSERT_TRUE(WriteFile(PolicyPath(), kPolicy).ok());
  EXPECT_TRUE(becomes(kNobody, false));
}

TEST_F(AccessTest, OperatorsNameNothingOfTheHosts) {
  const auto user = ClientOf(kWebUser);
  const auto root = ClientOf(0);
  const auto create = [&](UserClient& client, const std::string& guest) {
    const auto made = client.Create(
        Proto<v1::Sandbox>(absl::StrCat("labels { key: 'team' value: 'web' } guest { ", guest, " }")));
    if (made.ok()) DeleteLater(made->id());
    return made.status();
  };
  const std::string below = absl::StrCat("socket { framing: FRAMING_STREAM path: '", directory_, "/roots/box/vm.sock' }");
  const std::string beside = absl::StrCat("socket { framing: FRAMING_STREAM path: '", directory_, "/vm.sock' }");
  EXPECT_TRUE(create(*user, below).ok());
  EXPECT_THAT(create(*user, beside).ToString(), HasSubstr("sandbox.guest.socket.path: must be there, and must lie below one of"));
  EXPECT_THAT(create(*user, "oci { rootfs: '/' }").ToString(), HasSubstr("must lie below one of"));
  EXPECT_THAT(create(*user, "oci {}").ToString(), HasSubstr("sandbox.guest.oci.rootfs: is required"));
  EXPECT_THAT(create(*user, "netns { pid: 1 }").ToString(), HasSubstr("only administrators"));
  EXPECT_TRUE(create(*root, "oci {}").ok());
  EXPECT_THAT(create(*root, "oci { user: '0' }").ToString(), HasSubstr("must not be root's"));
}

TEST_F(AccessTest, EveryCallIsInTheAccessLog) {
  const std::string box = CreateOf("web");
  ASSERT_TRUE(ClientOf(kWebUser)->Get(box).ok());
  ASSERT_FALSE(ClientOf(kDataUser)->Get(box).ok());
  ASSERT_FALSE(ClientOf(kAuditUser)->Delete(box).ok());
  ASSERT_FALSE(ClientOf(kNobody)->Get(box).ok());
  CallOnce(ChannelOn(ConnectUnix(kWebUser)), "/sluice.v1.SandboxService/WatchSandboxes", v1::WatchSandboxesRequest());
  const auto logged = [&](const std::string& caller, const std::string& method, const std::string& sandbox,
                          const std::string& code) {
    // Written by a thread of its own.
    for (int i = 0; i < 100; ++i) {
      for (const nlohmann::json& line : AccessLog()) {
        if (line["caller"] == caller && line["method"] == method && line["sandbox"] == sandbox && line["code"] == code) {
          return true;
        }
      }
      absl::SleepFor(absl::Milliseconds(50));
    }
    return false;
  };
  const std::string service = "/sluice.v1.SandboxService/";
  EXPECT_TRUE(logged("user 0", service + "CreateSandbox", box, "ok")) << "an id of the server's choice";
  EXPECT_TRUE(logged("user 7001", service + "GetSandbox", box, "ok"));
  EXPECT_TRUE(logged("user 7002", service + "GetSandbox", box, "not_found"));
  EXPECT_TRUE(logged("user 7003", service + "DeleteSandbox", "", "permission_denied"));
  EXPECT_TRUE(logged("user 7001", service + "WatchSandboxes", "", "cancelled")) << "of all, not of the first it saw";
  EXPECT_TRUE(logged("user 7004", "connect", "", "permission_denied"));
}

}  // namespace
}  // namespace sluice::e2e
