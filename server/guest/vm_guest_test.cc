// With a real QEMU: what it opens of the host's files, where a disk's owner changes
// the disk behind the server's back.

#include "server/guest/vm_guest.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"
#include "server/base/process_note.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::Not;

// Where deploy/setup.sh unpacks what virtual machines are tested with.
constexpr char kBoot[] = "/var/cache/sluice/vm/boot";
constexpr size_t kCluster = 64 << 10;

void Put(std::string& bytes, size_t offset, uint64_t value, int width) {
  for (int i = 0; i < width; ++i) bytes[offset + i] = static_cast<char>(value >> 8 * (width - 1 - i));
}

// An empty qcow2 image of one MiB (QEMU's docs/interop/qcow2.txt): header, table and
// block of reference counts, and a table of nothing.
std::string Qcow2() {
  std::string image(4 * kCluster, '\0');
  image.replace(0, 4, "QFI\xfb");
  Put(image, 4, 3, 4);                  // version
  Put(image, 20, 16, 4);                // bits of a cluster's size
  Put(image, 24, 1 << 20, 8);           // the disk's size
  Put(image, 36, 1, 4);                 // entries in the first table
  Put(image, 40, 3 * kCluster, 8);      // where that is
  Put(image, 48, kCluster, 8);          // and the table of reference counts
  Put(image, 56, 1, 4);                 // with its clusters
  Put(image, 96, 4, 4);                 // reference counts have two bytes
  Put(image, 100, 104, 4);              // the header's length
  Put(image, kCluster, 2 * kCluster, 8);
  for (size_t i = 0; i < 4; ++i) Put(image, 2 * kCluster + 2 * i, 1, 2);
  return image;
}

std::string OnTopOf(const std::string& path) {
  constexpr size_t kName = 512;
  std::string image = Qcow2();
  Put(image, 8, kName, 8);
  Put(image, 16, path.size(), 4);
  image.replace(kName, path.size(), path);
  return image;
}

std::string WithDataIn(const std::string& path) {
  constexpr uint32_t kDataFile = 0x44415441;  // the extension with its name
  std::string image = Qcow2();
  Put(image, 72, 4, 8);  // the feature
  Put(image, 104, kDataFile, 4);
  Put(image, 108, path.size(), 4);
  image.replace(112, path.size(), path);
  return image;
}

class VmGuestTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/vm_guest_test.XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    directory_ = path;
    // QEMU's user could read what is there: its own wall is not what is tested.
    ASSERT_EQ(chmod(path, 0755), 0);
    ASSERT_TRUE(WriteFile(At("secret"), std::string(1 << 20, 's'), 0644).ok());
    for (const auto& entry : fs::directory_iterator(kBoot)) {
      if (absl::StartsWith(entry.path().filename().string(), "vmlinuz-")) vm_.set_kernel(entry.path());
    }
    vm_.set_disk(At("disk"));
    absl::StatusOr<std::unique_ptr<IoThread>> io = IoThread::Start();
    ASSERT_TRUE(io.ok()) << io.status();
    io_ = *std::move(io);
  }
  void TearDown() override {
    guest_ = nullptr;
    io_ = nullptr;
    fs::remove_all(directory_);
  }

  std::string At(absl::string_view name) const { return absl::StrCat(directory_, "/", name); }
  // In place, as its owner can who has it open.
  void Rewrite(const std::string& image) const { ASSERT_TRUE(WriteFile(At("disk"), image, 0644).ok()); }

  // A machine whose disk is `first` when the server looks at it, and `then` when QEMU
  // does.
  absl::Status Boot(const std::string& first, const std::string& then) {
    Rewrite(first);
    QemuCommand command;
    command.program = program_;
    command.name = absl::StrCat("vm-guest-test-", getpid());
    command.memory_bytes = 128 << 20;
    command.scratch_bytes = 16 << 20;
    command.mac = *MacAddress::Parse("02:00:00:00:00:01");
    absl::StatusOr<std::unique_ptr<WorkerIds::Lease>> user = users_->Acquire();
    if (!user.ok()) return user.status();
    absl::StatusOr<std::unique_ptr<VmGuest>> guest = VmGuest::Create(
        *io_, {.directory = At("guest"),
               .command = std::move(command),
               .vm = vm_,
               .user = *std::move(user),
               .cpu_group = nullptr});
    if (!guest.ok()) return guest.status();
    guest_ = *std::move(guest);
    Rewrite(then);
    return guest_->Start([](ProcessExit) {});
  }
  // What QEMU has open.
  std::vector<std::string> OpenFiles() const {
    std::vector<std::string> files;
    const absl::StatusOr<NotedProcess> qemu = ReadProcessNote(absl::StrCat(At("guest"), "/", VmGuest::kProcessNote));
    EXPECT_TRUE(qemu.ok()) << qemu.status();
    if (!qemu.ok()) return files;
    for (const auto& entry : fs::directory_iterator(absl::StrCat("/proc/", qemu->pid, "/fd"))) {
      files.push_back(fs::read_symlink(entry.path()));
    }
    return files;
  }

  // QEMU, where KVM is found well and does not work, or nothing does.
  std::string Broken(absl::string_view when) const {
    const std::string path = At("qemu");
    const std::string script = absl::StrCat("#!/bin/sh\ncase \"$*\" in *\"", when,
                                            "\"*) echo it is broken >&2; exit 1;; esac\n",
                                            "exec qemu-system-x86_64 \"$@\"\n");
    EXPECT_TRUE(WriteFile(path, script, 0755).ok());
    return path;
  }

  std::string directory_;
  std::string program_ = "qemu-system-x86_64";
  v1::VmGuest vm_;
  const std::unique_ptr<WorkerIds> users_ = WorkerIds::OfThisProcess(WorkerIds::kFirstOfVms);
  std::unique_ptr<IoThread> io_;
  std::unique_ptr<VmGuest> guest_;
};

TEST_F(VmGuestTest, OpensItsDiskAndNothingBelowIt) {
  const absl::Status started = Boot(Qcow2(), OnTopOf(At("secret")));
  ASSERT_TRUE(started.ok()) << started;
  EXPECT_THAT(OpenFiles(), Contains(At("disk")));
  EXPECT_THAT(OpenFiles(), Not(Contains(At("secret"))));
}

TEST_F(VmGuestTest, DoesNotStartOnADiskWhoseDataHaveComeToBeElsewhere) {
  EXPECT_EQ(FieldOf(Boot(Qcow2(), WithDataIn(At("secret")))), "disk");
}

TEST_F(VmGuestTest, StartsOnEitherFormat) {
  ASSERT_TRUE(Boot(Qcow2(), Qcow2()).ok());
  EXPECT_TRUE(guest_->Stop(absl::Now() + absl::Seconds(20)).ok());
  const std::string raw(1 << 20, 'r');
  ASSERT_TRUE(Boot(raw, raw).ok());
  EXPECT_TRUE(guest_->Stop(absl::Now() + absl::Seconds(20)).ok());
  // What looks like a header is the guest's data there.
  ASSERT_TRUE(Boot(raw, OnTopOf(At("secret"))).ok());
  EXPECT_THAT(OpenFiles(), Not(Contains(At("secret"))));
}

TEST_F(VmGuestTest, StartsWithoutAKvmThatDoesNotWork) {
  program_ = Broken("-accel kvm");
  const absl::Status started = Boot(Qcow2(), Qcow2());
  EXPECT_TRUE(started.ok()) << started;
  EXPECT_TRUE(guest_->Stop(absl::Now() + absl::Seconds(20)).ok());
  program_ = Broken("-accel tcg");
  EXPECT_EQ(Boot(Qcow2(), Qcow2()), absl::FailedPreconditionError("the virtual machine does not start: it is broken"));
}

}  // namespace
}  // namespace sluice
