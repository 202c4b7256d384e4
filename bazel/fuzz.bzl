"""cc_fuzz: a libFuzzer target with the inputs that it starts from."""

def cc_fuzz(name, srcs, deps):
    """Makes three targets of one fuzzer.

    NAME is the fuzzer (bazel build --config=fuzz), NAME_corpus writes the inputs
    that it starts from, and NAME_test runs it for a moment with any compiler.

    Args:
      name: of the fuzzer.
      srcs: what defines LLVMFuzzerTestOneInput, and sluice::fuzz::Seeds of
        tests/fuzz/seeds.h.
      deps: of srcs.
    """
    library = name + "_lib"
    native.cc_library(
        name = library,
        testonly = True,
        srcs = srcs,
        tags = ["manual"],
        deps = deps + ["//tests/fuzz:seeds"],
        alwayslink = True,
    )
    native.cc_binary(
        name = name,
        testonly = True,
        linkopts = ["-fsanitize=fuzzer"],
        tags = [
            "fuzz",
            "manual",
        ],
        deps = [":" + library],
    )
    native.cc_binary(
        name = name + "_corpus",
        testonly = True,
        tags = ["manual"],
        deps = [
            ":" + library,
            "//tests/fuzz:write_corpus",
        ],
    )
    native.cc_test(
        name = name + "_test",
        size = "medium",  # seconds, where the machine is not busy
        deps = [
            ":" + library,
            "//tests/fuzz:replay_test",
        ],
    )
