#include "clients/cli/copy_report.h"

#include "absl/strings/str_cat.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output.h"
#include "clients/cli/text.h"

namespace sluice::cli {

void CopyReport::BeginFile(absl::string_view path, uint64_t size) {
  path_ = std::string(path);
  size_ = size;
  done_ = 0;
  progress_.emplace(path);
}

void CopyReport::Add(uint64_t bytes) {
  done_ += bytes;
  if (!progress_) return;
  const std::string done = BytesText(done_);
  // A file may grow while it is copied.
  progress_->Update(size_ > 0 && done_ <= size_ ? absl::StrCat(done, " of ", BytesText(size_)) : done);
}

void CopyReport::EndFile(const CopyStatus& status) {
  progress_.reset();
  if (!status.ok()) return Fail(path_, status);
  ++files_;
  bytes_ += done_;
}

void CopyReport::Fail(absl::string_view path, const CopyStatus& status) {
  if (signals_.caught() != 0) return;  // which is why
  const std::string doing = absl::StrCat("cannot copy ", Printable(path));
  if (!status.local.ok()) {
    PrintNotice(absl::StrCat(doing, ": ", Printable(status.local.message())));
    if (failure_ == kOk) failure_ = kRefused;
  } else {
    const int code = client_.Fail(doing, status.remote);
    if (failure_ != kUnreachable) failure_ = code;
  }
}

void CopyReport::Skip(absl::string_view path, absl::string_view why) {
  ++skipped_;
  PrintNotice(absl::StrCat("left out ", Printable(path), ": ", why));
}

bool CopyReport::stopped() const { return signals_.caught() != 0 || failure_ == kUnreachable; }

int CopyReport::exit_code() const { return signals_.caught() != 0 ? kSignalBase + signals_.caught() : failure_; }

}  // namespace sluice::cli
