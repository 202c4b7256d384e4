#include "clients/cli/cli.h"

#include <utility>

namespace sluice::cli {
namespace {

// CLI11 does not see what follows "--", so its usage line is given it here.
class CommandFormatter : public CLI::Formatter {
 public:
  explicit CommandFormatter(const CLI::Formatter& base) : CLI::Formatter(base) {}

  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = CLI::Formatter::make_usage(app, std::move(name));
    usage.erase(usage.find_last_not_of('\n') + 1);
    return usage + " [-- COMMAND...]\n";
  }
};

}  // namespace

void TakeCommand(CLI::App* subcommand, Cli& cli) {
  const auto& inherited = dynamic_cast<const CLI::Formatter&>(*subcommand->get_formatter());
  subcommand->formatter(std::make_shared<CommandFormatter>(inherited));
  subcommand->preparse_callback([&cli](size_t) { cli.takes_command = true; });
}

CLI::Option* AddRepeated(CLI::App* app, const std::string& name, std::vector<std::string>& values,
                         const std::string& description) {
  // CLI11 would take "[::1]:53" apart as a list of its own.
  return app->add_option(name, values, description)->allow_extra_args(false);
}

}  // namespace sluice::cli
