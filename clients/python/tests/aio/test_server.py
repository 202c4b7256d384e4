"""sluice.aio against the server at SLUICE_SERVER, on the lab's host (tests/lab)."""

import asyncio
import os
import unittest
import unittest.mock

import grpc
import sluice
import sluice.aio
from sluice.v1 import audit_service_pb2, policy_pb2, sandbox_service_pb2_grpc

CANNOT_CONNECT = 7  # curl's exit
DENIED = audit_service_pb2.AuditFilter(action=policy_pb2.ACTION_DENY)
# A program that tells its pid to who reads the pipe, and goes on.
TELLS_PID = ['sh', '-c', 'echo $$ >/tmp/pid; exec sleep 1000']


async def fetch(sandbox, url):
    """curl's exit."""
    return (await sandbox.exec(['curl', '--silent', '--max-time', '10', '--output', '/dev/null', url])).code


class ServerTest(unittest.IsolatedAsyncioTestCase):

    async def asyncSetUp(self):
        self.channel = await self.enterAsyncContext(sluice.aio.connect(os.environ['SLUICE_SERVER']))

    async def asyncTearDown(self):
        """No test leaves a call open: grpc.aio has a task for each."""
        if left := asyncio.all_tasks() - {asyncio.current_task()}:
            _, pending = await asyncio.wait(left, timeout=10)
            self.assertFalse(pending)

    async def assert_refused(self, code, call):
        with self.assertRaises(grpc.aio.AioRpcError) as caught:
            await call
        self.assertEqual(caught.exception.code(), code, caught.exception)
        return caught.exception.details()

    async def create(self, builder):
        """Deleted at the test's end."""
        return await self.enterAsyncContext(await builder.create(self.channel))

    async def exists(self, id):
        try:
            return (await sluice.aio.Sandbox.open(self.channel, id)).id == id
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)
            return False

    async def pid_of_started(self, sandbox):
        """The pid that TELLS_PID tells, once it does."""
        pid = (await sandbox.exec(['cat', '/tmp/pid'], timeout=10)).stdout.decode().strip()
        self.assertTrue((await sandbox.exec(['kill', '-0', pid])).ok)
        return pid

    async def assert_ends(self, sandbox, pid):
        self.assertTrue((await sandbox.exec(
            ['sh', '-c', 'while kill -0 $0; do sleep 0.02; done', pid], timeout=10)).ok)

    async def test_a_sandbox_goes_with_its_block_unless_detached(self):
        builder = sluice.aio.SandboxBuilder('scoped')
        async with await builder.create(self.channel):
            self.assertTrue(await self.exists('scoped'))
            await self.assert_refused(grpc.StatusCode.ALREADY_EXISTS, builder.create(self.channel))
        self.assertFalse(await self.exists('scoped'))
        async with await sluice.aio.SandboxBuilder('kept').create(self.channel) as sandbox:
            self.assertEqual(sandbox.detach(), 'kept')
        self.assertTrue(await self.exists('kept'))
        await (await sluice.aio.Sandbox.open(self.channel, 'kept')).delete()
        self.assertFalse(await self.exists('kept'))
        await sandbox.delete()  # gone already is well

    async def test_a_block_that_is_cancelled_deletes_its_sandbox(self):
        entered = asyncio.Event()

        async def stay():
            async with await sluice.aio.SandboxBuilder('left').create(self.channel):
                entered.set()
                await asyncio.Event().wait()

        async with asyncio.TaskGroup() as group:
            staying = group.create_task(stay())
            await entered.wait()
            self.assertTrue(await self.exists('left'))
            staying.cancel()
        self.assertTrue(staying.cancelled())
        self.assertFalse(await self.exists('left'))

    async def test_a_creation_that_is_cancelled_with_its_answer_here_is_undone(self):
        stub, made = sandbox_service_pb2_grpc.SandboxServiceStub, []

        def cancelling_stub(channel):
            services = stub(channel)
            create = services.CreateSandbox

            def create_and_cancel(*args, **kwargs):
                made.append(create(*args, **kwargs))
                # Past the answer, before the task that waits for it.
                made[0].add_done_callback(lambda _: asyncio.get_running_loop().call_soon(creating.cancel))
                return made[0]

            services.CreateSandbox = create_and_cancel
            return services

        with unittest.mock.patch.object(sandbox_service_pb2_grpc, 'SandboxServiceStub', cancelling_stub):
            creating = asyncio.create_task(sluice.aio.SandboxBuilder('late').create(self.channel))
            with self.assertRaises(asyncio.CancelledError):
                await creating
        self.assertEqual((await made[0]).sandbox.id, 'late')
        self.assertFalse(await self.exists('late'))

    async def test_programs_run_with_input_and_output(self):
        sandbox = await self.create(sluice.aio.SandboxBuilder())
        megabytes = b'x' * (3 << 20)
        result = await sandbox.exec(['sh', '-c', 'cat; echo $A >&2; pwd >&2; exit 7'], env={'A': 'b'}, cwd='/tmp',
                                    input=megabytes)
        self.assertEqual((result.code, result.stderr, result.ok), (7, b'b\n/tmp\n', False))
        self.assertTrue(result.stdout == megabytes, len(result.stdout))
        self.assertTrue((await sandbox.exec(['true'], input=megabytes)).ok)  # that nobody reads
        with self.assertRaises(BufferError):
            await sandbox.exec(['cat', '/dev/zero'], max_output_bytes=1000)
        await self.assert_refused(grpc.StatusCode.DEADLINE_EXCEEDED, sandbox.exec(['sleep', '60'], timeout=0.5))

    async def test_a_program_is_talked_with(self):
        sandbox = await self.create(sluice.aio.SandboxBuilder())
        answered = asyncio.Event()

        async def lines():
            yield b'first\n'
            await answered.wait()
            yield b'second\n'

        said = b''
        async with sandbox.start(['sh', '-c', 'while read line; do echo "got $line"; done'], input=lines()) as shell:
            async for output in shell:
                self.assertEqual(output.stream, 'stdout')
                said += output.data
                answered.set()
        self.assertEqual((said, shell.code), (b'got first\ngot second\n', 0))

    async def test_input_ends_with_the_program_and_its_failure_ends_that(self):
        sandbox = await self.create(sluice.aio.SandboxBuilder())
        closed = asyncio.Event()

        async def endless():
            try:
                yield b'first\n'
                await asyncio.Event().wait()
            finally:
                closed.set()

        async def broken():
            yield b'first\n'
            raise LookupError('out of input')

        head = sandbox.start(['head', '-n', '1'], input=endless())
        self.assertEqual([output.data async for output in head], [b'first\n'])
        await asyncio.wait_for(closed.wait(), 10)
        with self.assertRaisesRegex(LookupError, 'out of input'):
            await sandbox.exec(['cat'], input=broken())

    async def test_input_that_waits_to_be_taken_is_closed(self):
        sandbox = await self.create(sluice.aio.SandboxBuilder())
        asked, closed = asyncio.Event(), asyncio.Event()

        async def more_than_is_taken():
            try:
                asked.set()
                yield b'x' * (64 << 20)
            finally:
                closed.set()

        input = more_than_is_taken()  # which nobody else closes
        async with sandbox.start(['sleep', '1000'], input=input):
            await asked.wait()
            self.assertFalse(closed.is_set())
        await asyncio.wait_for(closed.wait(), 10)

    async def test_a_cancelled_task_ends_its_program(self):
        sandbox = await self.create(sluice.aio.SandboxBuilder())
        await sandbox.exec(['mkfifo', '/tmp/pid'])
        running = asyncio.create_task(sandbox.exec(TELLS_PID))
        pid = await self.pid_of_started(sandbox)
        running.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await running
        await self.assert_ends(sandbox, pid)
        with self.assertRaises(TimeoutError):
            async with asyncio.timeout(0.1):
                await sandbox.exec(['sleep', '1000'])

    async def test_kill_ends_a_program_and_not_the_task(self):
        sandbox = await self.create(sluice.aio.SandboxBuilder())
        await sandbox.exec(['mkfifo', '/tmp/pid'])
        process = sandbox.start(TELLS_PID)
        pid = await self.pid_of_started(sandbox)
        process.kill()
        await self.assert_refused(grpc.StatusCode.CANCELLED, process.collect(1000))
        await self.assert_ends(sandbox, pid)

    async def test_programs_run_at_once(self):
        sandbox = await self.create(sluice.aio.SandboxBuilder())
        await sandbox.exec(['sh', '-c', 'mkfifo /tmp/0 /tmp/1 /tmp/2 /tmp/3 /tmp/4'])
        # Each pair meets at a pipe: none ends before another of them has started.
        pairs = [(['sh', '-c', f'echo {n} >/tmp/{n}'], ['cat', f'/tmp/{n}']) for n in range(5)]
        results = await asyncio.gather(*(sandbox.exec(args, timeout=20) for pair in pairs for args in pair))
        self.assertTrue(all(result.ok for result in results), results)
        self.assertEqual([result.stdout for result in results[1::2]], [b'%d\n' % n for n in range(5)])

    async def test_files_are_written_and_read(self):
        sandbox = await self.create(sluice.aio.SandboxBuilder())
        script = b'#!/bin/sh\necho ran\n' + b'#' * 100_000
        await sandbox.write_file('/tmp/run.sh', script, 0o755)
        self.assertEqual(await sandbox.read_file('/tmp/run.sh'), script)
        self.assertEqual((await sandbox.exec(['/tmp/run.sh'])).stdout, b'ran\n')
        with self.assertRaises(BufferError):
            await sandbox.read_file('/tmp/run.sh', max_bytes=1000)
        await self.assert_refused(grpc.StatusCode.NOT_FOUND, sandbox.read_file('/tmp/none'))
        await self.assert_refused(grpc.StatusCode.NOT_FOUND, sandbox.write_file('/none/x', script))

    async def test_a_policy_is_changed_at_once(self):
        sandbox = await self.create(sluice.aio.SandboxBuilder())
        self.assertEqual(await fetch(sandbox, 'http://10.1.2.3/'), CANNOT_CONNECT)
        self.assertEqual(await sandbox.set_network_policy(sluice.Policy().allow('10.1.2.3:80')), 2)
        self.assertEqual(await fetch(sandbox, 'http://10.1.2.3/'), 0)

    async def test_ports_come_and_go(self):
        sandbox = await self.create(sluice.aio.SandboxBuilder().port(0, 80))
        [tcp] = await sandbox.ports()
        await self.assert_refused(grpc.StatusCode.ALREADY_EXISTS, sandbox.publish_port(tcp.host_port, 81))
        published = await sandbox.publish_port(0, 53, 'udp')
        self.assertNotEqual(published.host_port, 0)
        await sandbox.unpublish_port(published)
        await self.assert_refused(grpc.StatusCode.NOT_FOUND, sandbox.unpublish_port(published))

    async def test_audit_goes_on_after_a_cursor(self):
        sandbox = await self.create(sluice.aio.SandboxBuilder())
        self.assertEqual(await fetch(sandbox, 'http://10.1.2.3/'), CANNOT_CONNECT)
        async for first in sandbox.audit(filter=DENIED):
            self.assertEqual(first.event.flow.remote.address, '10.1.2.3')
            break
        fetching = asyncio.create_task(fetch(sandbox, 'http://172.20.0.1/'))
        async for item in sandbox.audit(filter=DENIED, cursor=first.cursor, follow=True):
            self.assertEqual(item.event.flow.remote.address, '172.20.0.1')
            break
        self.assertEqual(await fetching, CANNOT_CONNECT)
        self.assertEqual([item.event.flow.remote.address async for item in sandbox.audit(filter=DENIED)],
                         ['10.1.2.3', '172.20.0.1'])

    async def test_errors_are_the_servers_own(self):
        self.assertIn('sandbox.id: ', await self.assert_refused(
            grpc.StatusCode.INVALID_ARGUMENT, sluice.aio.SandboxBuilder('Not-An-Id').create(self.channel)))
        sandbox = await self.create(sluice.aio.SandboxBuilder())
        self.assertIn('there is no program nope', await self.assert_refused(
            grpc.StatusCode.NOT_FOUND, sandbox.exec(['nope'])))
        async with sluice.aio.connect('unix:/nowhere/api.sock') as nowhere:
            await self.assert_refused(grpc.StatusCode.UNAVAILABLE, sluice.aio.SandboxBuilder().create(nowhere))


if __name__ == '__main__':
    unittest.main()
