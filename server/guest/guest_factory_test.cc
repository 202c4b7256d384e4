// Guests as the server makes them, with the real runc.

#include "server/guest/guest_factory.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <set>
#include <string>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr char kInit[] = "server/guest/sluice-init";

class GuestFactoryTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/var/tmp/sluice-guests.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    state_ = pattern;
    absl::StatusOr<std::unique_ptr<GuestFactory>> factory = MakeGuestFactory(Options());
    ASSERT_TRUE(factory.ok()) << factory.status();
    factory_ = *std::move(factory);
  }
  void TearDown() override {
    factory_ = nullptr;
    EXPECT_EQ(Leavings(), std::set<std::string>());
    std::error_code ignored;
    fs::remove_all(state_, ignored);
  }

  GuestFactoryOptions Options() const { return {.state_dir = state_, .init_path = fs::absolute(kInit)}; }

  // Files of guests, containers and cgroups.
  std::set<std::string> Leavings() const {
    std::set<std::string> names;
    std::error_code ignored;
    for (const std::string& directory : {state_ + "/guests", state_ + "/oci"}) {
      for (const auto& entry : fs::directory_iterator(directory, ignored)) names.insert(entry.path());
    }
    for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup", ignored)) {
      const fs::path cgroup = hierarchy.path() / absl::StrCat("sluice-", Uid());
      if (fs::exists(cgroup, ignored)) names.insert(cgroup);
    }
    return names;
  }

  std::string Uid() const { return absl::StrCat("u", fs::path(state_).extension().string().substr(1)); }

  absl::StatusOr<std::unique_ptr<Guest>> Create(const v1::Guest& spec) {
    return factory_->Create(spec, {.sandbox_id = "box", .sandbox_uid = Uid(), .nameservers = {}});
  }
  absl::StatusOr<std::unique_ptr<Guest>> CreateOci(const v1::OciGuest& oci) {
    v1::Guest spec;
    *spec.mutable_oci() = oci;
    return Create(spec);
  }
  // Runs, with `oci` as it is.
  std::unique_ptr<Guest> StartOci(const v1::OciGuest& oci) {
    absl::StatusOr<std::unique_ptr<Guest>> guest = CreateOci(oci);
    EXPECT_TRUE(guest.ok()) << guest.status();
    if (!guest.ok()) return nullptr;
    const absl::Status started = (*guest)->Start([this](ProcessExit exit) { ended_.set_value(exit); });
    EXPECT_TRUE(started.ok()) << started;
    return *std::move(guest);
  }

  // "OUTPUT:CODE" of a program run to its end.
  static std::string Run(Guest& guest, const ExecOptions& options) {
    absl::StatusOr<std::unique_ptr<GuestProcess>> process = guest.Exec(options);
    if (!process.ok()) return process.status().ToString();
    (*process)->CloseStdin();
    std::string out;
    while (true) {
      std::promise<ProcessEvent> next;
      (*process)->Next([&next](ProcessEvent event) { next.set_value(std::move(event)); });
      const ProcessEvent event = next.get_future().get();
      if (event.kind == ProcessEvent::Kind::kExit) return absl::StrCat(out, ":", event.exit.code);
      out += event.data;
    }
  }

  std::string state_;
  std::unique_ptr<GuestFactory> factory_;
  std::promise<ProcessExit> ended_;
};

TEST_F(GuestFactoryTest, RunsProgramsAsTheCallerSaid) {
  v1::OciGuest oci;
  oci.set_user("1234:5678");
  (*oci.mutable_env())["A"] = "guest";
  (*oci.mutable_env())["B"] = "guest";
  const std::unique_ptr<Guest> guest = StartOci(oci);
  ASSERT_NE(guest, nullptr);
  EXPECT_EQ(Run(*guest, {.args = {"sh", "-c", "id -u; id -g; pwd; hostname; echo $A $B"}, .env = {{"B", "exec"}}}),
            "1234\n5678\n/\nbox\nguest exec\n:0");
  EXPECT_EQ(Run(*guest, {.args = {"sh", "-c", "id -u; pwd; exit 9"}, .working_directory = "/tmp", .user = "7"}),
            "7\n/tmp\n:9");
  EXPECT_TRUE(guest->Stop(absl::Now() + absl::Seconds(30)).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(guest->Exec({.args = {"true"}}).status()));
  EXPECT_TRUE(guest->Stop(absl::Now() + absl::Seconds(30)).ok());
}

