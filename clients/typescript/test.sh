#!/bin/bash
# clients/typescript/test.sh tests | example [ARG]...: builds the package in a
# folder of its own (once in a TEST_TMPDIR), as `npm pack` does, and runs its
# tests or its example. Needs SLUICE_NODE_MODULES, where `npm ci` has put what it
# depends on, and SLUICE_SERVER for the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build() {
  [[ -d ${SLUICE_NODE_MODULES-} ]] || { echo "SLUICE_NODE_MODULES: tests/run.sh sets it" >&2; return 1; }
  mkdir -p "$1"
  cp -rL --parents clients/testdata clients/typescript/{src,test,example,package.json,tsconfig.json} \
    protos/sluice/v1 "$1"
  cd "$1/clients/typescript"
  ln -sfn "$SLUICE_NODE_MODULES" node_modules
  npm_config_update_notifier=false npm pack --silent >/dev/null  # builds first
}

if [[ -z ${TEST_TMPDIR-} ]]; then
  TEST_TMPDIR=$(mktemp -d)
  trap 'rm -rf "$TEST_TMPDIR"' EXIT
fi
readonly TREE=$TEST_TMPDIR/tree
[[ -e $TREE/clients/typescript/sluice-client-0.1.0.tgz ]] || (build "$TREE")
cd "$TREE/clients/typescript"
case $1 in
  tests) node --test dist/test/*.test.js ;;
  example) node dist/example/quickstart.js "${@:2}" ;;
esac
