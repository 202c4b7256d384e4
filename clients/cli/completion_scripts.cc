#include "clients/cli/completion.h"

namespace sluice::cli {
namespace {

// Words are taken from the line itself: to bash, ':' and '=' end one, so what was
// typed before the last of them is not replaced.
constexpr char kBash[] = R"(# bash completion of sluice: source <(sluice completion bash)
_sluice() {
  local line=${COMP_LINE:0:COMP_POINT} words word typed candidate
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=${words[-1]}
  typed=${word%"${word##*[:=]}"}
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    COMPREPLY+=("${candidate#"$typed"}")
  done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
  [[ ${COMPREPLY[0]-} == */ ]] && compopt -o nospace
}
complete -o default -F _sluice sluice
)";

constexpr char kZsh[] = R"(#compdef sluice
# zsh completion of sluice: source <(sluice completion zsh)
_sluice() {
  local -a candidates
  local line
  for line in "${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] && candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  if (( ${#candidates} )); then
    _describe sluice candidates
  else
    _files
  fi
}
compdef _sluice sluice
)";

constexpr char kFish[] = R"(# fish completion of sluice: sluice completion fish | source
function __sluice_complete
  set -l words (commandline -opc)
  $words[1] __complete -- $words[2..] (commandline -ct | string collect --allow-empty) 2>/dev/null
end
complete -c sluice -a '(__sluice_complete)'
)";

}  // namespace

absl::string_view CompletionScript(absl::string_view shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return "";
}

}  // namespace sluice::cli
