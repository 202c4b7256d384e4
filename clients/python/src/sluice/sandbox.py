"""A sandbox of a server's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self

import grpc

from sluice import calls, rules
from sluice.calls import CALL_TIMEOUT, MAX_BYTES, ExecResult
from sluice.policy import Policy
from sluice.process import Process
from sluice.v1 import audit_service_pb2, guest_service_pb2, policy_pb2, sandbox_pb2, sandbox_service_pb2


class Sandbox(calls.Handle):
    """Made by SandboxBuilder.create; as a context manager it is deleted at the
    block's end, unless detached. Any thread may call it."""

    @classmethod
    def open(cls, channel: grpc.Channel, id: str) -> Self:
        """One that exists, detached. NOT_FOUND."""
        sandbox = cls(channel, id)
        sandbox.detach()
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
        return Process(self._guests, calls.exec_start(self.id, args, env, cwd, user), input, timeout)

    def exec(self, args: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str = '', user: str = '',
             input: bytes | Iterable[bytes] = b'', timeout: float | None = None,
             max_output_bytes: int = MAX_BYTES) -> ExecResult:
        """Runs a program to its end. That it failed is a result, not an error.

            print(web.exec(['id'], user='1000').stdout.decode())
        """
        process = self.start(args, env=env, cwd=cwd, user=user, input=input, timeout=timeout)
        return process.collect(max_output_bytes)

    def read_file(self, path: str, max_bytes: int = MAX_BYTES) -> bytes:
        """A file of the guest's, whole. BufferError past `max_bytes`."""
        request = guest_service_pb2.ReadFileRequest(sandbox_id=self.id, path=path)
        file = calls.collected_file(path, max_bytes)
        with calls.ending(self._guests.ReadFile(request, timeout=CALL_TIMEOUT)) as call:
            for response in call:
                file.add(path, response.data)
        return file[path]

    def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Makes or replaces a file: it appears whole, or not at all."""
        self._guests.WriteFile(calls.write_file(self.id, path, data, mode), timeout=CALL_TIMEOUT)

    def set_network_policy(self, policy: Policy | policy_pb2.NetworkPolicy) -> int:
        """Replaces the policy, at once and whole; open flows that it denies are ended.
        Returns its generation.

            web.set_network_policy(sluice.Policy().allow('10.0.0.5:5432/tcp'))
        """
        request = calls.set_network_policy(self.id, policy)
        return self._sandboxes.SetNetworkPolicy(request, timeout=CALL_TIMEOUT).policy_generation

    def publish_port(self, host_port: int, guest_port: int, protocol: rules.ProtocolWord = 'tcp', *,
                     host_address: str = '') -> sandbox_pb2.PortMapping:
        """Lets a port of the host reach the guest's; 0: any that is free. Returns the
        mapping with the port that was bound. ALREADY_EXISTS where it is taken."""
        request = calls.publish_port(self.id, host_port, guest_port, protocol, host_address)
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
        request = calls.stream_audit_events(self.id, cursor, follow, filter)
        with calls.ending(self._audit.StreamAuditEvents(request)) as call:
            for item in call:
                if not item.HasField('heartbeat'):
                    yield item

    def delete(self) -> None:
        """Ends it now; gone already is well."""
        request = sandbox_service_pb2.DeleteSandboxRequest(sandbox_id=self.id)
        with calls.gone_is_well():
            self._sandboxes.DeleteSandbox(request, timeout=CALL_TIMEOUT)
