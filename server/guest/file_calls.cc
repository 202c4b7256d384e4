#include "server/guest/file_calls.h"

#include "gtest/gtest.h"

namespace sluice {

absl::StatusOr<std::string> ReadWhole(const GuestFiles& files, const std::string& path, uint64_t offset,
                                      uint64_t length) {
  v1::ReadFileRequest request;
  request.set_path(path);
  request.set_offset(offset);
  request.set_length(length);
  const auto reader = files.Read(request);
  if (!reader.ok()) return reader.status();
  std::string data;
  while (true) {
    const absl::StatusOr<std::string> chunk = (*reader)->Next();
    if (!chunk.ok() || chunk->empty()) return chunk.ok() ? data : chunk;
    EXPECT_LE(chunk->size(), FileReader::kMaxChunk);
    data += *chunk;
  }
}

absl::StatusOr<std::unique_ptr<FileWriter>> OpenToWrite(const GuestFiles& files, const std::string& path,
                                                        uint32_t mode) {
  v1::WriteFileOpen request;
  request.set_path(path);
  request.set_mode(mode);
  return files.Write(request);
}

absl::Status WriteWhole(const GuestFiles& files, const std::string& path, const std::string& data, uint32_t mode) {
  const auto writer = OpenToWrite(files, path, mode);
  if (!writer.ok()) return writer.status();
  if (const absl::Status status = (*writer)->Write(data); !status.ok()) return status;
  return (*writer)->Commit().status();
}

absl::Status MakeOneDirectory(const GuestFiles& files, const std::string& path, bool parents, uint32_t mode) {
  v1::MakeDirectoryRequest request;
  request.set_path(path);
  request.set_parents(parents);
  request.set_mode(mode);
  return files.MakeDirectory(request);
}

}  // namespace sluice
