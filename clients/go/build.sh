#!/bin/bash
# clients/go/build.sh DIR: makes DIR a GOPATH with the package sluice, its stubs
# (sluice/v1) and, in DIR/bin, the example and the tests. Uses the Go packages of
# Debian 12 alone, and no network.
set -euo pipefail
[[ $# -eq 1 ]] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1/src/sluice" "$1/bin"
readonly GO_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) OUT=$(cd "$1" && pwd)
readonly PROTOS=$GO_DIR/../../protos
export GO111MODULE=off GOPATH=$OUT:/usr/share/gocode GOCACHE=${GOCACHE:-$OUT/cache} GOFLAGS=
export PATH=$OUT/bin:$PATH

# Debian's own protoc-gen-go is older than proto3's optional, or in the way of
# packages that the server is built with; its sources are neither.
go build -o "$OUT/bin/" google.golang.org/protobuf/cmd/protoc-gen-go \
  google.golang.org/grpc/cmd/protoc-gen-go-grpc

options=paths=source_relative
for proto in "$PROTOS"/sluice/v1/*.proto; do
  options+=",Msluice/v1/${proto##*/}=sluice/v1;sluicev1"
done
protoc -I"$PROTOS" --go_out="$options:$OUT/src" --go-grpc_out="$options:$OUT/src" \
  "$PROTOS"/sluice/v1/*.proto

cp "$GO_DIR"/sluice/*.go "$OUT/src/sluice/"
go vet sluice
go vet "$GO_DIR/example/quickstart.go"
go test -c -o "$OUT/bin/sluice_test" sluice
go build -o "$OUT/bin/quickstart" "$GO_DIR/example/quickstart.go"
