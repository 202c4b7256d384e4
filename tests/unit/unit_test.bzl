"""Tests of a unit, beside its code."""

def cc_test(name, copts = [], deps = [], **kwargs):
    """A cc_test that has prelude.h, precompiled, ahead of its first line."""
    native.cc_test(
        name = name,
        copts = copts + [
            "-include",
            "$(BINDIR)/tests/unit/pch/prelude.h",
        ],
        deps = deps + ["//tests/unit:prelude"],
        **kwargs
    )
