#include "server/core/floor_policy.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "netsvc/base/field_error.h"
#include "netsvc/policy/floor.h"
#include "protos/text/yaml_message.h"
#include "server/core/operator_file.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

using policy::RuleProtos;

constexpr char kFlag[] = "--floor_policy";

absl::Status CheckFloor(const v1::NetworkPolicy& floor) {
  const char* const not_its = "is each sandbox's own: a floor has rules alone";
  if (floor.preset() != v1::PRESET_UNSPECIFIED) return FieldError("preset", not_its);
  if (floor.deny_response() != v1::DENY_RESPONSE_UNSPECIFIED) return FieldError("deny_response", not_its);
  return policy::ParseFloor(floor.rules()).status();
}

// The line and the field that `mistake` is about, and what it is.
absl::Status Locate(const std::string& text, const absl::Status& mistake) {
  const std::optional<std::string> field = FieldOf(mistake);
  if (!field) return mistake;
  const std::optional<int> line = LineOf(text, *field);
  return absl::InvalidArgumentError(
      absl::StrCat(line ? absl::StrCat("line ", *line, ": ") : "", *field, ": ", mistake.message()));
}

absl::StatusOr<std::shared_ptr<const RuleProtos>> Read(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadOperatorFile(kFlag, path);
  if (!text.ok()) return text.status();
  v1::NetworkPolicy floor;
  absl::Status status = ParseYaml(*text, floor);
  if (status.ok()) status = Locate(*text, CheckFloor(floor));
  if (!status.ok()) return InOperatorFile(kFlag, path, status);
  return std::make_shared<const RuleProtos>(std::move(*floor.mutable_rules()));
}

bool Same(const RuleProtos& a, const RuleProtos& b) {
  return std::ranges::equal(a, b, google::protobuf::util::MessageDifferencer::Equals);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FloorPolicy>> FloorPolicy::Load(const std::string& path) {
  auto floor = std::make_unique<FloorPolicy>();
  if (path.empty()) return floor;
  floor->path_ = path;
  // Ahead of reading: a change in between is read twice, not never.
  absl::StatusOr<std::unique_ptr<FileWatcher>> watcher = FileWatcher::Create({path});
  if (!watcher.ok()) return InOperatorFile(kFlag, path, watcher.status());
  floor->watcher_ = *std::move(watcher);
  absl::StatusOr<std::shared_ptr<const RuleProtos>> rules = Read(path);
  if (!rules.ok()) return rules.status();
  const MutexLock lock(floor->mutex_);
  floor->rules_ = *std::move(rules);
  return floor;
}

void FloorPolicy::Follow(std::function<void()> on_change) {
  if (watcher_ == nullptr) return;
  {
    const MutexLock lock(reload_mutex_);
    on_change_ = std::move(on_change);
  }
  watcher_->Start([this](size_t) { Reload(); });
}

void FloorPolicy::StopFollowing() {
  watcher_.reset();
  const MutexLock lock(reload_mutex_);
  on_change_ = nullptr;
}

void FloorPolicy::Reload() {
  if (path_.empty()) return;
  const MutexLock reload_lock(reload_mutex_);
  absl::StatusOr<std::shared_ptr<const RuleProtos>> rules = Read(path_);
  {
    const MutexLock lock(mutex_);
    stale_ = !rules.ok();
    if (stale_) ++failed_reloads_;
    if (rules.ok() && Same(**rules, *rules_)) return;
    if (rules.ok()) rules_ = *rules;
  }
  if (!rules.ok()) {
    spdlog::error("the floor stays as it was: {}", std::string(rules.status().message()));
    return;
  }
  spdlog::info("the floor has {} rules now", (*rules)->size());
  if (on_change_) on_change_();
}

std::shared_ptr<const RuleProtos> FloorPolicy::Get() const {
  const MutexLock lock(mutex_);
  return rules_;
}

FloorPolicy::State FloorPolicy::state() const {
  const MutexLock lock(mutex_);
  return {static_cast<size_t>(rules_->size()), failed_reloads_, stale_};
}

}  // namespace sluice