TEST_F(GuestFactoryTest, SaysWhatIsWrongWithAProgram) {
  const std::unique_ptr<Guest> guest = StartOci({});
  ASSERT_NE(guest, nullptr);
  EXPECT_EQ(guest->Exec({.args = {"no-such-program"}}).status(),
            absl::NotFoundError("there is no program no-such-program in the guest"));
  EXPECT_TRUE(absl::IsPermissionDenied(guest->Exec({.args = {"/etc/passwd"}}).status()));
  EXPECT_EQ(FieldOf(guest->Exec({.args = {}}).status()), "args");
  EXPECT_EQ(FieldOf(guest->Exec({.args = {""}}).status()), "args");
  EXPECT_EQ(FieldOf(guest->Exec({.args = {std::string("a\0b", 3)}}).status()), "args");
  EXPECT_EQ(FieldOf(guest->Exec({.args = {"true"}, .env = {{"A=B", ""}}}).status()), "env");
  EXPECT_EQ(FieldOf(guest->Exec({.args = {"true"}, .working_directory = "tmp"}).status()), "working_directory");
  EXPECT_EQ(FieldOf(guest->Exec({.args = {"true"}, .working_directory = "/nowhere"}).status()), "working_directory");
  EXPECT_EQ(FieldOf(guest->Exec({.args = {"true"}, .user = "root"}).status()), "user");
  EXPECT_EQ(Run(*guest, {.args = {"echo", "still", "there"}}), "still there\n:0");
}

TEST_F(GuestFactoryTest, DoesNotSeeTheServersOwnFiles) {
  ASSERT_TRUE(WriteFile(state_ + "/secret", "s", 0644).ok());
  ASSERT_EQ(chmod(state_.c_str(), 0755), 0);
  const std::unique_ptr<Guest> guest = StartOci({});
  ASSERT_NE(guest, nullptr);
  EXPECT_EQ(Run(*guest, {.args = {"ls", "-A", state_}}), ":0");
  EXPECT_EQ(Run(*guest, {.args = {"ls", "-d", "/var/tmp"}}), "/var/tmp\n:0") << "what is around it is seen";
}

TEST_F(GuestFactoryTest, TellsThatTheFirstProcessEnded) {
  v1::OciGuest oci;
  for (const char* arg : {"sh", "-c", "exit 6"}) oci.add_args(arg);
  const std::unique_ptr<Guest> guest = StartOci(oci);
  ASSERT_NE(guest, nullptr);
  EXPECT_EQ(ended_.get_future().get(), ProcessExit{.code = 6});
  EXPECT_TRUE(absl::IsFailedPrecondition(guest->Exec({.args = {"true"}}).status()));
}

TEST_F(GuestFactoryTest, StopEndsProgramsThatRun) {
  const std::unique_ptr<Guest> guest = StartOci({});
  ASSERT_NE(guest, nullptr);
  absl::StatusOr<std::unique_ptr<GuestProcess>> sleeper = guest->Exec({.args = {"sleep", "1000"}});
  ASSERT_TRUE(sleeper.ok()) << sleeper.status();
  EXPECT_TRUE(guest->Stop(absl::Now() + absl::Seconds(30)).ok());
  std::promise<ProcessEvent> next;
  (*sleeper)->Next([&next](ProcessEvent event) { next.set_value(std::move(event)); });
  EXPECT_EQ(next.get_future().get().exit, ProcessExit{.signal = SIGKILL});
}

