#!/bin/bash
# clients/typescript/test.sh tests | example [ARG]...: builds the package in a
# folder of its own, as `npm pack` does, and runs its tests or its example.
# Needs SLUICE_NODE_MODULES, where `npm ci` has put what it depends on, and, for
# the tests, SLUICE_SERVER.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[[ -d ${SLUICE_NODE_MODULES-} ]] || { echo "SLUICE_NODE_MODULES: tests/run.sh sets it" >&2; exit 1; }

readonly TREE=$(mktemp -d)
trap 'rm -rf "$TREE"' EXIT
cp -rL --parents clients/testdata clients/typescript/{src,test,example,package.json,tsconfig.json} \
  protos/sluice/v1 "$TREE"
cd "$TREE/clients/typescript"
ln -sfn "$SLUICE_NODE_MODULES" node_modules
export npm_config_update_notifier=false npm_config_loglevel=error

npm pack --silent >/dev/null  # builds first
case $1 in
  tests) node --test dist/test/*.test.js ;;
  example) node dist/example/quickstart.js "${@:2}" ;;
esac
