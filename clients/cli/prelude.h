// What nearly every command includes, precompiled: the build includes it ahead of a
// file's own first line (command_library.bzl).
#ifndef SLUICE_CLIENTS_CLI_PRELUDE_H_
#define SLUICE_CLIENTS_CLI_PRELUDE_H_

#include <CLI/CLI.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "sluice/v1/audit_service.grpc.pb.h"
#include "sluice/v1/guest_service.grpc.pb.h"
#include "sluice/v1/sandbox_service.grpc.pb.h"

#endif  // SLUICE_CLIENTS_CLI_PRELUDE_H_
