#ifndef SLUICE_TESTS_E2E_TMUX_H_
#define SLUICE_TESTS_E2E_TMUX_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sluice::e2e {

// A terminal with a shell in it, as a person has: keys go in, a screen comes out.
// A tmux server of its own. What cannot be done fails the test.
class Tmux {
 public:
  static constexpr absl::Duration kTimeout = absl::Seconds(20);

  // `shell`: a command line.
  Tmux(const std::string& shell, int columns, int rows);
  ~Tmux();
  Tmux(const Tmux&) = delete;
  Tmux& operator=(const Tmux&) = delete;

  // As tmux names keys: "C-c", "Enter", "Tab".
  void Press(const std::string& key);
  void Type(const std::string& text);
  void TypeLine(const std::string& text);
  void Resize(int columns, int rows);
  // Takes the window away; nothing else is left to be done.
  void Close();

  // Without blanks at the ends of lines.
  std::string Screen();
  // Waits until it shows `text`; fails where it does not, and shows it.
  void Await(absl::string_view text);
  // Until its last line that is not empty is `line`.
  void AwaitLastLine(absl::string_view line);

 private:
  std::string Run(const std::vector<std::string>& args);

  std::string directory_;
  bool closed_ = false;
};

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_TMUX_H_
