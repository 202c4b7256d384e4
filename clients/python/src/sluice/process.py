"""Programs in guests."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, Self

from sluice.v1 import guest_service_pb2

_CHUNK_BYTES = 32 << 10


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


class Process:
    """A program that runs: its output, piece by piece, then code and signal.

        with web.start(['make']) as make:
            for output in make:
                sys.stdout.buffer.write(output.data)
        print(make.code)

    Leaving the block, or kill(), ends it.
    """

    def __init__(self, stub: Any, start: guest_service_pb2.ExecStart, input: bytes | Iterable[bytes],
                 timeout: float | None) -> None:
        self.code: int | None = None  # once it has ended
        self.signal: int | None = None
        self._call = stub.Exec(_requests(start, input), timeout=timeout)

    def __iter__(self) -> Iterator[Output]:
        for response in self._call:
            kind = response.WhichOneof('item')
            if kind in ('stdout', 'stderr'):
                yield Output(kind, getattr(response, kind))
            elif kind == 'exit':
                self.code, self.signal = response.exit.code, response.exit.signal

    def kill(self) -> None:
        """Ends the program and its group. Any thread; then iteration raises grpc.RpcError, CANCELLED."""
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def collect(self, max_output_bytes: int) -> ExecResult:
        """Waits for its end. BufferError, and its end, where it says more than that."""
        said = {'stdout': bytearray(), 'stderr': bytearray()}
        with self:
            for output in self:
                said[output.stream] += output.data
                if sum(map(len, said.values())) > max_output_bytes:
                    raise BufferError(f'the program says more than {max_output_bytes} bytes: start() has them piecewise')
        if self.code is None or self.signal is None:
            raise RuntimeError("the call ended without the program's exit")
        return ExecResult(self.code, self.signal, bytes(said['stdout']), bytes(said['stderr']))


def _requests(start: guest_service_pb2.ExecStart,
              input: bytes | Iterable[bytes]) -> Iterator[guest_service_pb2.ExecRequest]:
    yield guest_service_pb2.ExecRequest(start=start)
    for data in [input] if isinstance(input, bytes) else input:
        for at in range(0, len(data), _CHUNK_BYTES):
            yield guest_service_pb2.ExecRequest(stdin=bytes(data[at:at + _CHUNK_BYTES]))
    yield guest_service_pb2.ExecRequest(stdin_closed=True)
