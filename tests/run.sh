#!/bin/bash
# tests/run.sh [BAZEL ARGUMENT | TARGET]...: sets the machine up and runs every
# test (or the TARGETs alone). Needs root: the lab makes network namespaces.
# Its last line is "N passed, N failed", counted in test targets; it exits with
# 0 where every target passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A user's home may be unset or read-only in CI; Bazel and npm want one.
find_home() {
  local home=${HOME:-$(getent passwd "$EUID" | cut -d: -f6)}
  if [[ -z $home || ! -w $home ]]; then
    home=/var/tmp/sluice-home-$EUID
    mkdir -p "$home"
  fi
  export HOME=$home
}

# install_npm_packages DIR: what its lock file pins, where that is not there yet.
install_npm_packages() {
  local -r installed=$1/node_modules/.package-lock.json
  [[ ! $installed -ot $1/package-lock.json && -e $installed ]] && return
  npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error
}

has_target() {
  local arg
  for arg in "$@"; do
    [[ $arg == //* || $arg == :* ]] && return 0
  done
  return 1
}

main() {
  local code=0
  find_home
  deploy/setup.sh
  install_npm_packages tests               # buf, which speaks gRPC by reflection
  install_npm_packages clients/typescript
  readonly EVENTS=$(mktemp)
  trap 'rm -f "$EVENTS"' EXIT
  # One more than there are cores, for the test that runs waits more than it works.
  # What limits is the resource, not --jobs: a test that waits for its turn has a job,
  # and were there few, nothing would be compiled meanwhile.
  local -r options=(--jobs=64 --local_cpu_resources="$(($(nproc) + 1))" --noshow_progress
    --test_env="SLUICE_BUF=$PWD/tests/node_modules/.bin/buf"
    --test_env="SLUICE_NODE_MODULES=$PWD/clients/typescript/node_modules")
  if ! has_target "$@"; then
    # What the longest tests run comes first: they then wait while the others are
    # compiled. Where it does not build, the tests tell.
    bazel build "${options[@]}" "$@" //server:sluiced //clients/cli:sluice || true
    set -- "$@" //...
  fi
  # One test at a time: those in the lab measure and race with the clock. What passes
  # only when tried again is told as FLAKY.
  bazel test "${options[@]}" --local_test_jobs=1 --keep_going \
    --flaky_test_attempts=//tests/e2e:.*@2 \
    --test_summary=short --test_output=errors --build_event_json_file="$EVENTS" "$@" || code=$?
  /usr/bin/python3 tests/summary.py "$EVENTS" || ((code)) || code=1
  return "$code"
}

main "$@" </dev/null
