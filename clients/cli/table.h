#ifndef SLUICE_CLIENTS_CLI_TABLE_H_
#define SLUICE_CLIENTS_CLI_TABLE_H_

#include <string>
#include <vector>

namespace sluice::cli {

// Rows for a person to read: columns as wide as their widest cell, two spaces
// between, nothing after the last. Cells are made Printable.
class Table {
 public:
  // A table without a header is a list of properties.
  Table() = default;
  explicit Table(std::vector<std::string> header) { AddRow(std::move(header)); }

  // Rows may differ in length.
  void AddRow(std::vector<std::string> cells);
  std::string Render() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<size_t> widths_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_TABLE_H_
