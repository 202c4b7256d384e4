#!/usr/bin/python3
"""tests/bench/many.py [--sandboxes N] [--seconds N]: many sandboxes at once.

Creates N OCI guests, a few at a time; then all are idle; then the guests of all of
them talk to an echo service at once, twice a second each over a connection of
its own. Prints how long creations took, what memory there is of what, and the round
trips. Memory is PSS: what processes share is counted once.

Needs root, and:
    bazel build --config=opt //server:sluiced //clients/cli:sluice
"""

import argparse
import asyncio
import concurrent.futures
import ctypes
import os
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

from lab_bench import TREE, Bench, run

LAB = "many-bench"
SERVER = "many"
ECHO = ("198.35.26.96", 7)
AT_ONCE = 8  # creations
TRIPS_A_SECOND = 2  # of each guest
CLONE_NEWNET = 0x40000000


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def pss(pids):
    """In MB."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def descendants(pid):
    """Of a process, itself not among them: (pid, name)."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found.append((int(child), Path(f"/proc/{child}/comm").read_text().strip()))
            found += descendants(int(child))
    return found


class ManyBench(Bench):

    def create(self, number):
        """Seconds until the guest runs."""
        begin = time.monotonic()
        run(TREE / "bazel-bin/clients/cli/sluice", "--server", self.servers[SERVER], "create", "--name", f"s{number}",
            stdout=-3)
        return time.monotonic() - begin

    def create_all(self, count):
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
            seconds = list(threads.map(self.create, range(count)))
        return seconds, time.monotonic() - begin

    def programs(self):
        """Pids by what they are: the server, its workers, its guests' first processes."""
        mine = {"server": [self.pid_of(SERVER)], "workers": [], "guests": []}
        for pid, name in descendants(self.pid_of(SERVER)):
            if name.startswith("sluice-netsvc"):
                mine["workers"].append(pid)
            elif name == "sluice-init":
                mine["guests"].append(pid)
        return mine


class Guests:
    """One program in the network of every guest."""

    def __init__(self, pids):
        self.pids = pids
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.trips = []
        self.failures = 0

    def socket_in(self, pid):
        """A socket belongs to the network namespace that its thread was in."""
        with open(f"/proc/{pid}/ns/net") as namespace:
            if self.libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        made = socket.socket()
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    async def talk(self, connection, first, end):
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(first)
            await asyncio.wait_for(loop.sock_connect(connection, ECHO), 30)
            while time.monotonic() < end:
                begin = time.monotonic()
                await loop.sock_sendall(connection, b"x")
                if await asyncio.wait_for(loop.sock_recv(connection, 1), 30) != b"x":
                    raise OSError("the connection ended")
                self.trips.append(time.monotonic() - begin)
                await asyncio.sleep(max(0, begin + 1 / TRIPS_A_SECOND - time.monotonic()))
        except (OSError, asyncio.TimeoutError) as error:
            print(f"a guest failed: {error!r}", file=sys.stderr)
            self.failures += 1
        finally:
            connection.close()

    async def run(self, seconds):
        sockets = [self.socket_in(pid) for pid in self.pids]
        end = time.monotonic() + seconds
        await asyncio.gather(*(self.talk(one, n / len(sockets) / TRIPS_A_SECOND, end) for n, one in enumerate(sockets)))


def print_memory(when, programs, count):
    parts = {what: pss(pids) for what, pids in programs.items()}
    print(f"| {when} | {parts['workers']:.0f} | {parts['guests']:.0f} | {parts['server']:.0f} | "
          f"{sum(parts.values()) / count:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sandboxes", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=20, help="that all are active")
    arguments = parser.parse_args()
    count = arguments.sandboxes
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory, ManyBench(LAB, directory) as bench:
        bench.start_server(SERVER)
        seconds, total = bench.create_all(count)
        print(f"{count} created in {total:.1f} s, {AT_ONCE} at a time: "
              f"median {statistics.median(seconds) * 1000:.0f} ms, p99 {percentile(seconds, 99) * 1000:.0f} ms\n")
        programs = bench.programs()
        if not len(programs["workers"]) == len(programs["guests"]) == count:
            sys.exit(f"{len(programs['workers'])} workers and {len(programs['guests'])} guests of {count}")
        print("| PSS, MB | workers | guests | server | a sandbox |\n| --- | --- | --- | --- | --- |")
        print_memory("idle", programs, count)
        guests = Guests(programs["guests"])
        asyncio.run(guests.run(arguments.seconds))
        print_memory("after all were active", programs, count)
        trips = guests.trips
        print(f"\n{count} active: {len(trips) / arguments.seconds:.0f} round trips a second, "
              f"median {statistics.median(trips) * 1000:.1f} ms, p99 {percentile(trips, 99) * 1000:.1f} ms, "
              f"{guests.failures} guests failed")


if __name__ == "__main__":
    main()
