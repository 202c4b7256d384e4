"""What benchmarks share: a lab, servers and guests in it. Needs root, and:
    bazel build --config=opt //server:sluiced //clients/cli:sluice
"""

import os
import subprocess
import sys
import time
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
READY_SECONDS = 60


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, text=True, **options)


def await_true(what, is_true):
    """Ends the benchmark where it does not become true in time."""
    deadline = time.monotonic() + READY_SECONDS
    while not is_true():
        if time.monotonic() > deadline:
            sys.exit(f"it never came that {what}")
        time.sleep(0.05)


class Bench:
    """A lab, what runs in it, and all that has to be taken away again."""

    def __init__(self, lab, directory):
        self.lab = lab
        self.directory = Path(directory)
        self.processes = {}
        self.servers = {}  # where each is called
        self.namespaces = []

    def __enter__(self):
        run(TREE / "tests/lab/up", self.lab, env={**os.environ, "SLUICE_LAB_DNS_LOG": "no"}, stdout=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes.values()):
            process.terminate()
            process.wait()
        for namespace in self.namespaces:
            run("ip", "netns", "del", namespace)
        run(TREE / "tests/lab/down", self.lab, stdout=subprocess.DEVNULL)

    def spawn(self, name, *command, **options):
        """A program on the lab's host that goes on."""
        inside = [TREE / "tests/lab/shell", self.lab, "--", *command]
        with open(self.directory / f"{name}.log", "wb") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **options}
            self.processes[name] = subprocess.Popen([str(part) for part in inside], **options)

    def guest(self, name):
        """A network namespace for a guest."""
        namespace = f"{self.lab}-{name}"
        run("ip", "netns", "add", namespace)
        self.namespaces.append(namespace)
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        # No connection waits for a port that one of a second ago still has.
        run("ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv4.tcp_max_tw_buckets=1")
        return namespace

    def in_guest(self, name, *command, **options):
        return run("nsenter", f"--net=/run/netns/{self.lab}-{name}", "--", *command, **options)

    def start_server(self, name, *flags):
        """A sluiced of this name, on the lab's host."""
        directory = self.directory / name
        directory.mkdir()
        self.servers[name] = f"unix:{directory}/api.sock"
        self.spawn(name, TREE / "bazel-bin/server/sluiced", f"--state_dir={directory}/state",
                   f"--listen={self.servers[name]}", f"--resolv_conf=/run/sluice-lab/{self.lab}/resolv.conf",
                   "--stop_sandboxes_on_exit", *flags)
        await_true(f"{name} serves", (directory / "api.sock").exists)

    def create_sandbox(self, server, name, *flags):
        """A sandbox around a network namespace of its own."""
        namespace = self.guest(name)
        run(TREE / "bazel-bin/clients/cli/sluice", "--server", self.servers[server], "create", "--name", name,
            "--netns", f"/run/netns/{namespace}", *flags, stdout=subprocess.DEVNULL)

    def pid_of(self, name):
        """Of the program itself, below the shell that started it."""
        return self.processes[name].pid

    def workers(self, server):
        """The worker of each sandbox of a server, in the order of their creation."""
        children = Path(f"/proc/{self.pid_of(server)}/task")
        pids = sorted(int(p) for task in children.iterdir() for p in (task / "children").read_text().split())
        return [p for p in pids if Path(f"/proc/{p}/comm").read_text().strip().startswith("sluice-netsvc")]
