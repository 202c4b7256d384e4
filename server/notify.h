#ifndef SLUICE_SERVER_NOTIFY_H_
#define SLUICE_SERVER_NOTIFY_H_

#include <string>

// What the service manager is told (sd_notify(3)), where there is one.

namespace sluice {

// Serves; `status` is for people: "serving on unix:/run/sluice.sock".
void NotifyReady(const std::string& status);
// Reads its files again; NotifyReady follows.
void NotifyReloading();
void NotifyStopping();

}  // namespace sluice

#endif  // SLUICE_SERVER_NOTIFY_H_
