"""A sandbox of a server's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self

import grpc

from sluice import rules
from sluice.policy import Policy
from sluice.process import ExecResult, Process
from sluice.v1 import (audit_service_pb2, audit_service_pb2_grpc, guest_service_pb2, guest_service_pb2_grpc,
                       policy_pb2, sandbox_pb2, sandbox_service_pb2, sandbox_service_pb2_grpc)

# Seconds; starting and ending a guest included.
CALL_TIMEOUT = 60
_CHUNK_BYTES = 32 << 10
_MAX_BYTES = 64 << 20


class Sandbox:
    """Made by SandboxBuilder.create; as a context manager it is deleted at the
    block's end, unless detached. Any thread may call it."""

    def __init__(self, channel: grpc.Channel, id: str) -> None:
        self.id = id
        self._sandboxes = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        self._guests = guest_service_pb2_grpc.GuestServiceStub(channel)
        self._audit = audit_service_pb2_grpc.AuditServiceStub(channel)
        self._detached = False

    @classmethod
    def open(cls, channel: grpc.Channel, id: str) -> Self:
        """One that exists, detached. NOT_FOUND."""
        sandbox = cls(channel, id)
        sandbox._detached = True
        sandbox.get()
        return sandbox

    @classmethod
    def _create(cls, channel: grpc.Channel, wanted: sandbox_pb2.Sandbox) -> Self:
        sandbox = cls(channel, wanted.id)
        request = sandbox_service_pb2.CreateSandboxRequest(sandbox=wanted)
        sandbox.id = sandbox._sandboxes.CreateSandbox(request, timeout=CALL_TIMEOUT).sandbox.id
        return sandbox

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._detached:
            self.delete()

    def get(self) -> sandbox_pb2.Sandbox:
        """The sandbox as it is now: state, addresses, host ports."""
        request = sandbox_service_pb2.GetSandboxRequest(sandbox_id=self.id)
        return self._sandboxes.GetSandbox(request, timeout=CALL_TIMEOUT).sandbox

    def ports(self) -> list[sandbox_pb2.PortMapping]:
        """The published ports, each with the host port that was bound."""
        return list(self.get().network_status.ports)

    def start(self, args: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str = '', user: str = '',
              input: bytes | Iterable[bytes] = b'', timeout: float | None = None) -> Process:
        """Starts a program: Process has its output as it comes. `input` is read as
        the program takes it; past `timeout` seconds it is killed, DEADLINE_EXCEEDED."""
        start = guest_service_pb2.ExecStart(sandbox_id=self.id, args=args, env=env, working_directory=cwd, user=user)
        return Process(self._guests, start, input, timeout)

    def exec(self, args: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str = '', user: str = '',
             input: bytes | Iterable[bytes] = b'', timeout: float | None = None,
             max_output_bytes: int = _MAX_BYTES) -> ExecResult:
        """Runs a program to its end. That it failed is a result, not an error.

            print(web.exec(['id'], user='1000').stdout.decode())
        """
        process = self.start(args, env=env, cwd=cwd, user=user, input=input, timeout=timeout)
        return process.collect(max_output_bytes)

    def read_file(self, path: str, max_bytes: int = _MAX_BYTES) -> bytes:
        """A file of the guest's, whole. BufferError past `max_bytes`."""
        request = guest_service_pb2.ReadFileRequest(sandbox_id=self.id, path=path)
        call = self._guests.ReadFile(request, timeout=CALL_TIMEOUT)
        data = bytearray()
        for response in call:
            data += response.data
            if len(data) > max_bytes:
                call.cancel()
                raise BufferError(f'{path} is larger than {max_bytes} bytes')
        return bytes(data)

    def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Makes or replaces a file: it appears whole, or not at all."""

        def requests() -> Iterator[guest_service_pb2.WriteFileRequest]:
            opened = guest_service_pb2.WriteFileOpen(sandbox_id=self.id, path=path, mode=mode)
            yield guest_service_pb2.WriteFileRequest(open=opened)
            for at in range(0, len(data), _CHUNK_BYTES):
                yield guest_service_pb2.WriteFileRequest(data=data[at:at + _CHUNK_BYTES])

        self._guests.WriteFile(requests(), timeout=CALL_TIMEOUT)

    def set_network_policy(self, policy: Policy | policy_pb2.NetworkPolicy) -> int:
        """Replaces the policy, at once and whole; open flows that it denies are ended.
        Returns its generation.

            web.set_network_policy(sluice.Policy().allow('10.0.0.5:5432/tcp'))
        """
        message = policy.build() if isinstance(policy, Policy) else policy
        request = sandbox_service_pb2.SetNetworkPolicyRequest(sandbox_id=self.id, policy=message)
        return self._sandboxes.SetNetworkPolicy(request, timeout=CALL_TIMEOUT).policy_generation

    def publish_port(self, host_port: int, guest_port: int, protocol: rules.ProtocolWord = 'tcp', *,
                     host_address: str = '') -> sandbox_pb2.PortMapping:
        """Lets a port of the host reach the guest's; 0: any that is free. Returns the
        mapping with the port that was bound. ALREADY_EXISTS where it is taken."""
        port = sandbox_pb2.PortMapping(host_port=host_port, guest_port=guest_port, host_address=host_address,
                                       protocol=rules.enum_value(policy_pb2.Protocol, 'PROTOCOL', protocol))
        request = sandbox_service_pb2.PublishPortRequest(sandbox_id=self.id, port=port)
        return self._sandboxes.PublishPort(request, timeout=CALL_TIMEOUT).port

    def unpublish_port(self, port: sandbox_pb2.PortMapping) -> None:
        """Closes it, and what came through it."""
        request = sandbox_service_pb2.UnpublishPortRequest(sandbox_id=self.id, port=port)
        self._sandboxes.UnpublishPort(request, timeout=CALL_TIMEOUT)

    def audit(self, *, cursor: str = '', follow: bool = False,
              filter: audit_service_pb2.AuditFilter | None = None,
              ) -> Iterator[audit_service_pb2.StreamAuditEventsResponse]:
        """What its network did, one by one: an item's `event`, or `lost` where the log
        no longer holds what should come next. An item's `cursor`, given back, goes on
        after it. With `follow` it goes on with what comes; leaving the loop ends it.

            for item in web.audit(follow=True):
                print(item.event.flow.remote.address)
        """
        request = audit_service_pb2.StreamAuditEventsRequest(sandbox_ids=[self.id], cursor=cursor, follow=follow,
                                                             filter=filter)
        call = self._audit.StreamAuditEvents(request)
        try:
            for item in call:
                if not item.HasField('heartbeat'):
                    yield item
        finally:
            call.cancel()

    def delete(self) -> None:
        """Ends it now; gone already is well."""
        request = sandbox_service_pb2.DeleteSandboxRequest(sandbox_id=self.id)
        try:
            self._sandboxes.DeleteSandbox(request, timeout=CALL_TIMEOUT)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise

    def detach(self) -> str:
        """Leaves it running at the block's end; Sandbox.open finds it by the id that is returned."""
        self._detached = True
        return self.id
