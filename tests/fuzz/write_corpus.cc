// NAME_corpus DIRECTORY: writes the inputs that a fuzzer starts from into an
// existing directory, one a file.

#include <cstdio>
#include <string>

#include "netsvc/base/io.h"
#include "tests/fuzz/seeds.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  int number = 0;
  for (const sluice::fuzz::Bytes& seed : sluice::fuzz::Seeds()) {
    const std::string path = std::string(argv[1]) + "/seed-" + std::to_string(number++);
    const absl::Status status = sluice::WriteFile(path, {reinterpret_cast<const char*>(seed.data()), seed.size()});
    if (!status.ok()) {
      fprintf(stderr, "%s\n", status.ToString().c_str());
      return 1;
    }
  }
  return 0;
}
