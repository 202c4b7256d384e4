#!/bin/bash
# Installs what bazel built: programs, units, a first configuration. Again over an
# older version to upgrade it: what stands in /etc/sluice is left alone.
#
#   bazel build //server:sluiced //netsvc/worker:sluice-netsvc //server/guest:sluice-init //clients/cli:sluice
#   deploy/install.sh [DESTDIR]     as root; DESTDIR: below it, for packages
set -euo pipefail

readonly DEST=${1-}
cd "$(dirname "$0")/.."

put() {
  local mode=$1 from=$2 to=$DEST$3
  install -D -m "$mode" "$from" "$to.new"
  mv -f "$to.new" "$to"  # a program that runs keeps its file
}

put 755 bazel-bin/server/sluiced /usr/local/sbin/sluiced
put 755 bazel-bin/clients/cli/sluice /usr/local/bin/sluice
put 755 bazel-bin/netsvc/worker/sluice-netsvc /usr/local/libexec/sluice/sluice-netsvc
put 755 bazel-bin/server/guest/sluice-init /usr/local/libexec/sluice/sluice-init
put 644 deploy/systemd/sluiced.service /usr/local/lib/systemd/system/sluiced.service
put 644 deploy/systemd/sluiced.socket /usr/local/lib/systemd/system/sluiced.socket
for page in docs/*.md; do put 644 "$page" "/usr/local/share/doc/sluice/${page##*/}"; done
[[ -e $DEST/etc/sluice/sluiced.toml ]] || put 600 deploy/systemd/sluiced.toml /etc/sluice/sluiced.toml
echo "installed below ${DEST:-/}; now: systemctl daemon-reload && systemctl enable sluiced && systemctl restart sluiced"
