#include "clients/cli/machine_options.h"

#include <cmath>
#include <vector>

namespace sluice::cli {

void MachineOptions::FillGuest(v1::Guest& guest) const {
  if (!kernel.empty()) {
    const v1::OciGuest container = guest.oci();
    v1::VmGuest& vm = *guest.mutable_vm();
    vm.set_kernel(kernel);
    vm.set_initrd(initrd);
    vm.set_disk(disk);
    vm.set_kernel_arguments(kernel_arguments);
    vm.set_memory_bytes(container.memory_bytes());
    vm.set_cpus(static_cast<uint32_t>(std::ceil(container.cpus())));
  } else if (!framing.empty()) {
    v1::SocketGuest& socket = *guest.mutable_socket();
    socket.set_framing(framing == "stream" ? v1::SocketGuest::FRAMING_STREAM : v1::SocketGuest::FRAMING_DATAGRAM);
    socket.set_path(socket_path);
  }
}

void AddMachineOptions(CLI::App* create, MachineOptions& options) {
  auto* kernel =
      create->add_option("--kernel", options.kernel, "Run a virtual machine with this Linux kernel of the server's host")
          ->option_text("PATH");
  // What a machine has not is not to be left out in silence.
  const std::vector<const char*> of_others = {"--rootfs", "--netns", "--pid", "--processes", "--env", "--user", "--workdir"};
  for (const char* other : of_others) kernel->excludes(create->get_option(other));
  const auto of_kernel = [&](const char* name, auto& value, const char* help) {
    return create->add_option(name, value, help)->needs(kernel);
  };
  of_kernel("--initrd", options.initrd, "Its initial file system")->option_text("PATH");
  of_kernel("--disk", options.disk, "Its disk, raw or qcow2; what it writes is forgotten")->option_text("PATH");
  of_kernel("--append", options.kernel_arguments, "What the kernel is told")->option_text("ARGS");
  auto* socket =
      create->add_option("--socket", options.framing, "Serve a virtual machine that someone else runs, behind a socket")
          ->check(CLI::IsMember({"stream", "datagram"}))
          ->excludes(kernel);
  for (const char* other : of_others) socket->excludes(create->get_option(other));
  for (const char* of_machine : {"--memory", "--cpus"}) socket->excludes(create->get_option(of_machine));
  create->add_option("--socket-path", options.socket_path, "Where that socket is; the server's choice when left out")
      ->option_text("PATH")
      ->needs(socket);
}

}  // namespace sluice::cli
