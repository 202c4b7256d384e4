#!/usr/bin/python3
"""tests/bench/audit.py [--rounds N] [--seconds N]: what the audit log costs.

Processor time of a worker, and of its server with it, for a gigabit that a guest
sends over one TCP connection, and for a thousand connections of one HTTP request
each; beside the same worker whose log goes to /dev/null. One measurement of each
after the other is a round; what is printed are medians over the rounds, and the
median of the ratios within a round.

Needs root, and:
    bazel build --config=opt //server:sluiced //clients/cli:sluice //netsvc/worker:sluice-netsvc-null-log
"""

import argparse
import os
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from lab_bench import TREE, Bench, await_true

LAB = "audit-bench"
WEB, SINK = "93.184.216.34", "198.35.26.96"
# Which log each server's workers have.
FILE, NULL = "file", "null"
TARGETS = {"a gigabit sent": 1.05, "a thousand connections": 1.15}
TICKS = os.sysconf("SC_CLK_TCK")


def seconds_of(pid):
    """Processor time so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class AuditBench(Bench):
    """Two servers with a sandbox each, and what their guests talk to."""

    def start(self):
        inet = f"sluice-lab-{LAB}-inet"
        with open(self.directory / "iperf3.log", "wb") as log:
            self.processes["iperf3"] = subprocess.Popen(
                ["ip", "netns", "exec", inet, "iperf3", "--server", "--bind", SINK], stdout=log, stderr=log)
        self.start_server(FILE)
        self.start_server(NULL, f"--netsvc={TREE}/bazel-bin/netsvc/worker/sluice-netsvc-null-log")
        self.pids = {}
        for name in (FILE, NULL):
            self.create_sandbox(name, name)
            await_true(f"the guest {name} reaches the web", lambda: self.fetches(name))
            self.pids[name] = {"worker": self.workers(name)[0], "server": self.pid_of(name)}

    def fetches(self, name):
        asked = self.in_guest(name, "sh", "-c", f"curl -s -m 2 http://{WEB}/hello || true", capture_output=True)
        return asked.stdout.startswith("hello")

    def gigabits(self, name, seconds):
        said = self.in_guest(name, "iperf3", "--client", SINK, "--time", seconds, "--json", capture_output=True).stdout
        return int(re.search(r'"sum_received":\s*{[^}]*"bytes":\s*(\d+)', said)[1]) * 8 / 1e9

    def thousands(self, name, seconds):
        said = self.in_guest(name, "wrk", "-t1", "-c16", f"-d{seconds}s", "-H", "Connection: close",
                             f"http://{WEB}/hello", capture_output=True).stdout
        return int(re.search(r"(\d+) requests in", said)[1]) / 1000

    def measure(self, name, work, seconds):
        """Processor seconds for each unit of work: (worker's, worker's and server's)."""
        before = {who: seconds_of(pid) for who, pid in self.pids[name].items()}
        units = work(name, seconds)
        spent = {who: seconds_of(pid) - before[who] for who, pid in self.pids[name].items()}
        return spent["worker"] / units, (spent["worker"] + spent["server"]) / units


def measure_all(bench, rounds, seconds):
    works = dict(zip(TARGETS, (bench.gigabits, bench.thousands)))
    results = {what: {FILE: [], NULL: []} for what in works}
    for round_number in range(rounds):
        for what, work in works.items():
            # Whoever goes first is the other one each time.
            for name in ((FILE, NULL), (NULL, FILE))[round_number % 2]:
                results[what][name].append(bench.measure(name, work, seconds))
    return results


def print_table(results):
    print("| processor seconds | log in a file | log on /dev/null | ratio | at most | with the server's: ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for what, of in results.items():
        ratios = [statistics.median(mine[i] / theirs[i] for mine, theirs in zip(of[FILE], of[NULL])) for i in (0, 1)]
        mine, theirs = (statistics.median(run[0] for run in of[name]) for name in (FILE, NULL))
        print(f"| {what} | {mine:.3f} | {theirs:.3f} | {ratios[0]:.3f} | {TARGETS[what]} | {ratios[1]:.3f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=int, default=3, help="of one measurement")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory, AuditBench(LAB, directory) as bench:
        bench.start()
        print_table(measure_all(bench, arguments.rounds, arguments.seconds))


if __name__ == "__main__":
    main()
