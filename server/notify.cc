#include "server/notify.h"

#include <systemd/sd-daemon.h>
#include <time.h>

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace sluice {

void NotifyReady(const std::string& status) { sd_notify(0, absl::StrCat("READY=1\nSTATUS=", status).c_str()); }

void NotifyReloading() {
  // Type=notify-reload tells this reload from an earlier one by its time.
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const uint64_t microseconds = static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
  sd_notify(0, absl::StrCat("RELOADING=1\nMONOTONIC_USEC=", microseconds).c_str());
}

void NotifyStopping() { sd_notify(0, "STOPPING=1"); }

}  // namespace sluice
