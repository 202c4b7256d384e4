#!/usr/bin/python3
"""tests/bench/dns.py [--rounds N] [--seconds N]: DNS of a guest, measured.

Queries a second and latency of dnsperf inside a guest, for names that are asked
again and again, for names that were never asked before, and for names on a block
list of a million; through a sandbox without the list, one with it, slirp4netns's
forwarder, and dnsmasq with its cache off at the other end of a veth. All forward
to the same unbound in a lab of its own. One measurement of each after the other
is a round; what is printed are medians over the rounds, ratios within a round,
and the memory that each has at the end.

Needs root, and:
    bazel build --config=opt //server:sluiced //clients/cli:sluice
"""

import argparse
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab_bench import READY_SECONDS, TREE, Bench, run

LAB = "dns-bench"
LIST_NAMES = 1_000_000
# Far more than any contender answers in a measurement.
NAMES_A_SECOND = 250_000
# What forwards in the guest's network answers here.
ALIAS = "10.0.2.3"
DNSMASQ, DNSMASQ_GUEST = "10.200.0.1", "10.200.0.2"
WORKLOADS = ("cached", "uncached", "blocked")


def list_name(number):
    return f"d{number}.zone{number % 1000}.bench.test"


class DnsBench(Bench):
    """The contenders, in a lab."""

    def await_answer(self, name, resolver):
        deadline = time.monotonic() + READY_SECONDS
        while True:
            # dig's own exit code says that nobody answered; that is no error yet.
            asked = self.in_guest(name, "sh", "-c", f"dig @{resolver} +short +time=1 +tries=1 www.bench.test || true",
                                  capture_output=True)
            if asked.stdout.strip() == "93.184.216.34":
                return
            if time.monotonic() > deadline:
                sys.exit(f"{name}: the guest's queries are not answered")
            time.sleep(0.1)

    # The contenders. Each is a guest's name and the resolver that it asks.

    def start_sluice(self):
        block_list = self.directory / "block-list"
        with open(block_list, "w") as out:
            out.writelines(f"{list_name(i)}\n" for i in range(LIST_NAMES))
        self.start_server("sluiced", f"--dns_block_list=million={block_list}")
        self.start_sandbox("sluice")
        self.start_sandbox("sluice-list", "--block-list", "million")

    def start_sandbox(self, name, *flags):
        self.create_sandbox("sluiced", name, *flags)
        self.await_answer(name, ALIAS)

    def start_slirp4netns(self):
        namespace = self.guest("slirp4netns")
        self.spawn("slirp4netns", "slirp4netns", "--configure", "--mtu=1500", "--netns-type=path",
                   f"/run/netns/{namespace}", "tap0")
        self.await_answer("slirp4netns", ALIAS)

    def start_dnsmasq(self):
        namespace, host = self.guest("dnsmasq"), f"sluice-lab-{LAB}-host"
        run("ip", "link", "add", "bench0", "netns", host, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        for where, device, address in ((host, "bench0", DNSMASQ), (namespace, "eth0", DNSMASQ_GUEST)):
            run("ip", "-n", where, "addr", "add", f"{address}/30", "dev", device)
            run("ip", "-n", where, "link", "set", device, "up")
        self.spawn("dnsmasq", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                   "--server=1.1.1.1", "--cache-size=0", "--dns-forward-max=1000", f"--listen-address={DNSMASQ}",
                   "--bind-interfaces", "--pid-file=", "--user=root")
        self.await_answer("dnsmasq", DNSMASQ)

    def measure(self, name, resolver, names, seconds):
        """One run of dnsperf: (queries a second, latency in microseconds, share of NXDOMAIN)."""
        command = ["dnsperf", "-s", resolver, "-d", names, "-l", seconds, "-c", 1, "-q", 20]
        said = self.in_guest(name, *command, capture_output=True).stdout
        rate = float(re.search(r"Queries per second:\s+([\d.]+)", said)[1])
        latency = float(re.search(r"Average Latency \(s\):\s+([\d.]+)", said)[1]) * 1e6
        denied = re.search(r"NXDOMAIN \d+ \(([\d.]+)%\)", said)
        failed = re.search(r"(SERVFAIL|REFUSED) \d+", said)
        lost = int(re.search(r"Queries lost:\s+(\d+)", said)[1])
        if failed or lost > 0:
            print(f"{name}: {failed[0] if failed else ''} {lost} lost", file=sys.stderr)
        return rate, latency, float(denied[1]) / 100 if denied else 0.0


def memory(pid):
    """(RSS, PSS) in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return tuple(int(re.search(rf"^{key}:\s+(\d+)", text, re.M)[1]) / 1024 for key in ("Rss", "Pss"))


def write_names(path, workload, seconds, run_number):
    with open(path, "w") as out:
        if workload == "cached":
            out.write("www.bench.test A\n")
        elif workload == "uncached":
            out.writelines(f"u{run_number}-{i}.bench.test A\n" for i in range(NAMES_A_SECOND * seconds))
        else:
            chosen = random.Random(run_number)
            out.writelines(f"{list_name(chosen.randrange(LIST_NAMES))} A\n" for _ in range(50_000))


def measure_all(bench, contenders, rounds, seconds):
    results = {workload: {name: [] for name in contenders} for workload in WORKLOADS}
    names, run_number = bench.directory / "names", 0
    for round_number in range(rounds):
        for workload in WORKLOADS:
            # Whoever goes first is another one each time.
            order = list(contenders)[round_number % len(contenders):] + list(contenders)[:round_number % len(contenders)]
            for name in order:
                run_number += 1
                write_names(names, workload, seconds, run_number)
                results[workload][name].append(bench.measure(name, contenders[name], names, seconds))
    return results


def print_tables(results, contenders):
    print("| queries/s (latency) | " + " | ".join(contenders) + " |")
    print("| --- " * (len(contenders) + 1) + "|")
    for workload, of in results.items():
        cells = []
        for name in contenders:
            rate, latency = (statistics.median(run[i] for run in of[name]) for i in (0, 1))
            cells.append(f"{rate / 1000:.1f} k ({latency:.0f} us)")
        print(f"| {workload} | " + " | ".join(cells) + " |")
    print()

    def ratio(workload, name, other, other_workload=None):
        pairs = zip(results[workload][name], results[other_workload or workload][other])
        return statistics.median(mine[0] / theirs[0] for mine, theirs in pairs)

    print("| ratio within a round, median | |")
    print("| --- | --- |")
    print(f"| uncached, to dnsmasq | {ratio('uncached', 'sluice', 'dnsmasq'):.2f} |")
    print(f"| cached, to slirp4netns | {ratio('cached', 'sluice', 'slirp4netns'):.2f} |")
    print(f"| blocked, to slirp4netns cached | {ratio('blocked', 'sluice-list', 'slirp4netns', 'cached'):.2f} |")
    for workload in ("cached", "uncached"):
        print(f"| {workload}, with the list to without | {ratio(workload, 'sluice-list', 'sluice'):.2f} |")
    print()


def print_memory(bench):
    bench.start_sandbox("sluice-list-2", "--block-list", "million")
    rows = list(zip(("worker, no list", "worker, 1,000,000 names", "a second one, idle"), bench.workers("sluiced")))
    rows += [(name, bench.pid_of(name)) for name in ("sluiced", "slirp4netns", "dnsmasq")]
    print("| memory at the end, MB | RSS | PSS |")
    print("| --- | --- | --- |")
    for name, pid in rows:
        rss, pss = memory(pid)
        print(f"| {name} | {rss:.1f} | {pss:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of one measurement")
    arguments = parser.parse_args()
    contenders = {"sluice": ALIAS, "sluice-list": ALIAS, "slirp4netns": ALIAS, "dnsmasq": DNSMASQ}
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory, DnsBench(LAB, directory) as bench:
        bench.start_sluice()
        bench.start_slirp4netns()
        bench.start_dnsmasq()
        results = measure_all(bench, contenders, arguments.rounds, arguments.seconds)
        denied = min(run[2] for run in results["blocked"]["sluice-list"])
        if denied < 1:
            sys.exit(f"only {denied:.0%} of the blocked names were refused")
        print_tables(results, contenders)
        print_memory(bench)


if __name__ == "__main__":
    main()
