#include "server/core/block_list_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

absl::StatusOr<std::shared_ptr<const CompiledBlockList>> Compile(const BlockListStore::Source& source) {
  absl::StatusOr<CompiledBlockList> list = CompileBlockList(source.path);
  if (!list.ok()) return list.status();
  spdlog::info("block list {}: {} names in {} KiB, {} lines of {} skipped", source.name, list->names,
               list->image_bytes >> 10, list->skipped_lines, source.path);
  return std::make_shared<const CompiledBlockList>(*std::move(list));
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlockListStore>> BlockListStore::Load(const std::vector<Source>& sources) {
  if (sources.size() > kMaxLists) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxLists, " block lists"));
  }
  auto store = std::make_unique<BlockListStore>();
  store->sources_ = sources;
  std::vector<std::string> paths;
  for (const Source& source : sources) paths.push_back(source.path);
  // Ahead of reading: a change in between is read twice, not never.
  absl::StatusOr<std::unique_ptr<FileWatcher>> watcher = FileWatcher::Create(std::move(paths));
  if (!watcher.ok()) return watcher.status();
  store->watcher_ = *std::move(watcher);
  const MutexLock lock(store->mutex_);
  for (const Source& source : sources) {
    auto list = Compile(source);
    if (!list.ok()) {
      return absl::Status(list.status().code(),
                          absl::StrCat("block list ", source.name, ": ", list.status().message()));
    }
    if (!store->lists_.emplace(source.name, *std::move(list)).second) {
      return absl::InvalidArgumentError(absl::StrCat("there are two block lists ", source.name));
    }
  }
  return store;
}

void BlockListStore::Follow(std::function<void(const std::string& name)> on_change) {
  if (watcher_ == nullptr) return;
  watcher_->Start([this, on_change = std::move(on_change)](size_t index) { Reload(sources_[index], on_change); });
}

void BlockListStore::Reload(const Source& source, const std::function<void(const std::string& name)>& on_change) {
  auto list = Compile(source);
  if (!list.ok()) {
    spdlog::error("block list {} stays as it was: {}", source.name, std::string(list.status().message()));
    return;
  }
  {
    const MutexLock lock(mutex_);
    lists_[source.name] = *std::move(list);
  }
  on_change(source.name);
}

absl::Status BlockListStore::Check(absl::string_view field,
                                   const google::protobuf::RepeatedPtrField<std::string>& names) const {
  for (int i = 0; i < names.size(); ++i) {
    if (Find(names[i]) == nullptr) {
      return FieldError(absl::StrCat(field, "[", i, "]"), "is no block list of this server");
    }
  }
  return absl::OkStatus();
}

std::shared_ptr<const CompiledBlockList> BlockListStore::Find(const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto found = lists_.find(name);
  return found == lists_.end() ? nullptr : found->second;
}

}  // namespace sluice
