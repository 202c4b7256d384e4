"""Programs in guests."""

from collections.abc import Iterable, Iterator
from typing import Any, Self

from sluice import calls
from sluice.v1 import guest_service_pb2


class Process(calls.Program):
    """A program that runs: its output, piece by piece, then code and signal.

        with web.start(['make']) as make:
            for output in make:
                sys.stdout.buffer.write(output.data)
        print(make.code)

    Leaving the block, or kill(), ends it.
    """

    def __init__(self, stub: Any, start: guest_service_pb2.ExecRequest, input: bytes | Iterable[bytes],
                 timeout: float | None) -> None:
        super().__init__()
        self._call = stub.Exec(_requests(start, input), timeout=timeout)

    def __iter__(self) -> Iterator[calls.Output]:
        for response in self._call:
            if output := self._take(response):
                yield output

    def kill(self) -> None:
        """Ends the program and its group. Any thread; then iteration raises grpc.RpcError, CANCELLED."""
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def collect(self, max_output_bytes: int) -> calls.ExecResult:
        """Waits for its end. BufferError, and its end, where it says more than that."""
        said = calls.collected_output(max_output_bytes)
        with self:
            for output in self:
                said.add(*output)
        return self._result(said)


def _requests(start: guest_service_pb2.ExecRequest,
              input: bytes | Iterable[bytes]) -> Iterator[guest_service_pb2.ExecRequest]:
    yield start
    for data in [input] if isinstance(input, bytes) else input:
        yield from calls.stdin(data)
    yield calls.STDIN_CLOSED
