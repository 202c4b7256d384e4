#!/bin/bash
# Installs the Debian 12 packages that building, testing and running Sluice
# need. Can be run again: where nothing is missing it changes nothing.
#
#   deploy/setup.sh           install what is missing (as root); what only the
#                             tests need of kernels goes to /var/cache/sluice
#   deploy/setup.sh --check   list what is missing; exit 1 if anything is
#   deploy/setup.sh --help    this text
set -euo pipefail

readonly PACKAGES=(
  # The build.
  bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto
  bazel-skylib
  clang-14 clang-tidy g++ lcov libclang-rt-14-dev lld pkg-config
  grpc-proto golang-github-grpc-ecosystem-grpc-gateway-dev
  protobuf-compiler protobuf-compiler-grpc
  # Libraries.
  libabsl-dev libbenchmark-dev libbpf-dev libc-ares-dev libcap-dev
  libcli11-dev libglib2.0-dev libgmock-dev libgrpc++-dev libgtest-dev
  libidn2-dev libldns-dev libnl-3-dev libnl-route-3-dev libpsl-dev
  libseccomp-dev libslirp-dev libspdlog-dev libsqlite3-dev libssl-dev
  libsystemd-dev libyaml-cpp-dev nlohmann-json3-dev prometheus-cpp-dev
  # Clients.
  golang-go golang-google-grpc-dev golang-google-protobuf-dev
  python3-grpcio python3-pip python3-protobuf python3-setuptools python3-wheel
  # Guests, and the test lab.
  bind9-dnsutils busybox-static ca-certificates crun curl dnsmasq-base dnsperf
  fish iperf3 iproute2 iputils-ping iputils-tracepath jq mount netcat-openbsd
  nginx-light openssl procps prometheus python3 runc runsc slirp4netns socat
  sqlite3 systemd tcpdump tmux traceroute tshark unbound util-linux wrk zsh
  # Virtual machines; the libraries of the agent that runs in the tests' own.
  libnuma1 liburing2 qemu-system-x86
)
# Unpacked there, not installed, which would make an initrd and start a service:
# what the virtual machines of the tests are made of.
readonly UNPACKED=(linux-image-cloud-amd64 qemu-guest-agent)
readonly UNPACK_DIR=/var/cache/sluice/vm
# Only where the command is missing: it may have come from elsewhere.
readonly NPM_PACKAGES=(nodejs npm)
readonly POLICY=/usr/sbin/policy-rc.d

say() { echo "setup: $*"; }
die() { say "$*" >&2; exit 1; }

missing_packages() {
  local installed package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' \
    "${PACKAGES[@]}" 2>/dev/null | sed -n 's/^installed //p') || true
  for package in "${PACKAGES[@]}"; do
    grep -qxF -- "$package" <<<"$installed" || echo "$package"
  done
  command -v npm >/dev/null || printf '%s\n' "${NPM_PACKAGES[@]}"
}

# The package itself, or what it stands for: linux-image-cloud-amd64 only names the
# latest kernel's.
real_package() {
  apt-cache depends "$1" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' |
    grep . || echo "$1"
}

unpack() {
  [[ $EUID -eq 0 ]] || die "must run as root to write to $UNPACK_DIR"
  say "unpacking in $UNPACK_DIR: ${UNPACKED[*]}"
  local draft package
  mkdir -p "${UNPACK_DIR%/*}"
  draft=$(mktemp -d "$UNPACK_DIR.XXXXXX")
  for package in "${UNPACKED[@]}"; do
    (cd "$draft" && apt download "$(real_package "$package")") ||
      die "cannot download $package"
  done
  for package in "$draft"/*.deb; do
    dpkg-deb --extract "$package" "$draft" || die "cannot unpack $package"
    rm "$package"
  done
  chmod 755 "$draft"
  rm -rf "$UNPACK_DIR"
  mv "$draft" "$UNPACK_DIR"
  say "done"
}

# While packages are unpacked their daemons (nginx, unbound) must not start: the
# lab starts its own. A policy that the machine already has is left alone.
forbid_daemons() {
  local draft
  draft=$(mktemp "$POLICY.XXXXXX")
  printf '#!/bin/sh\nexit 101\n' >"$draft"
  chmod 755 "$draft"
  # ln, unlike mv, fails where the name is taken.
  if ln "$draft" "$POLICY" 2>/dev/null; then
    trap 'rm -f "$POLICY"' EXIT
    trap 'exit 130' INT TERM HUP
  fi
  rm -f "$draft"
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
    -o DPkg::Lock::Timeout=120 \
    -o Acquire::Retries=3 "$@" </dev/null
}

install() {
  [[ $EUID -eq 0 ]] || die "must run as root to install: $*"
  say "installing $# packages: $*"
  apt update || { say "apt-get update failed; once more"; apt update; } ||
    die "apt-get update failed: is there a network and a mirror?"
  forbid_daemons
  local log
  log=$(mktemp)
  apt install --yes --no-install-recommends "$@" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    die "apt-get install failed; its output is in $log"
  }
  rm -f "$log"
  say "done"
}

main() {
  case "${1-}" in
    "" | --check) ;;
    --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; return ;;
    *) die "unknown argument '$1' (try --help)" ;;
  esac
  command -v dpkg-query >/dev/null || die "this is not Debian: no dpkg-query"
  local missing
  mapfile -t missing < <(missing_packages)
  if [[ ${1-} == --check ]]; then
    [[ -d $UNPACK_DIR ]] || missing+=("${UNPACKED[@]}")
    if [[ ${#missing[@]} -ne 0 ]]; then
      printf '%s\n' "${missing[@]}"
      return 1
    fi
  fi
  [[ ${#missing[@]} -eq 0 ]] || install "${missing[@]}"
  [[ -d $UNPACK_DIR ]] || unpack
  say "all packages are there"
}

main "$@"
