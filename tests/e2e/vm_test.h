#ifndef SLUICE_TESTS_E2E_VM_TEST_H_
#define SLUICE_TESTS_E2E_VM_TEST_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/e2e/e2e_test.h"

namespace sluice::e2e {

// A suite with virtual machines: Debian's kernel, and an initrd of vm_init.sh's.
class VmTest : public E2eTest {
 protected:
  static constexpr absl::Duration kBootTimeout = absl::Seconds(90);

  static void SetUpTestSuite();
  // The files that it boots from.
  static void MakeMachine();

  // A VmGuest in text form, with `arguments` for the kernel and `more` fields.
  static std::string Vm(absl::string_view arguments = "", absl::string_view more = "");
  // Returns once the machine's agent answers and it has an address.
  static void AwaitBoot(const std::string& id);

  static const std::string& kernel() { return kernel_; }
  static const std::string& initrd() { return initrd_; }

 private:
  static std::string kernel_;
  static std::string initrd_;
};

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_VM_TEST_H_
