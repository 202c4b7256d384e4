#include "server/core/audit_archive.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/util/json_util.h"
#include "netsvc/base/io.h"
#include "server/core/audit_retention.h"
#include "server/core/directory.h"

namespace sluice {
namespace {

constexpr absl::string_view kNoteSuffix = ".json";
constexpr size_t kMaxNote = 64 << 10;  // bytes: an id and 64 labels are far less

std::string ToNote(const v1::Sandbox& sandbox) {
  v1::Sandbox note;
  note.set_id(sandbox.id());
  note.set_uid(sandbox.uid());
  *note.mutable_labels() = sandbox.labels();
  *note.mutable_create_time() = sandbox.create_time();
  if (sandbox.network().has_audit()) *note.mutable_network()->mutable_audit() = sandbox.network().audit();
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(note, &json);
  return status.ok() ? json : std::string();
}

}  // namespace

class AuditArchive::Listener : public Subscription {
 public:
  Listener(AuditArchive& archive, std::function<void()> changed) : archive_(archive), changed_(std::move(changed)) {
    const MutexLock lock(archive_.listeners_mutex_);
    archive_.listeners_.insert(this);
  }
  ~Listener() override {
    const MutexLock lock(archive_.listeners_mutex_);
    archive_.listeners_.erase(this);
  }
  void Tell() const { changed_(); }

