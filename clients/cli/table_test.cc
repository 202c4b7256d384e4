#include "clients/cli/table.h"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

TEST(Table, AlignsColumnsAndEndsLinesAtTheLastCell) {
  Table table({"ID", "STATE", "PORTS"});
  table.AddRow({"web", "running", "127.0.0.1:8080->80/tcp"});
  table.AddRow({"a-long-name", "failed", ""});
  EXPECT_EQ(table.Render(),
            "ID           STATE    PORTS\n"
            "web          running  127.0.0.1:8080->80/tcp\n"
            "a-long-name  failed\n");
}

TEST(Table, DisarmsCells) {
  Table table;
  table.AddRow({"Reason", "\x1b[31m"});
  EXPECT_EQ(table.Render(), "Reason  \\x1b[31m\n");
}

TEST(Table, IsEmptyWithoutRows) { EXPECT_EQ(Table().Render(), ""); }

}  // namespace
}  // namespace sluice::cli
