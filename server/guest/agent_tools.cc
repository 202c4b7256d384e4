#include "server/guest/agent_tools.h"

#include <initializer_list>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "netsvc/base/field_error.h"
#include "server/guest/agent_script.h"
#include "server/guest/guest_files.h"

namespace sluice {
namespace {

// Directory, name, uid, gid, and anything where a terminal is asked for; each but the
// last may be empty. Prints what is not there, who the user is, and what does it. What
// gives a user is tried: busybox has a setpriv that does not. Programs go by their
// paths, for a shell of busybox's takes its own before those of the same name.
constexpr char kFind[] = R"sh([ -z "$1" ] || [ -d "$1" ] || { echo directory; exit; }
name=$2 uid=$3 gid=$4 groups= home= user=agent terminal=none
if [ -n "$name" ]; then
  uid=$(id -u "$name" 2>/dev/null) && gid=$(id -g "$name") || { echo user; exit; }
  groups=$(id -G "$name" | tr ' ' ,)
fi
find() {
  (IFS=:; for dir in $PATH /usr/sbin /usr/bin /sbin /bin; do
    [ ! -x "$dir/$1" ] || { echo "$dir/$1"; break; }
  done)
}
gives() { [ "$("$@" /bin/sh -c 'echo "$(id -u):$(id -g)"' 2>/dev/null </dev/null)" = "$uid:$gid" ]; }
if [ -n "$uid" ]; then
  entry=$({ getent passwd "$uid" || cat /etc/passwd; } 2>/dev/null |
    while IFS=: read -r n p u g c h s; do [ "$u" != "$uid" ] || { echo "$n:$h"; break; }; done)
  name=${name:-${entry%%:*}} home=${entry#*:}
  setpriv=$(find setpriv) chroot=$(find chroot) su=$(find su)
  if gives env; then user=agent
  elif gives "$setpriv" --reuid "$uid" --regid "$gid" --clear-groups --; then user="setpriv $setpriv"
  elif gives "$chroot" --userspec="$uid:$gid" --groups= --skip-chdir /; then user="chroot $chroot"
  elif [ -n "$name" ] && gives "$su" -s /bin/sh -c 'exec "$0" "$@"' -- "$name"; then user="su $su"
  else echo as_user; exit
  fi
fi
if [ -n "$5" ]; then
  for tool in cat dd env sleep stty tty; do
    command -v "$tool" >/dev/null || { echo "tool $tool"; exit; }
  done
  script=$(find script) python=$(find python3)
  if "$script" --version 2>/dev/null </dev/null | grep -q util-linux; then terminal="script $script"
  elif [ -n "$python" ]; then terminal="python3 $python"
  else echo "tool script (util-linux) or python3"; exit
  fi
fi
printf '%s\n' nothing "$uid:$gid" "$name" "$groups" "${home:-/}" "$user" "$terminal")sh";

constexpr size_t kMaxWords = 200;  // bytes of the guest's own in an error

// A user that is asked for: by name, or by numbers.
struct AskedUser {
  std::string name;
  std::string uid;
  std::string gid;
};

absl::StatusOr<AskedUser> ParseUser(const std::string& text) {
  if (text.empty()) return AskedUser();
  if (absl::ascii_isdigit(text.front())) {
    const absl::StatusOr<GuestUser> user = GuestUser::Parse(text);
    if (!user.ok()) return user.status();
    return AskedUser{.name = "", .uid = absl::StrCat(user->uid), .gid = absl::StrCat(user->gid)};
  }
  // id(1) takes others for options and numbers.
  const bool is_name = absl::ascii_isalpha(text.front()) || text.front() == '_';
  if (!is_name || text.find_first_of(std::string(":\n\0", 3)) != text.npos) {
    return FieldError("user", "must be a name, \"uid\" or \"uid:gid\"");
  }
  return AskedUser{.name = text, .uid = "", .gid = ""};
}

absl::Status Missing(const std::string& what) {
  if (what == "directory") return FieldError("working_directory", "is not a directory of the guest");
  if (what == "user") return FieldError("user", "is not a user of the guest");
  if (what == "as_user") {
    return absl::FailedPreconditionError(
        "a user takes setpriv (util-linux), chroot (coreutils) or su in the guest, of which none gives it");
  }
  if (absl::string_view tool = what; absl::ConsumePrefix(&tool, "tool ")) {
    return absl::FailedPreconditionError(
        absl::StrCat("a terminal takes ", FileNameToUtf8(std::string(tool.substr(0, kMaxWords))), " in the guest, which it does not have"));
  }
  return absl::FailedPreconditionError("what the guest's shell says of its programs is not understood");
}

// Of "KIND PATH": the kind among `kinds`, and its program.
template <typename Kind>
void ParseTool(const std::string& line, std::initializer_list<std::pair<const char*, Kind>> kinds, Kind& kind,
               std::string& program) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits(' ', 1));
  for (const auto& [word, named] : kinds) {
    if (parts.first != word) continue;
    kind = named;
    program = parts.second;
  }
}

absl::StatusOr<AgentTools> ParseTools(const std::string& told, bool has_user) {
  const std::vector<std::string> lines = absl::StrSplit(absl::StripSuffix(told, "\n"), '\n');
  if (lines.size() != 7) return Missing(lines.front());
  AgentTools tools;
  ParseTool(lines[6], {{"script", AgentTools::Terminal::kScript}, {"python3", AgentTools::Terminal::kPython}},
            tools.terminal, tools.terminal_program);
  if (!has_user) return tools;
  const absl::StatusOr<GuestUser> id = GuestUser::Parse(lines[1]);
  if (!id.ok()) return Missing(lines[1]);
  tools.id = *id;
  tools.name = lines[2];
  tools.groups = lines[3];
  tools.home = lines[4];
  ParseTool(lines[5],
            {{"setpriv", AgentTools::User::kSetpriv}, {"chroot", AgentTools::User::kChroot}, {"su", AgentTools::User::kSu}},
            tools.user, tools.user_program);
  return tools;
}

}  // namespace

absl::StatusOr<AgentTools> FindTools(GuestAgent& agent, const ExecOptions& options, absl::Duration timeout) {
  const absl::StatusOr<AskedUser> user = ParseUser(options.user);
  if (!user.ok()) return user.status();
  if (options.working_directory.empty() && options.user.empty() && !options.terminal) return AgentTools();
  const AgentScript find = {
      .text = kFind,
      .args = {options.working_directory, user->name, user->uid, user->gid, options.terminal ? "terminal" : ""},
      .path = "the program's user and terminal"};
  const absl::StatusOr<std::string> told = RunScript(agent, find, timeout);
  if (!told.ok()) return told.status();
  return ParseTools(*told, !options.user.empty());
}

}  // namespace sluice
