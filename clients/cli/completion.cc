#include "clients/cli/completion.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "protos/text/enum_words.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::cli {
namespace {

constexpr char kHidden[] = "";  // the group of what help does not show

bool IsOption(absl::string_view word) { return word.size() > 1 && word.front() == '-'; }

// "--name" or "-n", for people.
std::string NameOf(const CLI::Option& option) {
  if (!option.get_lnames().empty()) return absl::StrCat("--", option.get_lnames().front());
  return absl::StrCat("-", option.get_snames().front());
}

bool IsCalled(const CLI::Option& option, absl::string_view word) {
  for (const std::string& name : option.get_lnames()) {
    if (word == absl::StrCat("--", name)) return true;
  }
  for (const std::string& name : option.get_snames()) {
    if (word == absl::StrCat("-", name)) return true;
  }
  return false;
}

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// Of a command and those above it, whose options it takes too.
std::vector<const CLI::Option*> OptionsOf(const CLI::App* app) {
  std::vector<const CLI::Option*> options;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      const bool help_of_above = !options.empty() && IsCalled(*option, "--help") && app->get_parent() == nullptr;
      if (option->nonpositional() && option->get_group() != kHidden && !help_of_above) options.push_back(option);
    }
  }
  return options;
}

const CLI::Option* FindOption(const CLI::App* app, absl::string_view word) {
  for (const CLI::Option* option : OptionsOf(app)) {
    if (IsCalled(*option, word)) return option;
  }
  return nullptr;
}

// The words that an option takes, where it takes certain ones alone.
std::vector<Candidate> ValuesOf(const CLI::Option& option) {
  std::vector<Candidate> values;
  if (option.get_type_name() == "PRESET") {
    for (const absl::string_view word : absl::StrSplit(EnumWords<v1::Preset>(), absl::ByAnyChar(", "), absl::SkipEmpty())) {
      values.push_back({std::string(word), ""});
    }
  } else if (absl::StrContains(option.get_option_text(), '|')) {
    for (const absl::string_view word : absl::StrSplit(option.get_option_text(), '|')) {
      values.push_back({std::string(word), ""});
    }
  }
  return values;
}

std::vector<Candidate> SubcommandsOf(const CLI::App& app) {
  std::vector<Candidate> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_group() != kHidden) commands.push_back({command->get_name(), command->get_description()});
  }
  return commands;
}

// nullptr where there is none.
const CLI::App* FindCommand(const CLI::App& app, const std::string& name) {
  const auto found = app.get_subcommands([&name](const CLI::App* command) { return command->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

// The positional that a command takes at `index`; the last may take many.
const CLI::Option* PositionalAt(const CLI::App& app, size_t index) {
  const CLI::Option* last = nullptr;
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional()) continue;
    last = option;
    if (index-- == 0) return option;
  }
  return last != nullptr && last->get_items_expected_max() > 1 ? last : nullptr;
}

// How far the words before the last lead.
class Walk {
 public:
  explicit Walk(const CLI::App& app) : app_(&app) {}

  void Take(const std::string& word) {
    if (awaiting_ != nullptr) {
      if (IsCalled(*awaiting_, "--server")) server_ = word;
      awaiting_ = nullptr;
    } else if (word == "--") {
      guests_ = true;
    } else if (IsOption(word)) {
      const CLI::Option* option = FindOption(app_, word);
      if (option != nullptr && TakesValue(*option)) awaiting_ = option;
    } else if (const CLI::App* command = positionals_ == 0 ? FindCommand(*app_, word) : nullptr) {
      app_ = command;
    } else {
      ++positionals_;
    }
  }

  std::vector<Candidate> Next(const std::string& word, const SandboxLister& sandboxes) const {
    std::vector<Candidate> found;
    if (guests_) return found;
    if (awaiting_ != nullptr) return ValuesOf(*awaiting_);
    if (absl::StartsWith(word, "-")) {
      for (const CLI::Option* option : OptionsOf(app_)) found.push_back({NameOf(*option), option->get_description()});
      return found;
    }
    if (positionals_ == 0) found = SubcommandsOf(*app_);
    if (found.empty()) return Positional(sandboxes);
    return found;
  }

 private:
  std::vector<Candidate> Positional(const SandboxLister& sandboxes) const {
    const CLI::Option* positional = PositionalAt(*app_, positionals_);
    if (positional == nullptr) return {};
    const std::string name = positional->get_name(/*positional=*/true);
    std::vector<Candidate> values = ValuesOf(*positional);
    if (name == "SANDBOX") {
      for (const std::string& id : sandboxes(server_)) values.push_back({id, "sandbox"});
    } else if (name == "SOURCE" || name == "TARGET") {
      for (const std::string& id : sandboxes(server_)) values.push_back({absl::StrCat(id, ":/"), "sandbox"});
    }
    return values;
  }

  const CLI::App* app_;
  const CLI::Option* awaiting_ = nullptr;  // whose value comes next
  bool guests_ = false;                    // after "--"
  size_t positionals_ = 0;
  std::string server_;
};

}  // namespace

std::vector<Candidate> Complete(const CLI::App& app, const std::vector<std::string>& words,
                                const SandboxLister& sandboxes) {
  if (words.empty()) return {};
  Walk walk(app);
  for (size_t i = 0; i + 1 < words.size(); ++i) walk.Take(words[i]);
  std::vector<Candidate> candidates = walk.Next(words.back(), sandboxes);
  std::erase_if(candidates, [&](const Candidate& c) { return !absl::StartsWith(c.text, words.back()); });
  return candidates;
}

}  // namespace sluice::cli
