"""What sluice.Sandbox and sluice.aio.Sandbox have in common: the requests that they
send, and what they make of the answers. Nothing here waits."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import grpc

from sluice import rules
from sluice.policy import Policy
from sluice.v1 import (audit_service_pb2, audit_service_pb2_grpc, guest_service_pb2, guest_service_pb2_grpc,
                       policy_pb2, sandbox_pb2, sandbox_service_pb2, sandbox_service_pb2_grpc)

# Seconds; starting and ending a guest included.
CALL_TIMEOUT = 60
# Of a file or of a program's output, where the caller gives no bound.
MAX_BYTES = 64 << 20
STDIN_CLOSED = guest_service_pb2.ExecRequest(stdin_closed=True)
_CHUNK_BYTES = 32 << 10


class Handle:
    """A sandbox's id, and the services of the channel that leads to it."""

    def __init__(self, channel: Any, id: str) -> None:
        self.id = id
        self._sandboxes = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        self._guests = guest_service_pb2_grpc.GuestServiceStub(channel)
        self._audit = audit_service_pb2_grpc.AuditServiceStub(channel)
        self._detached = False

    def detach(self) -> str:
        """Leaves it running at the block's end; Sandbox.open finds it by the id that is returned."""
        self._detached = True
        return self.id


class Output(NamedTuple):
    """A piece of what a program says."""

    stream: Literal['stdout', 'stderr']
    data: bytes


class ExecResult(NamedTuple):
    """How a program ended, and what it said."""

    code: int
    signal: int  # where a signal ended it, else 0
    stdout: bytes
    stderr: bytes

    @property
    def ok(self) -> bool:
        return self.code == 0 and self.signal == 0


class Collected:
    """The bytes of named streams, no more than `max_bytes` of all together."""

    def __init__(self, max_bytes: int, excess: str) -> None:
        """`excess`: what BufferError says where more comes."""
        self._room = max_bytes
        self._excess = excess
        self._streams: defaultdict[str, bytearray] = defaultdict(bytearray)

    def add(self, stream: str, data: bytes) -> None:
        self._room -= len(data)
        if self._room < 0:
            raise BufferError(self._excess)
        self._streams[stream] += data

    def __getitem__(self, stream: str) -> bytes:
        return bytes(self._streams[stream])


class Program:
    """What is known of a program that runs, by the answers of its call."""

    def __init__(self) -> None:
        self.code: int | None = None  # once it has ended
        self.signal: int | None = None

    def _take(self, response: guest_service_pb2.ExecResponse) -> Output | None:
        kind = response.WhichOneof('item')
        if kind in ('stdout', 'stderr'):
            return Output(kind, getattr(response, kind))
        if kind == 'exit':
            self.code, self.signal = response.exit.code, response.exit.signal
        return None

    def _result(self, said: Collected) -> ExecResult:
        if self.code is None or self.signal is None:
            raise RuntimeError("the call ended without the program's exit")
        return ExecResult(self.code, self.signal, said['stdout'], said['stderr'])


def collected_output(max_bytes: int) -> Collected:
    return Collected(max_bytes, f'the program says more than {max_bytes} bytes: start() has them piecewise')


def collected_file(path: str, max_bytes: int) -> Collected:
    return Collected(max_bytes, f'{path} is larger than {max_bytes} bytes')


@contextlib.contextmanager
def ending(call: Any) -> Iterator[Any]:
    """Ends the call with the block."""
    try:
        yield call
    finally:
        call.cancel()


@contextlib.contextmanager
def gone_is_well() -> Iterator[None]:
    """Passes over NOT_FOUND."""
    try:
        yield
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.NOT_FOUND:
            raise


def exec_start(id: str, args: Sequence[str], env: Mapping[str, str] | None, cwd: str,
               user: str) -> guest_service_pb2.ExecRequest:
    start = guest_service_pb2.ExecStart(sandbox_id=id, args=args, env=env, working_directory=cwd, user=user)
    return guest_service_pb2.ExecRequest(start=start)


def stdin(data: bytes) -> Iterator[guest_service_pb2.ExecRequest]:
    for piece in _chunks(data):
        yield guest_service_pb2.ExecRequest(stdin=piece)


def write_file(id: str, path: str, data: bytes, mode: int) -> Iterator[guest_service_pb2.WriteFileRequest]:
    opened = guest_service_pb2.WriteFileOpen(sandbox_id=id, path=path, mode=mode)
    yield guest_service_pb2.WriteFileRequest(open=opened)
    for piece in _chunks(data):
        yield guest_service_pb2.WriteFileRequest(data=piece)


def set_network_policy(id: str, policy: Policy | policy_pb2.NetworkPolicy,
                       ) -> sandbox_service_pb2.SetNetworkPolicyRequest:
    message = policy.build() if isinstance(policy, Policy) else policy
    return sandbox_service_pb2.SetNetworkPolicyRequest(sandbox_id=id, policy=message)


def publish_port(id: str, host_port: int, guest_port: int, protocol: rules.ProtocolWord,
                 host_address: str) -> sandbox_service_pb2.PublishPortRequest:
    port = sandbox_pb2.PortMapping(host_port=host_port, guest_port=guest_port, host_address=host_address,
                                   protocol=rules.enum_value(policy_pb2.Protocol, 'PROTOCOL', protocol))
    return sandbox_service_pb2.PublishPortRequest(sandbox_id=id, port=port)


def stream_audit_events(id: str, cursor: str, follow: bool, filter: audit_service_pb2.AuditFilter | None,
                        ) -> audit_service_pb2.StreamAuditEventsRequest:
    return audit_service_pb2.StreamAuditEventsRequest(sandbox_ids=[id], cursor=cursor, follow=follow, filter=filter)


def _chunks(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), _CHUNK_BYTES):
        yield bytes(data[at:at + _CHUNK_BYTES])