 private:
  AuditArchive& archive_;
  const std::function<void()> changed_;
};

std::unique_ptr<AuditArchive> AuditArchive::Open(const std::string& directory, absl::Duration max_age,
                                                 const Clock& clock, const std::vector<v1::Sandbox>& live) {
  std::unique_ptr<AuditArchive> archive(new AuditArchive(directory, max_age, clock));
  archive->Load(live);
  archive->Prune();
  return archive;
}

absl::Status AuditArchive::Add(const v1::Sandbox& sandbox) {
  const std::string& uid = sandbox.uid();
  absl::Status status = MakeDirectory(LogDirectory(uid));
  if (status.ok()) status = WriteFile(NotePath(uid), ToNote(sandbox), 0600);
  if (!status.ok()) {
    RemoveFiles(uid);
    return status;
  }
  Log log = LogOf(sandbox);
  log.info.live = true;
  {
    const MutexLock lock(mutex_);
    logs_[uid] = std::move(log);
  }
  TellListeners();
  return absl::OkStatus();
}

absl::Status AuditArchive::Update(const v1::Sandbox& sandbox) {
  const absl::Status status = WriteFile(NotePath(sandbox.uid()), ToNote(sandbox), 0600);
  if (!status.ok()) return status;
  {
    const MutexLock lock(mutex_);
    const auto found = logs_.find(sandbox.uid());
    if (found != logs_.end()) {
      found->second.info.labels = sandbox.labels();
      found->second.max_age = LogOf(sandbox).max_age;
    }
  }
  TellListeners();
  return absl::OkStatus();
}

void AuditArchive::Discard(const std::string& uid) {
  {
    const MutexLock lock(mutex_);
    logs_.erase(uid);
  }
  TellListeners();
  RemoveFiles(uid);
}

void AuditArchive::MarkDeleted(const std::string& uid) {
  // The note's time is that of the deletion: a later server goes by it.
  const absl::Time now = clock_.Now();
  const timespec times[] = {absl::ToTimespec(now), absl::ToTimespec(now)};
  utimensat(AT_FDCWD, NotePath(uid).c_str(), times, 0);
  {
    const MutexLock lock(mutex_);
    const auto found = logs_.find(uid);
    if (found != logs_.end()) {
      found->second.info.live = false;
      found->second.deleted = now;
    }
  }
  TellListeners();
  Prune();
}

std::vector<AuditLogInfo> AuditArchive::Logs() const {
  std::vector<AuditLogInfo> all;
  const MutexLock lock(mutex_);
  all.reserve(logs_.size());
  for (const auto& [uid, log] : logs_) all.push_back(log.info);
  return all;
}

std::unique_ptr<AuditDirectory::Subscription> AuditArchive::OnChange(std::function<void()> changed) {
  return std::make_unique<Listener>(*this, std::move(changed));
}

AuditArchive::Log AuditArchive::LogOf(const v1::Sandbox& sandbox) const {
  return {.info = {.sandbox_id = sandbox.id(),
                   .sandbox_uid = sandbox.uid(),
                   .directory = LogDirectory(sandbox.uid()),
                   .labels = sandbox.labels(),
                   .live = false},
          .max_age = NarrowAuditAge(max_age_, sandbox.network().audit()),
          .deleted = std::nullopt};
}

std::string AuditArchive::LogDirectory(const std::string& uid) const { return absl::StrCat(directory_, "/", uid); }

std::string AuditArchive::NotePath(const std::string& uid) const { return absl::StrCat(LogDirectory(uid), kNoteSuffix); }

std::optional<AuditArchive::Log> AuditArchive::ReadNote(const std::string& uid) const {
  const absl::StatusOr<std::string> json = ReadFile(NotePath(uid), kMaxNote);
  struct stat info;
  if (!json.ok() || stat(NotePath(uid).c_str(), &info) != 0) return std::nullopt;
  v1::Sandbox note;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // a later server may have written it
  if (!google::protobuf::util::JsonStringToMessage(*json, &note, options).ok() || note.uid() != uid) return std::nullopt;
  Log log = LogOf(note);
  log.deleted = absl::TimeFromTimespec(info.st_mtim);
  return log;
}

void AuditArchive::Load(const std::vector<v1::Sandbox>& live) {
  std::set<std::string> uids;
  std::set<std::string> live_uids;
  for (const v1::Sandbox& sandbox : live) {
    live_uids.insert(sandbox.uid());
    // Either may have been cut off, and the note be older than the labels.
    MakeDirectory(LogDirectory(sandbox.uid())).IgnoreError();
    WriteFile(NotePath(sandbox.uid()), ToNote(sandbox), 0600).IgnoreError();
    const MutexLock lock(mutex_);
    Log& log = logs_[sandbox.uid()];
    log = LogOf(sandbox);
    log.info.live = true;
  }
  for (const std::string& name : ListNames(directory_)) {
    uids.insert(std::string(absl::StripSuffix(name, kNoteSuffix)));
  }
  for (const std::string& uid : uids) {
    if (live_uids.contains(uid)) continue;
    std::optional<Log> log = ReadNote(uid);
    if (!log) {
      RemoveFiles(uid);
      continue;
    }
    const MutexLock lock(mutex_);
    logs_[uid] = *std::move(log);
  }
}

void AuditArchive::Prune() {
  const std::vector<std::string> overdue = TakeOverdue();
  if (overdue.empty()) return;
  TellListeners();
  for (const std::string& uid : overdue) RemoveFiles(uid);
}

std::vector<std::string> AuditArchive::TakeOverdue() {
  const absl::Time now = clock_.Now();
  std::vector<std::pair<absl::Time, std::string>> kept;
  std::vector<std::string> overdue;
  const MutexLock lock(mutex_);
  for (const auto& [uid, log] : logs_) {
    if (!log.deleted) continue;
    if (*log.deleted < now - log.max_age) {
      overdue.push_back(uid);
    } else {
      kept.emplace_back(*log.deleted, uid);
    }
  }
  std::sort(kept.begin(), kept.end());
  const size_t excess = kept.size() - std::min(kept.size(), kMaxDeleted);
  for (size_t i = 0; i < excess; ++i) overdue.push_back(kept[i].second);
  for (const std::string& uid : overdue) logs_.erase(uid);
  return overdue;
}

void AuditArchive::TellListeners() {
  const MutexLock lock(listeners_mutex_);
  for (const Listener* listener : listeners_) listener->Tell();
}

void AuditArchive::RemoveFiles(const std::string& uid) const {
  // The note goes last: what is left half removed is found again. Files that
  // cannot be removed are tried again by the next server.
  if (RemoveTree(LogDirectory(uid)).ok()) RemoveTree(NotePath(uid)).IgnoreError();
}

}  // namespace sluice
