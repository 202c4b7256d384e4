"""What a sandbox is to be, said as a sentence."""

import os
from typing import Self

import grpc

from sluice import rules
from sluice.policy import Policy
from sluice.sandbox import Sandbox
from sluice.v1 import policy_pb2, sandbox_pb2


class SandboxWords:
    """Says what a sandbox is to be; a SandboxBuilder's create() makes it.

    Without a word about the network it has the preset public_only: the public
    Internet, and nothing else. `proto` is the message that is sent, for what has
    no word here; its policy is overwritten by build().
    """

    def __init__(self, id: str = '') -> None:
        """Without an id the server makes one up."""
        self.proto = sandbox_pb2.Sandbox(id=id)
        self._policy = Policy()

    @property
    def _oci(self) -> sandbox_pb2.OciGuest:
        return self.proto.guest.oci

    def rootfs(self, directory: str | os.PathLike[str]) -> Self:
        """The guest's root directory on the server's host; left out, the host's own
        root, read-only, under a private layer. Taken from this process's working
        directory unless it is absolute."""
        self._oci.rootfs = os.path.abspath(directory)
        return self

    def args(self, *args: str) -> Self:
        """The guest's first process, with whose end the sandbox stops; left out, an idle one."""
        self._oci.args[:] = args
        return self

    def env(self, name: str, value: str) -> Self:
        self._oci.env[name] = value
        return self

    def working_directory(self, directory: str) -> Self:
        self._oci.working_directory = directory
        return self

    def user(self, user: str) -> Self:
        """'uid[:gid]'; left out, an unprivileged user."""
        self._oci.user = user
        return self

    def memory_bytes(self, count: int) -> Self:
        self._oci.memory_bytes = count
        return self

    def label(self, key: str, value: str) -> Self:
        self.proto.labels[key] = value
        return self

    def port(self, host_port: int, guest_port: int) -> Self:
        """Lets the host's 127.0.0.1:host_port reach the guest's; 0: any that is free (Sandbox.ports)."""
        return self._add_port(policy_pb2.PROTOCOL_TCP, host_port, guest_port)

    def port_udp(self, host_port: int, guest_port: int) -> Self:
        return self._add_port(policy_pb2.PROTOCOL_UDP, host_port, guest_port)

    def _add_port(self, protocol: 'policy_pb2.Protocol', host_port: int, guest_port: int) -> Self:
        self.proto.network.ports.add(protocol=protocol, host_port=host_port, guest_port=guest_port)
        return self

    def preset(self, word: rules.PresetWord) -> Self:
        """As in Policy, like the two that follow: the first allow() makes it an
        allow list, unless this says otherwise."""
        self._policy.preset(word)
        return self

    def allow(self, rule: str) -> Self:
        self._policy.allow(rule)
        return self

    def deny(self, rule: str) -> Self:
        self._policy.deny(rule)
        return self

    def block(self, name: str) -> Self:
        """A name ('example.com', or '*.example.com' with all below it) that is never
        resolved nor spoken to (TLS, HTTP, QUIC), whatever preset and rules say, and
        whatever policy is set later: dns.blocked_domains. An address is deny()'s."""
        if rules.is_address(name):
            raise ValueError(f'"{name}" is an address: deny() refuses it')
        try:
            rules.check_domain(name)
        except ValueError as problem:
            raise ValueError(f'"{name}": {problem}') from None
        self.proto.network.dns.blocked_domains.append(name)
        return self

    def build(self) -> sandbox_pb2.Sandbox:
        """What create() asks for."""
        sandbox = sandbox_pb2.Sandbox()
        sandbox.CopyFrom(self.proto)
        sandbox.network.policy.CopyFrom(self._policy.build())
        if not sandbox.guest.WhichOneof('kind'):
            sandbox.guest.oci.SetInParent()
        return sandbox


class SandboxBuilder(SandboxWords):
    """Says what a sandbox is to be, and makes it.

        with (SandboxBuilder('web').rootfs('/srv/rootfs').port(8080, 80).port_udp(5353, 53)
              .allow('*.pypi.org').block('*.tracking.com').create(channel)) as web:
            ...
    """

    def create(self, channel: grpc.Channel) -> Sandbox:
        """Returns once the guest runs and its network enforces the policy."""
        return Sandbox._create(channel, self.build())
