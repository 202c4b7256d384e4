"""What the commands are made of."""

def command_library(name, copts = [], deps = [], **kwargs):
    """A cc_library that has prelude.h, precompiled, ahead of each first line."""
    native.cc_library(
        name = name,
        copts = copts + [
            "-include",
            "$(BINDIR)/clients/cli/pch/prelude.h",
        ],
        deps = deps + [":prelude"],
        **kwargs
    )