TEST_F(GuestFactoryTest, AStartThatFailsLeavesNothing) {
  v1::OciGuest oci;
  oci.add_args("/no-such-program");
  {
    absl::StatusOr<std::unique_ptr<Guest>> guest = CreateOci(oci);
    ASSERT_TRUE(guest.ok()) << guest.status();
    EXPECT_TRUE(absl::IsNotFound((*guest)->Start([](ProcessExit) { FAIL(); })));
  }
  EXPECT_EQ(Leavings(), std::set<std::string>());
  oci.set_args(0, "sleep");
  oci.add_args("1000");
  oci.set_working_directory("/etc/passwd");
  absl::StatusOr<std::unique_ptr<Guest>> guest = CreateOci(oci);
  ASSERT_TRUE(guest.ok()) << guest.status();
  EXPECT_EQ(FieldOf((*guest)->Start([](ProcessExit) { FAIL(); })), "working_directory");
}

TEST_F(GuestFactoryTest, RefusesWhatCannotBeARoot) {
  v1::OciGuest oci;
  for (const std::string& path : {std::string("/nowhere"), std::string("/etc/passwd"), state_, state_ + "/guests"}) {
    oci.set_rootfs(path);
    EXPECT_EQ(FieldOf(CreateOci(oci).status()), "oci.rootfs") << path;
  }
  // Nor by another name.
  ASSERT_EQ(symlink((state_ + "/guests").c_str(), (state_ + "-link").c_str()), 0);
  oci.set_rootfs(state_ + "-link");
  EXPECT_EQ(FieldOf(CreateOci(oci).status()), "oci.rootfs");
  fs::remove(state_ + "-link");
}

TEST_F(GuestFactoryTest, TheHostsOwnRootHasNoOtherName) {
  const std::string other = state_ + "-root";
  ASSERT_TRUE(fs::create_directory(other));
  v1::OciGuest oci;
  oci.set_rootfs(other);
  EXPECT_TRUE(CreateOci(oci).ok());
  // Mounted where this thread alone sees it, and for as long as it lives.
  std::thread([&] {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("/", other.c_str(), nullptr, MS_BIND, nullptr), 0);
    EXPECT_EQ(FieldOf(CreateOci(oci).status()), "oci.rootfs");
  }).join();
  fs::remove(other);
}

TEST_F(GuestFactoryTest, NobodyIsRootOnTheHostsOwnRoot) {
  v1::OciGuest oci;
  for (const char* user : {"0", "0:1", "1:0"}) {
    oci.set_user(user);
    for (const char* rootfs : {"", "/", "/etc/.."}) {
      oci.set_rootfs(rootfs);
      EXPECT_EQ(FieldOf(CreateOci(oci).status()), "oci.user") << user << " " << rootfs;
    }
  }
  const std::unique_ptr<Guest> guest = StartOci({});
  ASSERT_NE(guest, nullptr);
  EXPECT_EQ(FieldOf(guest->Exec({.args = {"id"}, .user = "0"}).status()), "user");
  EXPECT_EQ(Run(*guest, {.args = {"id", "-u"}, .user = "1"}), "1\n:0");
}

