"""The client against the server at SLUICE_SERVER, on the lab's host (tests/lab)."""

import os
import signal
import threading
import unittest

import grpc
import sluice
from sluice.v1 import audit_service_pb2, policy_pb2

CANNOT_RESOLVE, CANNOT_CONNECT = 6, 7  # curl's exits
DENIED = audit_service_pb2.AuditFilter(action=policy_pb2.ACTION_DENY)


def fetch(sandbox, url):
    """curl's exit."""
    return sandbox.exec(['curl', '--silent', '--max-time', '10', '--output', '/dev/null', url]).code


class ServerTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.channel = sluice.connect(os.environ['SLUICE_SERVER'])

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()

    def assert_refused(self, code, call, *args, **kwargs):
        with self.assertRaises(grpc.RpcError) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.code(), code, caught.exception)
        return caught.exception.details()

    def create(self, builder):
        """Deleted at the test's end."""
        return self.enterContext(builder.create(self.channel))

    def exists(self, id):
        try:
            return sluice.Sandbox.open(self.channel, id).id == id
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)
            return False

    def test_a_sandbox_goes_with_its_block_unless_detached(self):
        with sluice.SandboxBuilder('scoped').create(self.channel):
            self.assertTrue(self.exists('scoped'))
            self.assert_refused(grpc.StatusCode.ALREADY_EXISTS, sluice.SandboxBuilder('scoped').create, self.channel)
        self.assertFalse(self.exists('scoped'))
        with sluice.SandboxBuilder('kept').create(self.channel) as sandbox:
            self.assertEqual(sandbox.detach(), 'kept')
        self.assertTrue(self.exists('kept'))
        sluice.Sandbox.open(self.channel, 'kept').delete()
        self.assertFalse(self.exists('kept'))
        sandbox.delete()  # gone already is well

    def test_programs_run_with_input_and_output(self):
        sandbox = self.create(sluice.SandboxBuilder())
        megabytes = b'x' * (3 << 20)
        result = sandbox.exec(['sh', '-c', 'cat; echo $A >&2; pwd >&2; exit 7'], env={'A': 'b'}, cwd='/tmp',
                              input=megabytes)
        self.assertEqual((result.code, result.stderr, result.ok), (7, b'b\n/tmp\n', False))
        self.assertTrue(result.stdout == megabytes, len(result.stdout))
        self.assertEqual(sandbox.exec(['sh', '-c', 'kill -TERM $$']).signal, signal.SIGTERM)
        with self.assertRaises(BufferError):
            sandbox.exec(['cat', '/dev/zero'], max_output_bytes=1000)
        self.assert_refused(grpc.StatusCode.DEADLINE_EXCEEDED, sandbox.exec, ['sleep', '60'], timeout=1)

    def test_a_program_is_talked_with(self):
        sandbox = self.create(sluice.SandboxBuilder())
        answered = threading.Event()

        def lines():
            yield b'first\n'
            answered.wait(10)
            yield b'second\n'

        with sandbox.start(['sh', '-c', 'while read line; do echo "got $line"; done'], input=lines()) as shell:
            said = b''
            for output in shell:
                self.assertEqual(output.stream, 'stdout')
                said += output.data
                answered.set()
        self.assertEqual((said, shell.code), (b'got first\ngot second\n', 0))

    def test_files_are_written_and_read(self):
        sandbox = self.create(sluice.SandboxBuilder())
        script = b'#!/bin/sh\necho ran\n' + b'#' * 100_000
        sandbox.write_file('/tmp/run.sh', script, 0o755)
        self.assertEqual(sandbox.read_file('/tmp/run.sh'), script)
        self.assertEqual(sandbox.exec(['/tmp/run.sh']).stdout, b'ran\n')
        with self.assertRaises(BufferError):
            sandbox.read_file('/tmp/run.sh', max_bytes=1000)
        self.assert_refused(grpc.StatusCode.NOT_FOUND, sandbox.read_file, '/tmp/none')
        self.assert_refused(grpc.StatusCode.NOT_FOUND, sandbox.write_file, '/none/x', script)

    def test_allow_is_an_allow_list_and_a_policy_is_changed_at_once(self):
        sandbox = self.create(sluice.SandboxBuilder().allow('10.1.2.3:80'))
        self.assertEqual(fetch(sandbox, 'http://10.1.2.3/'), 0)
        self.assertEqual(fetch(sandbox, 'http://93.184.216.34/'), CANNOT_CONNECT)
        self.assertEqual(sandbox.set_network_policy(sluice.Policy().deny('10.0.0.0/8')), 2)
        self.assertEqual(fetch(sandbox, 'http://93.184.216.34/'), 0)
        self.assertEqual(fetch(sandbox, 'http://10.1.2.3/'), CANNOT_CONNECT)

    def test_a_blocked_name_is_refused_under_every_policy(self):
        url = 'http://web.example.com/hello'
        blocked = self.create(sluice.SandboxBuilder().block('*.web.example.com').preset('allow_all'))
        self.assertEqual(fetch(blocked, url), CANNOT_RESOLVE)
        blocked.set_network_policy(sluice.Policy().allow('web.example.com'))
        self.assertEqual(fetch(blocked, url), CANNOT_RESOLVE)
        self.assertEqual(fetch(self.create(sluice.SandboxBuilder().allow('web.example.com')), url), 0)

    def test_ports_come_and_go(self):
        sandbox = self.create(sluice.SandboxBuilder().port(0, 80).port_udp(0, 53))
        tcp, udp = sandbox.ports()
        self.assertEqual((tcp.protocol, udp.protocol), (policy_pb2.PROTOCOL_TCP, policy_pb2.PROTOCOL_UDP))
        self.assert_refused(grpc.StatusCode.ALREADY_EXISTS, sandbox.publish_port, tcp.host_port, 81)
        published = sandbox.publish_port(0, 53, 'udp')
        self.assertNotEqual(published.host_port, 0)
        sandbox.unpublish_port(published)
        self.assert_refused(grpc.StatusCode.NOT_FOUND, sandbox.unpublish_port, published)

    def test_audit_goes_on_after_a_cursor(self):
        sandbox = self.create(sluice.SandboxBuilder())
        self.assertEqual(fetch(sandbox, 'http://10.1.2.3/'), CANNOT_CONNECT)
        first = next(sandbox.audit(filter=DENIED))
        self.assertEqual(first.event.flow.remote.address, '10.1.2.3')
        self.assertEqual(fetch(sandbox, 'http://172.20.0.1/'), CANNOT_CONNECT)
        for item in sandbox.audit(filter=DENIED, cursor=first.cursor, follow=True):
            self.assertEqual(item.event.flow.remote.address, '172.20.0.1')
            break
        self.assertEqual([item.event.flow.remote.address for item in sandbox.audit(filter=DENIED)],
                         ['10.1.2.3', '172.20.0.1'])

    def test_errors_are_the_servers_own(self):
        self.assertIn('sandbox.id: ', self.assert_refused(
            grpc.StatusCode.INVALID_ARGUMENT, sluice.SandboxBuilder('Not-An-Id').create, self.channel))
        sandbox = self.create(sluice.SandboxBuilder())
        self.assertIn('there is no program nope', self.assert_refused(
            grpc.StatusCode.NOT_FOUND, sandbox.exec, ['nope']))
        with sluice.connect('unix:/nowhere/api.sock') as nowhere:
            self.assert_refused(grpc.StatusCode.UNAVAILABLE, sluice.SandboxBuilder().create, nowhere)


if __name__ == '__main__':
    unittest.main()
