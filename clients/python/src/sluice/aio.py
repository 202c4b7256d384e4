"""sluice for programs of asyncio: the same words, the same sandbox.

    import asyncio
    import sluice
    import sluice.aio

    async def main():
        async with sluice.aio.connect('unix:/run/sluice.sock') as channel:
            async with await sluice.aio.SandboxBuilder('web').allow('*.pypi.org').create(channel) as web:
                print((await web.exec(['pip', 'download', 'six'], cwd='/tmp')).stderr)
                async for item in web.audit():
                    print(item.event)

    asyncio.run(main())

A task that is cancelled, by asyncio.timeout() for one, ends its call on the server:
the program that it runs is killed, the sandbox that it makes is undone. What a server
refuses is grpc.aio.AioRpcError, a grpc.RpcError. All of it belongs to the event loop in
which its channel was made.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Self

import grpc
import grpc.aio

from sluice import calls, rules
from sluice.builder import SandboxWords
from sluice.calls import CALL_TIMEOUT, MAX_BYTES, ExecResult, Output
from sluice.channel import OPTIONS
from sluice.policy import Policy
from sluice.v1 import audit_service_pb2, guest_service_pb2, policy_pb2, sandbox_pb2, sandbox_service_pb2

__all__ = ['Process', 'Sandbox', 'SandboxBuilder', 'connect']


def connect(server: str, credentials: grpc.ChannelCredentials | None = None) -> grpc.aio.Channel:
    """A channel to a server at 'unix:PATH' or 'HOST:PORT'.

        async with sluice.aio.connect('unix:/run/sluice.sock') as channel:
            ...

    It connects with the first call; any number of sandboxes and tasks share it.
    """
    if credentials is None:
        return grpc.aio.insecure_channel(server, OPTIONS)
    return grpc.aio.secure_channel(server, credentials, OPTIONS)


class Process(calls.Program):
    """A program that runs: its output, piece by piece, then code and signal.

        async with web.start(['make']) as make:
            async for output in make:
                sys.stdout.buffer.write(output.data)
        print(make.code)

    Leaving the block, or kill(), ends it.
    """

    def __init__(self, stub: Any, start: guest_service_pb2.ExecRequest,
                 input: bytes | Iterable[bytes] | AsyncIterable[bytes], timeout: float | None) -> None:
        super().__init__()
        self._why_ended: Exception | None = None  # by us
        self._call = stub.Exec(timeout=timeout)
        self._feeding = asyncio.create_task(self._feed(start, input))
        # A program may end before its input does.
        self._call.add_done_callback(lambda _: self._feeding.cancel())

    async def __aiter__(self) -> AsyncIterator[Output]:
        try:
            async for response in self._call:
                if output := self._take(response):
                    yield output
        except asyncio.CancelledError:
            # The call is cancelled, and perhaps not the task that waits for it.
            if self._why_ended is None or _is_cancelled():
                raise
            raise self._why_ended from None

    def kill(self) -> None:
        """Ends the program and its group; then iteration raises grpc.aio.AioRpcError, CANCELLED."""
        nothing = grpc.aio.Metadata()
        self._end(grpc.aio.AioRpcError(grpc.StatusCode.CANCELLED, nothing, nothing, 'the program was killed'))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()

    async def collect(self, max_output_bytes: int) -> ExecResult:
        """Waits for its end. BufferError, and its end, where it says more than that."""
        said = calls.collected_output(max_output_bytes)
        async with self:
            async for output in self:
                said.add(*output)
        return self._result(said)

    def _end(self, why: Exception) -> None:
        self._why_ended = why
        self._call.cancel()
        self._feeding.cancel()

    async def _feed(self, start: guest_service_pb2.ExecRequest,
                    input: bytes | Iterable[bytes] | AsyncIterable[bytes]) -> None:
        try:
            await self._call.write(start)
            async with contextlib.aclosing(_pieces(input)) as pieces:
                async for data in pieces:
                    for request in calls.stdin(data):
                        await self._call.write(request)
            await self._call.write(calls.STDIN_CLOSED)
            await self._call.done_writing()
        except Exception as error:  # the input's; after the call's own, iteration has that
            self._end(error)


class Sandbox(calls.Handle):
    """Made by SandboxBuilder.create; `async with` deletes it at the block's end,
    unless detached. Its event loop alone may call it; any number of calls can be
    under way at once:

        await asyncio.gather(*(web.exec(['make', target]) for target in targets))
    """

    @classmethod
    async def open(cls, channel: grpc.aio.Channel, id: str) -> Self:
        """One that exists, detached. NOT_FOUND.

            web = await sluice.aio.Sandbox.open(channel, 'web')
        """
        sandbox = cls(channel, id)
        sandbox.detach()
        await sandbox.get()
        return sandbox

    @classmethod
    async def _create(cls, channel: grpc.aio.Channel, wanted: sandbox_pb2.Sandbox) -> Self:
        sandbox = cls(channel, wanted.id)
        request = sandbox_service_pb2.CreateSandboxRequest(sandbox=wanted)
        call = sandbox._sandboxes.CreateSandbox(request, timeout=CALL_TIMEOUT)
        try:
            sandbox.id = (await call).sandbox.id
        except asyncio.CancelledError:
            # The answer may be here, and only this task not have had its turn.
            if call.done() and await call.code() == grpc.StatusCode.OK:
                sandbox.id = (await call).sandbox.id
                await asyncio.shield(sandbox.delete())
            raise
        return sandbox

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._detached:
            await self.delete()

    async def get(self) -> sandbox_pb2.Sandbox:
        """The sandbox as it is now: state, addresses, host ports.

            print((await web.get()).state)
        """
        request = sandbox_service_pb2.GetSandboxRequest(sandbox_id=self.id)
        return (await self._sandboxes.GetSandbox(request, timeout=CALL_TIMEOUT)).sandbox

    async def ports(self) -> list[sandbox_pb2.PortMapping]:
        """The published ports, each with the host port that was bound.

            [web_port] = await web.ports()
        """
        return list((await self.get()).network_status.ports)

    def start(self, args: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str = '', user: str = '',
              input: bytes | Iterable[bytes] | AsyncIterable[bytes] = b'', timeout: float | None = None) -> Process:
        """Starts a program: Process has its output as it comes. `input` is read as
        the program takes it, in the event loop (what blocks is no input here); what it
        raises ends the program, and iteration raises it. Past `timeout` seconds the
        program is killed, DEADLINE_EXCEEDED.

            async with web.start(['tail', '-f', '/tmp/log']) as tail:
                async for output in tail:
                    print(output.data.decode())
        """
        return Process(self._guests, calls.exec_start(self.id, args, env, cwd, user), input, timeout)

    async def exec(self, args: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str = '', user: str = '',
                   input: bytes | Iterable[bytes] | AsyncIterable[bytes] = b'', timeout: float | None = None,
                   max_output_bytes: int = MAX_BYTES) -> ExecResult:
        """Runs a program to its end. That it failed is a result, not an error.

            print((await web.exec(['id'], user='1000')).stdout.decode())
        """
        process = self.start(args, env=env, cwd=cwd, user=user, input=input, timeout=timeout)
        return await process.collect(max_output_bytes)

    async def read_file(self, path: str, max_bytes: int = MAX_BYTES) -> bytes:
        """A file of the guest's, whole. BufferError past `max_bytes`.

            report = await web.read_file('/tmp/report.json')
        """
        request = guest_service_pb2.ReadFileRequest(sandbox_id=self.id, path=path)
        file = calls.collected_file(path, max_bytes)
        with calls.ending(self._guests.ReadFile(request, timeout=CALL_TIMEOUT)) as call:
            async for response in call:
                file.add(path, response.data)
        return file[path]

    async def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Makes or replaces a file: it appears whole, or not at all.

            await web.write_file('/tmp/run.sh', b'#!/bin/sh\\nmake\\n', 0o755)
        """
        await self._guests.WriteFile(calls.write_file(self.id, path, data, mode), timeout=CALL_TIMEOUT)

    async def set_network_policy(self, policy: Policy | policy_pb2.NetworkPolicy) -> int:
        """Replaces the policy, at once and whole; open flows that it denies are ended.
        Returns its generation.

            await web.set_network_policy(sluice.Policy().allow('10.0.0.5:5432/tcp'))
        """
        request = calls.set_network_policy(self.id, policy)
        return (await self._sandboxes.SetNetworkPolicy(request, timeout=CALL_TIMEOUT)).policy_generation

    async def publish_port(self, host_port: int, guest_port: int, protocol: rules.ProtocolWord = 'tcp', *,
                           host_address: str = '') -> sandbox_pb2.PortMapping:
        """Lets a port of the host reach the guest's; 0: any that is free. Returns the
        mapping with the port that was bound. ALREADY_EXISTS where it is taken.

            print((await web.publish_port(0, 80)).host_port)
        """
        request = calls.publish_port(self.id, host_port, guest_port, protocol, host_address)
        return (await self._sandboxes.PublishPort(request, timeout=CALL_TIMEOUT)).port

    async def unpublish_port(self, port: sandbox_pb2.PortMapping) -> None:
        """Closes it, and what came through it."""
        request = sandbox_service_pb2.UnpublishPortRequest(sandbox_id=self.id, port=port)
        await self._sandboxes.UnpublishPort(request, timeout=CALL_TIMEOUT)

    async def audit(self, *, cursor: str = '', follow: bool = False,
                    filter: audit_service_pb2.AuditFilter | None = None,
                    ) -> AsyncGenerator[audit_service_pb2.StreamAuditEventsResponse, None]:
        """What its network did, one by one: an item's `event`, or `lost` where the log
        no longer holds what should come next. An item's `cursor`, given back, goes on
        after it. With `follow` it goes on with what comes; leaving the loop ends it.

            async for item in web.audit(follow=True):
                print(item.event.flow.remote.address)
        """
        request = calls.stream_audit_events(self.id, cursor, follow, filter)
        with calls.ending(self._audit.StreamAuditEvents(request)) as call:
            async for item in call:
                if not item.HasField('heartbeat'):
                    yield item

    async def delete(self) -> None:
        """Ends it now; gone already is well."""
        request = sandbox_service_pb2.DeleteSandboxRequest(sandbox_id=self.id)
        with calls.gone_is_well():
            await self._sandboxes.DeleteSandbox(request, timeout=CALL_TIMEOUT)


class SandboxBuilder(SandboxWords):
    """Says what a sandbox is to be, and makes it.

        async with await (sluice.aio.SandboxBuilder('web').rootfs('/srv/rootfs').port(8080, 80)
                          .allow('*.pypi.org').block('*.tracking.com').create(channel)) as web:
            ...
    """

    async def create(self, channel: grpc.aio.Channel) -> Sandbox:
        """Returns once the guest runs and its network enforces the policy. Cancelled
        before, the sandbox is undone. One whose answer was on its way just then stays:
        give it an id to find it by."""
        return await Sandbox._create(channel, self.build())


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _pieces(input: bytes | Iterable[bytes] | AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    if not isinstance(input, AsyncIterable):
        for data in [input] if isinstance(input, bytes) else input:
            yield data
        return
    pieces = aiter(input)
    try:
        async for data in pieces:
            yield data
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