TEST_F(GuestFactoryTest, PathsLieBelowTheServersRoots) {
  const std::string root = state_ + "-root", outside = state_ + "-outside", link = root + "/link";
  for (const std::string& path : {root, outside, root + "/a"}) ASSERT_TRUE(fs::create_directory(path));
  ASSERT_EQ(symlink(outside.c_str(), link.c_str()), 0);
  GuestFactoryOptions options = Options();
  options.path_roots = {root};
  options.qemu = "/bin/true";  // nothing gets so far
  factory_ = nullptr;
  factory_ = *MakeGuestFactory(options);
  v1::OciGuest oci;
  for (const std::string& path : {outside, link, root + "/a/../../etc", std::string("/")}) {
    oci.set_rootfs(path);
    EXPECT_EQ(FieldOf(CreateOci(oci).status()), "oci.rootfs") << path;
  }
  oci.set_rootfs(root + "/a");
  EXPECT_TRUE(CreateOci(oci).ok());
  v1::Guest vmm;
  vmm.mutable_socket()->set_framing(v1::SocketGuest::FRAMING_STREAM);
  // What is not there now could be a way out a moment later.
  for (const std::string& directory : {link, root + "/later", root + "/later/../../../etc"}) {
    vmm.mutable_socket()->set_path(directory + "/vm.sock");
    EXPECT_EQ(FieldOf(Create(vmm).status()), "socket.path") << directory;
    v1::Guest vm;
    vm.mutable_vm()->set_kernel(directory + "/vmlinuz");
    EXPECT_EQ(FieldOf(Create(vm).status()), "vm.kernel") << directory;
  }
  ASSERT_TRUE(WriteFile(outside + "/vmlinuz", "").ok());
  v1::Guest vm;
  vm.mutable_vm()->set_kernel(link + "/vmlinuz");
  EXPECT_EQ(FieldOf(Create(vm).status()), "vm.kernel");
  vmm.mutable_socket()->set_path(root + "/vm.sock");
  EXPECT_TRUE(Create(vmm).ok());
  for (const std::string& path : {root, outside}) fs::remove_all(path);
}

TEST_F(GuestFactoryTest, RefusesWhatIsNoNetworkNamespaceOfSomeoneElse) {
  v1::Guest spec;
  for (const char* path : {"/nowhere", "/etc/passwd", "/proc/self/ns/net"}) {
    spec.mutable_netns()->set_path(path);
    EXPECT_EQ(FieldOf(Create(spec).status()), "netns.path") << path;
  }
  spec.mutable_netns()->set_pid(getpid());
  EXPECT_EQ(FieldOf(Create(spec).status()), "netns.pid");
}

TEST_F(GuestFactoryTest, SaysWhatIsMissingForAVirtualMachine) {
  GuestFactoryOptions options = Options();
  options.qemu = "no-such-qemu";
  absl::StatusOr<std::unique_ptr<GuestFactory>> factory = MakeGuestFactory(options);
  ASSERT_TRUE(factory.ok()) << factory.status();
  v1::Guest spec;
  spec.mutable_vm()->set_kernel("/boot/vmlinuz");
  const absl::Status status = (*factory)->Create(spec, {.sandbox_id = "box", .sandbox_uid = Uid(), .nameservers = {}}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_NE(status.message().find("install qemu-system-x86"), absl::string_view::npos) << status;
}

TEST_F(GuestFactoryTest, ClearsAwayWhatAnEarlierServerLeft) {
  std::unique_ptr<Guest> guest = StartOci({});
  ASSERT_NE(guest, nullptr);
  ASSERT_FALSE(Leavings().empty());
  // Another server on the same state, as after a crash.
  const absl::StatusOr<std::unique_ptr<GuestFactory>> next = MakeGuestFactory(Options());
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(Leavings(), std::set<std::string>());
  guest = nullptr;
}

TEST_F(GuestFactoryTest, SaysInOneSentenceWhatIsMissing) {
  GuestFactoryOptions options = Options();
  options.oci_runtime = "no-such-runtime";
  EXPECT_EQ(MakeGuestFactory(options).status(),
            absl::FailedPreconditionError("the OCI runtime no-such-runtime is not there: install it or name another"));
  options.oci_runtime = "/bin/false";
  EXPECT_EQ(MakeGuestFactory(options).status(),
            absl::FailedPreconditionError("the OCI runtime /bin/false --version fails"));
  options = Options();
  options.init_path = "/nowhere/sluice-init";
  EXPECT_EQ(MakeGuestFactory(options).status(),
            absl::FailedPreconditionError("sluice-init is not at /nowhere/sluice-init"));
}

}  // namespace
}  // namespace sluice
