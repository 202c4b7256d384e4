#!/usr/bin/python3
"""tests/bench/boot.py [--rounds N]: what a network adds to a virtual machine's boot.

Seconds from CreateSandbox until the machine's agent has run a first program, for one
without an interface and one behind the default policy, in turn; what is printed are
medians over the rounds, and of the difference within a round. Machine and kernel are
those of tests/e2e:vm_guest_test.

Needs root, and:
    bazel build --config=opt //server:sluiced //clients/cli:sluice
"""

import argparse
import glob
import statistics
import subprocess
import sys
import tempfile
import time

from lab_bench import TREE, Bench, run

LAB = "boot-bench"
SERVER = "boot"
# Where deploy/setup.sh unpacks what virtual machines are tested with.
PACKAGES = "/var/cache/sluice/vm"
PRESETS = ("none", "public_only")
BOOT_SECONDS = 120


class BootBench(Bench):
    """One server."""

    def start(self):
        self.initrd = self.directory / "initrd"
        run("/usr/bin/python3", "-B", TREE / "tests/e2e/vm_initramfs.py", PACKAGES, TREE / "tests/e2e/vm_init.sh",
            self.initrd)
        self.kernel = glob.glob(f"{PACKAGES}/boot/vmlinuz-*")[0]
        self.start_server(SERVER)

    def cli(self, *arguments, **options):
        command = [TREE / "bazel-bin/clients/cli/sluice", "--server", self.servers[SERVER], *arguments]
        return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)

    def boot(self, preset):
        """Seconds until the first program has run."""
        name = preset.replace("_", "-")
        begin = time.monotonic()
        made = self.cli("create", "--name", name, "--policy", preset, "--kernel", self.kernel, "--initrd", self.initrd,
                        "--append", "quiet panic=-1", "--memory", "128MiB")
        if made.returncode != 0:
            sys.exit(made.stderr)
        while (asked := self.cli("exec", name, "--", "true")).returncode != 0:
            if time.monotonic() - begin > BOOT_SECONDS:
                sys.exit(f"the machine does not answer: {asked.stderr}")
        seconds = time.monotonic() - begin
        self.cli("delete", name)
        return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    seconds = {preset: [] for preset in PRESETS}
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory, BootBench(LAB, directory) as bench:
        bench.start()
        for number in range(arguments.rounds):
            # Whoever goes first is the other one each time.
            for preset in PRESETS if number % 2 == 0 else reversed(PRESETS):
                seconds[preset].append(bench.boot(preset))
    difference = statistics.median(b - a for a, b in zip(*(seconds[preset] for preset in PRESETS)))
    print("| from CreateSandbox to the first program, s | median | least | most |")
    print("| --- | --- | --- | --- |")
    for preset, values in seconds.items():
        print(f"| {preset} | {statistics.median(values):.2f} | {min(values):.2f} | {max(values):.2f} |")
    print(f"| within a round, {PRESETS[1]} less {PRESETS[0]} | {difference:+.2f} | | |")


if __name__ == "__main__":
    main()
