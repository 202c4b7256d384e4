#ifndef SLUICE_SERVER_GUEST_FILE_CALLS_H_
#define SLUICE_SERVER_GUEST_FILE_CALLS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/guest/guest_files.h"

// What tests ask of GuestFiles, without the API's messages.

namespace sluice {

absl::StatusOr<std::string> ReadWhole(const GuestFiles& files, const std::string& path, uint64_t offset = 0,
                                      uint64_t length = 0);
absl::StatusOr<std::unique_ptr<FileWriter>> OpenToWrite(const GuestFiles& files, const std::string& path,
                                                        uint32_t mode = 0);
absl::Status WriteWhole(const GuestFiles& files, const std::string& path, const std::string& data, uint32_t mode = 0);
absl::Status MakeOneDirectory(const GuestFiles& files, const std::string& path, bool parents = false,
                              uint32_t mode = 0);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_FILE_CALLS_H_
