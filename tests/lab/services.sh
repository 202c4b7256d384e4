# The lab's daemons, and how each is seen to answer. Sourced by up.

readonly TLS_NAMES=(web.example.com other.example.com www.example.com
  example.com v4only.example.com v6only.example.com cdn-a.test cdn-b.test
  cname.test blocked.test hints.test 93.184.216.34 93.184.216.35
  2606:2800:220:1::1 2606:2800:220:1::35)
readonly LAB_CURVE=prime256v1
readonly LAB_BIG_BYTES=$((10 * 1024 * 1024))

# A certificate authority for this lab alone, and its web servers' certificate.
lab_make_certificates() {
  local name alternatives=""
  for name in "${TLS_NAMES[@]}"; do
    case $name in
      *[g-z]*) alternatives+=",DNS:$name" ;;
      *) alternatives+=",IP:$name" ;;
    esac
  done
  openssl req -x509 -newkey ec -pkeyopt "ec_paramgen_curve:$LAB_CURVE" -noenc \
    -days 30 -subj "/CN=Sluice lab CA" -keyout "$RUN/tls/ca.key" \
    -out "$RUN/tls/ca.pem"
  openssl req -x509 -newkey ec -pkeyopt "ec_paramgen_curve:$LAB_CURVE" -noenc \
    -days 30 -subj "/CN=web.example.com" -keyout "$RUN/tls/server.key" \
    -CA "$RUN/tls/ca.pem" -CAkey "$RUN/tls/ca.key" \
    -addext "subjectAltName=${alternatives#,}" \
    -addext "basicConstraints=critical,CA:FALSE" -out "$RUN/tls/server.pem"
} 2>>"$RUN/log/openssl.log"

lab_write_resolv_conf() {
  printf 'nameserver %s\n' 1.1.1.1 9.9.9.9 >"$RUN/resolv.conf"
  printf 'nameserver %s\n' 2606:4700:4700::1111 >"$RUN/resolv-ipv6.conf"
  printf 'nameserver %s\n' "$SCRIPT_ADDRESS" >"$RUN/resolv-script.conf"
  printf 'nameserver %s\n' "$SILENT_ADDRESS" >"$RUN/resolv-dead.conf"
  printf 'nameserver %s\n' "$SILENT_ADDRESS" 1.1.1.1 \
    >"$RUN/resolv-dead-first.conf"
  printf 'nameserver %s\n' "$REFUSING_ADDRESS" 1.1.1.1 \
    >"$RUN/resolv-refusing-first.conf"
  printf 'nameserver %s\n' "$FAILING_ADDRESS" 1.1.1.1 \
    >"$RUN/resolv-failing-first.conf"
}

# lab_daemon NS NAME CMD...: CMD runs in NS from the run directory, detached,
# its pid recorded.
lab_daemon() {
  local -r log=$RUN/log/$2.log
  (
    cd "$RUN"
    exec setsid nsenter --net="/run/netns/$(lab_netns "$1")" -- "${@:3}"
  ) </dev/null >>"$log" 2>&1 &
  echo $! >"$RUN/pid/$2"
}

lab_nginx() {
  lab_daemon "$1" "nginx-$1" nginx -p "$RUN/" -c "$RUN/etc/nginx-$1.conf" \
    -e "$RUN/log/nginx-$1.log"
}

# lab_python NS NAME SCRIPT ARGS...: a server of ours; its first argument is its
# access log.
lab_python() {
  lab_daemon "$1" "$2" /usr/bin/python3 -B "$RUN/etc/$3" \
    "$RUN/log/$2.access" "${@:4}"
}

lab_start_daemons() {
  lab_nginx inet
  lab_nginx lan
  lab_nginx host
  lab_daemon inet dns unbound -d -c "$RUN/etc/unbound.conf"
  lab_python inet scripted-dns scripted_dns.py \
    127.0.0.1@5300=script 127.0.0.1@5301=script "$SCRIPT_ADDRESS=script" \
    "$REFUSING_ADDRESS=refused" "$SILENT_ADDRESS=silent" \
    "$FAILING_ADDRESS=servfail"
  lab_python inet echo echo_server.py "${ECHO_ADDRESSES[@]}"
  lab_python lan lan-echo echo_server.py \
    "${INTERNAL_ADDRESSES[@]}" "${METADATA_ADDRESSES[@]}"
}

# lab_expect WANTED CMD...: waits until CMD, run on the lab host, prints WANTED.
lab_expect() {
  lab_prints() { lab_in host "${@:2}" 2>/dev/null | grep -qF -- "$1"; }
  lab_wait "$LAB_START_SECONDS" lab_prints "$@" || {
    tail -n 5 "$RUN"/log/*.log >&2
    lab_die "$LAB: no '$1' from: ${*:2}"
  }
}

# Each daemon listens in the order of its configuration and its arguments, so
# its last address is asked. What the asking left in the logs is removed.
lab_await_daemons() {
  local log
  local -r curl=(curl --silent --max-time 2)
  local -r dig=(dig +tries=1 +time=2 +tcp)
  local -r udp_echo=(timeout 2 bash -c
    'exec 3<>"/dev/udp/$0/7" && echo ping >&3 && head -c 5 <&3')
  lab_expect web "${curl[@]}" --cacert "$RUN/tls/ca.pem" \
    --resolve web.example.com:443:93.184.216.34 https://web.example.com/hello
  lab_expect metadata "${curl[@]}" 169.254.169.254
  lab_expect host "${curl[@]}" "$HOST_V4:8080"
  # The scripted server before the resolver that would wait long for it.
  lab_expect SERVFAIL "${dig[@]}" "@$FAILING_ADDRESS" ready.test
  lab_expect 93.184.216.34 "${dig[@]}" @1.1.1.1 web.example.com
  lab_expect 93.184.216.34 "${dig[@]}" @1.1.1.1 ready.flip.test
  lab_expect ping "${udp_echo[@]}" "${ECHO_ADDRESSES[-1]}"
  lab_expect ping "${udp_echo[@]}" "${METADATA_ADDRESSES[-1]}"
  for log in "$RUN"/log/*.access; do
    : >"$log"
  done
}
