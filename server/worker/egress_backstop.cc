#include "server/worker/egress_backstop.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {

absl::StatusOr<std::string> EgressBackstop::FindHome() {
  const std::vector<CgroupMount> mounts = CgroupMounts();
  const auto home = std::find_if(mounts.begin(), mounts.end(), [](const CgroupMount& mount) { return mount.version == 2; });
  if (home == mounts.end()) return absl::FailedPreconditionError("no cgroup2 file system is mounted");
  RemoveOldTrials(home->path);
  const absl::StatusOr<std::unique_ptr<EgressBackstop>> trial = Create(home->path, TrialCgroup());
  absl::Status status = trial.status();
  if (status.ok()) status = (*trial)->Set({}, {});
  if (!status.ok()) return absl::FailedPreconditionError(status.message());
  return home->path;
}

absl::StatusOr<std::unique_ptr<EgressBackstop>> EgressBackstop::Create(const std::string& home,
                                                                       absl::string_view name) {
  absl::StatusOr<std::unique_ptr<Cgroup>> group = Cgroup::Create(home, name);
  if (!group.ok()) return group.status();
  UniqueFd cgroup(open((*group)->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup.valid()) return ErrnoError(errno, absl::StrCat("open cgroup ", (*group)->path()));
  std::unique_ptr<EgressBackstop> backstop(new EgressBackstop(*std::move(group), std::move(cgroup)));
  if (absl::Status status = backstop->FindAttached(); !status.ok()) return status;
  return backstop;
}

absl::Status EgressBackstop::FindAttached() {
  constexpr uint32_t kMaxPrograms = 64;  // BPF_CGROUP_MAX_PROGS of linux/bpf-cgroup.h
  for (const int hook : kEgressHooks) {
    std::array<uint32_t, kMaxPrograms> ids;
    uint32_t count = kMaxPrograms;
    uint32_t flags = 0;
    if (bpf_prog_query(cgroup_.get(), static_cast<bpf_attach_type>(hook), 0, &flags, ids.data(), &count) != 0) {
      return ErrnoError(errno, "ask which BPF programs are attached");
    }
    for (uint32_t i = 0; i < count; ++i) {
      UniqueFd program(bpf_prog_get_fd_by_id(ids[i]));
      if (!program.valid()) return ErrnoError(errno, "open a BPF program");
      attached_.push_back({.hook = hook, .program = std::move(program)});
    }
  }
  return absl::OkStatus();
}

absl::Status EgressBackstop::Set(const std::vector<policy::PrefixFate>& fates,
                                 const std::vector<Endpoint>& exceptions) {
  absl::StatusOr<EgressPrograms> loaded = LoadEgressPrograms(fates, exceptions);
  if (!loaded.ok()) return loaded.status();
  // Beside the old ones first: every program must let a call pass.
  for (size_t i = 0; i < kEgressHooks.size(); ++i) {
    const auto hook = static_cast<bpf_attach_type>(kEgressHooks[i]);
    if (bpf_prog_attach(loaded->programs[i].get(), cgroup_.get(), hook, BPF_F_ALLOW_MULTI) != 0) {
      return ErrnoError(errno, "attach a BPF program");
    }
  }
  for (const Attached& old : attached_) {
    bpf_prog_detach2(old.program.get(), cgroup_.get(), static_cast<bpf_attach_type>(old.hook));
  }
  attached_.clear();
  for (size_t i = 0; i < kEgressHooks.size(); ++i) {
    attached_.push_back({.hook = kEgressHooks[i], .program = std::move(loaded->programs[i])});
  }
  return absl::OkStatus();
}

}  // namespace sluice
