"""grpc.health.v1, taken from the distribution's package."""

_PATH = "/usr/share/grpc-proto/grpc/health/v1/health.proto"

def _system_grpc_health_impl(ctx):
    if not ctx.path(_PATH).exists:
        fail("%s not found: apt-get install grpc-proto" % _PATH)
    ctx.symlink(_PATH, "grpc/health/v1/health.proto")
    ctx.file("BUILD.bazel", """
load("@//bazel:cc_grpc.bzl", "cc_grpc_library")

package(default_visibility = ["//visibility:public"])

proto_library(name = "health_proto", srcs = ["grpc/health/v1/health.proto"])
# Kept though nothing calls it: server reflection finds its descriptor.
cc_grpc_library(name = "health_cc", proto = ":health_proto", grpc = False, alwayslink = True)
""")

system_grpc_health = repository_rule(implementation = _system_grpc_health_impl, configure = True, local = True)
