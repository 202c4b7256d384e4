#!/bin/bash
# deploy/quickstart.sh: sets up, builds, and shows in a minute what Sluice does,
# inside a small internet of its own (tests/lab): it needs no other. Needs root.
#
# deploy/quickstart.sh -- CMD...: runs CMD in a sandbox on this machine's real
# network instead, with the default policy, and exits as it does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly LAB=quickstart-$$
readonly STATE=$(mktemp -d /tmp/sluice-quickstart.XXXXXX)
export SLUICE_SERVER=unix:$STATE/sluice.sock
readonly SLUICE=$PWD/bazel-bin/clients/cli/sluice
server_pid=
# Whether the server's log says why, should this end badly.
log_helps=yes

if [[ -t 1 && -z ${NO_COLOR-} ]]; then
  readonly BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
  readonly BOLD= GREEN= RED= DIM= PLAIN=
fi

say() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }

die() {
  printf 'quickstart: %s\n' "$*" >&2
  exit 1
}

clean_up() {
  local code=$?
  if [[ -n $server_pid ]]; then
    kill -TERM "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  [[ -d /run/sluice-lab/$LAB ]] && tests/lab/down "$LAB"
  if ((code)) && [[ $log_helps == yes && -s $STATE/sluiced.log ]]; then
    printf '\nquickstart: the end of the server'\''s log:\n' >&2
    tail -n 20 "$STATE/sluiced.log" >&2
  fi
  rm -rf "$STATE"
  exit "$code"
}

build() {
  export HOME=${HOME:-/root}
  deploy/setup.sh
  printf 'building (minutes the first time) ...\n'
  bazel build --noshow_progress --ui_event_filters=-info \
    //server:sluiced //netsvc/worker:sluice-netsvc //server/guest:sluice-init //clients/cli:sluice
}

# start_server RESOLV_CONF [PREFIX...]: sluiced, run by PREFIX; waits until it serves.
start_server() {
  local resolv_conf=$1 line
  shift
  mkfifo "$STATE/serves"
  "$@" bazel-bin/server/sluiced --state_dir="$STATE/state" --listen="$SLUICE_SERVER" --allow_host_root \
    --stop_sandboxes_on_exit --resolv_conf="$resolv_conf" >"$STATE/serves" 2>"$STATE/sluiced.log" &
  server_pid=$!
  read -r line <"$STATE/serves" || die "sluiced did not start"
  printf '%s%s%s\n' "$DIM" "$line" "$PLAIN"
}

# in_guest WHAT WANT CMD...: runs CMD in the sandbox; WANT is yes or no.
in_guest() {
  local what=$1 want=$2 out code=0
  shift 2
  out=$("$SLUICE" exec demo -- "$@" 2>&1 </dev/null) || code=$?
  out=$(tail -n 1 <<<"$out")
  if [[ $want == yes ]] && ((code == 0)); then
    printf '  %s✓ reached%s  %-34s %s%s%s\n' "$GREEN" "$PLAIN" "$what" "$DIM" "$out" "$PLAIN"
  elif [[ $want == no ]] && ((code != 0)); then
    printf '  %s✗ refused%s  %-34s %s%s%s\n' "$RED" "$PLAIN" "$what" "$DIM" "$out" "$PLAIN"
  else
    die "$what: expected $want, got exit code $code: $out"
  fi
}

readonly FETCH=(curl --silent --show-error --max-time 10)

show() {
  local server port
  say "A sandbox with the default policy: the public Internet, and nothing else"
  "$SLUICE" create --name demo
  in_guest "http://web.example.com/hello" yes "${FETCH[@]}" http://web.example.com/hello
  in_guest "10.1.2.3, a private address" no "${FETCH[@]}" http://10.1.2.3/
  in_guest "169.254.169.254, cloud metadata" no "${FETCH[@]}" http://169.254.169.254/
  in_guest "rebind.test, which says 10.1.2.3" no "${FETCH[@]}" http://rebind.test/

  say "One rule more, while it runs"
  "$SLUICE" policy set demo --policy public_only --allow 10.1.2.3:80 >/dev/null
  in_guest "10.1.2.3, now allowed" yes "${FETCH[@]}" http://10.1.2.3/

  say "A port of the host that leads into it"
  "$SLUICE" exec demo -w /tmp -- /usr/bin/python3 -c "$GUEST_SERVER" >/dev/null 2>&1 </dev/null &
  server=$!
  port=$("$SLUICE" publish demo 0:8000)
  printf '  published %s\n' "$port"
  port=${port%%->*}
  printf '  %s✓ reached%s  from the host: %s\n' "$GREEN" "$PLAIN" \
    "$(tests/lab/shell "$LAB" -- "${FETCH[@]}" --retry 50 --retry-all-errors --retry-delay 0 \
       --retry-max-time 20 "http://$port/" 2>/dev/null)"

  say "What it did, and why it was allowed or not"
  "$SLUICE" audit demo

  "$SLUICE" delete demo >/dev/null
  wait "$server" 2>/dev/null || true
  say "All gone again. Yours: deploy/quickstart.sh -- curl -sI https://example.com"
}

readonly GUEST_SERVER='
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from inside the sandbox\n")
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
'

main() {
  [[ $EUID -eq 0 ]] || die "must run as root"
  trap clean_up EXIT
  build
  if [[ ${1-} == -- && $# -gt 1 ]]; then
    shift
    start_server /etc/resolv.conf
    log_helps=no  # the command's code is its own
    "$SLUICE" run -- "$@"
    return
  fi
  [[ $# -eq 0 ]] || die "usage: deploy/quickstart.sh [-- CMD...]"
  tests/lab/up "$LAB" >/dev/null
  start_server "/run/sluice-lab/$LAB/resolv.conf" tests/lab/shell "$LAB" --
  show
}

main "$@"
