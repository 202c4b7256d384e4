"""Tests of a whole server in the lab."""

def e2e_test(name, copts = [], deps = [], **kwargs):
    """A cc_test that has prelude.h, precompiled, ahead of its first line."""
    native.cc_test(
        name = name,
        copts = copts + [
            "-include",
            "$(BINDIR)/tests/e2e/pch/prelude.h",
        ],
        deps = deps + [":prelude"],
        **kwargs
    )
