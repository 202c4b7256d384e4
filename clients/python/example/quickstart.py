"""What deploy/quickstart.sh shows, from Python:

    quickstart.py SERVER [PUBLIC_URL [PRIVATE_HOST:PORT]]

makes a sandbox with the default policy, fetches from inside it, changes the
policy under it, reaches it through a published port, and reads back what
happened.
"""

import sys
import urllib.request

import sluice
from sluice.v1 import audit_pb2, policy_pb2

SHOWN = (audit_pb2.FlowEvent.PHASE_OPENED, audit_pb2.FlowEvent.PHASE_DENIED)


def fetch(sandbox, url):
    """Fetches from inside the sandbox, and says how that went."""
    curl = sandbox.exec(['curl', '--silent', '--show-error', '--output', '/dev/null', '--max-time', '10', url])
    print('reached' if curl.ok else 'refused', url)
    print(curl.stderr.decode(), end='')


def main(server, public_url='http://example.com/', private_peer='10.1.2.3:80'):
    with sluice.connect(server) as channel, (
            sluice.SandboxBuilder().args('python3', '-m', 'http.server', '8000', '--directory', '/tmp')
            .port(0, 8000).create(channel)) as sandbox:
        fetch(sandbox, public_url)
        fetch(sandbox, f'http://{private_peer}/')

        sandbox.set_network_policy(sluice.Policy().preset('public_only').allow(private_peer))
        fetch(sandbox, f'http://{private_peer}/')

        sandbox.write_file('/tmp/hello.txt', b'hello from inside the sandbox\n')
        # Until the guest's server listens.
        sandbox.exec(['curl', '--silent', '--retry', '10', '--retry-connrefused', 'http://127.0.0.1:8000/hello.txt'])
        port = sandbox.ports()[0].host_port
        print('published port', port)
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/hello.txt') as hello:
            print(hello.read().decode(), end='')

        for item in sandbox.audit():
            flow = item.event.flow
            if flow.phase in SHOWN:
                print(f'{policy_pb2.Action.Name(flow.verdict.action)} {flow.remote.address}:{flow.remote.port}, '
                      f'by {flow.verdict.rule_id}')


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit('usage: quickstart.py SERVER [PUBLIC_URL [PRIVATE_HOST:PORT]]')
    main(*sys.argv[1:])
