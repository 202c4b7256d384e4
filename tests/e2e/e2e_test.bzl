"""Tests of a whole server in the lab."""

def e2e_test(name, srcs = None, size = "medium", tags = [], copts = [], deps = [], soak = None, **kwargs):
    """A cc_test of name.cc that has prelude.h, precompiled, ahead of its first line.

    Args:
      deps: what the test uses beside the prelude: that brings E2eTest, what prelude.h
        includes, and googletest's main.
      soak: attributes in which NAME_soak, which runs for longer and only where asked
        for, differs from NAME_test.
    """
    attributes = dict(
        kwargs,
        srcs = srcs or [name + ".cc"],
        copts = copts + [
            "-include",
            "$(BINDIR)/tests/e2e/pch/prelude.h",
        ],
        deps = deps + [":prelude"],
    )
    native.cc_test(name = name, size = size, tags = tags + ["local"], **attributes)
    if soak != None:
        native.cc_test(
            name = name[:-len("_test")] + "_soak",
            tags = tags + ["local", "manual"],
            **dict(attributes, **soak)
        )
