#include "tests/e2e/vm_test.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace sluice::e2e {
namespace {

namespace fs = std::filesystem;

// Where deploy/setup.sh unpacks what virtual machines are tested with.
constexpr char kPackages[] = "/var/cache/sluice/vm";

}  // namespace

std::string VmTest::kernel_;
std::string VmTest::initrd_;

void VmTest::SetUpTestSuite() {
  E2eTest::SetUpTestSuite();
  MakeMachine();
}

void VmTest::MakeMachine() {
  for (const auto& entry : fs::directory_iterator(absl::StrCat(kPackages, "/boot"))) {
    if (absl::StartsWith(entry.path().filename().string(), "vmlinuz-")) kernel_ = entry.path();
  }
  initrd_ = lab().Path("vm.initrd");
  const lab::CommandResult made =
      RunOnHost({"/usr/bin/python3", "-B", Runfile("tests/e2e/vm_initramfs.py"), kPackages,
                 Runfile("tests/e2e/vm_init.sh"), initrd_, Runfile("tests/e2e/rdnss")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
}

std::string VmTest::Vm(absl::string_view arguments, absl::string_view more) {
  return absl::StrCat("guest { vm { kernel: '", kernel_, "' initrd: '", initrd_, "' memory_bytes: ", 128 << 20,
                      " kernel_arguments: 'console=ttyS0 quiet panic=-1 ", arguments, "' ", more, " } } ");
}

void VmTest::AwaitBoot(const std::string& id) {
  absl::Status status;
  for (const absl::Time end = absl::Now() + kBootTimeout; absl::Now() < end;) {
    const absl::StatusOr<ExecResult> result =
        RunInGuest(client(), id, {"sh", "-c", "until [ -s /etc/resolv.conf ]; do sleep 0.1; done"});
    if (result.ok()) return;
    status = result.status();
    ASSERT_TRUE(absl::IsFailedPrecondition(status)) << status;
  }
  FAIL() << status;
}

}  // namespace sluice::e2e
