# Shared by up, down and shell: what a lab named NAME is made of, and how it is
# found again. Sourced, not run; bash, with set -euo pipefail.

# Where there is no login shell (Bazel's tests), PATH lacks these.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

readonly LAB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly LAB_ROOT=/run/sluice-lab
readonly LAB_NAMESPACES=(host inet lan)
# A machine that runs many tests at once is slow: generous, yet never reached by
# a daemon that works.
readonly LAB_START_SECONDS=60
readonly LAB_STOP_SECONDS=5

lab_die() {
  echo "lab: $*" >&2
  exit 1
}

# Sets LAB (the name) and RUN (its run directory).
lab_use() {
  LAB=$1
  [[ $LAB =~ ^[a-z0-9][a-z0-9-]{0,39}$ ]] ||
    lab_die "'$LAB' is no lab name: a-z, 0-9 and '-', 40 at most"
  RUN=$LAB_ROOT/$LAB
}

lab_netns() { echo "sluice-lab-$LAB-$1"; }

# lab_in host|inet|lan CMD...: runs CMD in that network namespace. Mounts stay
# the caller's, unlike with `ip netns exec`, which hides /sys/fs/cgroup.
lab_in() {
  nsenter --net="/run/netns/$(lab_netns "$1")" -- "${@:2}"
}

lab_netns_exists() { [[ -e /run/netns/$(lab_netns "$1") ]]; }

# Everyone in the lab's namespaces, whoever started them.
lab_pids() {
  local ns
  for ns in "${LAB_NAMESPACES[@]}"; do
    lab_netns_exists "$ns" || continue
    ip netns pids "$(lab_netns "$ns")" 2>/dev/null || true
  done
}

# Daemons by their recorded pid, in case a namespace lost its name. The run
# directory in the command line tells them from strangers with the same pid.
lab_recorded_pids() {
  local file pid
  for file in "$RUN"/pid/*; do
    { read -r pid <"$file"; } 2>/dev/null || continue
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$RUN/" || continue
    echo "$pid"
  done
}

# lab_wait SECONDS CMD...: polls CMD until it succeeds; 1 once time is over.
lab_wait() {
  local -r deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.02
  done
}

lab_nobody_left() { [[ -z $(lab_pids)$(lab_recorded_pids) ]]; }

lab_signal() {
  local pids
  mapfile -t pids < <({ lab_pids; lab_recorded_pids; } | sort -un)
  ((${#pids[@]} == 0)) || kill "-$1" "${pids[@]}" 2>/dev/null || true
}

# Takes away whatever exists of the lab; fine where nothing does.
lab_remove() {
  local ns
  lab_signal TERM
  lab_wait "$LAB_STOP_SECONDS" lab_nobody_left || lab_signal KILL
  lab_wait "$LAB_STOP_SECONDS" lab_nobody_left ||
    lab_die "$LAB: processes that do not end: $(lab_pids | tr '\n' ' ')"
  for ns in "${LAB_NAMESPACES[@]}"; do
    lab_netns_exists "$ns" || continue
    ip netns del "$(lab_netns "$ns")" || true
  done
  rm -rf "$RUN"
  rmdir --ignore-fail-on-non-empty "$LAB_ROOT" 2>/dev/null || true
}

# "PID START": START tells a process from a later one with the same pid.
lab_process_identity() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  # Fields after the command's name, which may hold anything, start at the 3rd.
  read -r -a stat <<<"${stat##*)}"
  echo "$1 ${stat[19]}"
}

# A lab whose owner is gone was left behind by a crash.
lab_is_orphan() {
  local owner
  owner=$(cat "$RUN/owner" 2>/dev/null) || return 1
  [[ $owner != "$(lab_process_identity "${owner%% *}")" ]]
}
