#include "clients/cli/cli.h"

namespace sluice::cli {
namespace {

// CLI11 does not see what follows "--", so its usage line is given it here.
class CommandFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = CLI::Formatter::make_usage(app, name);
    usage.erase(usage.find_last_not_of('\n') + 1);
    return usage + " -- COMMAND...\n";
  }
};

}  // namespace

void TakeCommand(CLI::App* subcommand, Cli& cli) {
  auto formatter = std::make_shared<CommandFormatter>();
  formatter->column_width(subcommand->get_formatter()->get_column_width());
  subcommand->formatter(formatter);
  subcommand->preparse_callback([&cli](size_t) { cli.takes_command = true; });
}

CLI::Option* AddRepeated(CLI::App* app, const std::string& name, std::vector<std::string>& values,
                         const std::string& description) {
  // CLI11 would take "[::1]:53" apart as a list of its own.
  return app->add_option(name, values, description)->allow_extra_args(false);
}

}  // namespace sluice::cli
