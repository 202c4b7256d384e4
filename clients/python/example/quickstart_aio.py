"""What deploy/quickstart.sh shows, from Python's asyncio:

    quickstart_aio.py SERVER [PUBLIC_URL [PRIVATE_HOST:PORT]]

makes a sandbox with the default policy, fetches from inside it twice at once,
changes the policy under it, reaches it through a published port, and reads back
what happened.
"""

import asyncio
import sys

import sluice
import sluice.aio
from sluice.v1 import audit_pb2, policy_pb2

SHOWN = (audit_pb2.FlowEvent.PHASE_OPENED, audit_pb2.FlowEvent.PHASE_DENIED)


async def fetch(sandbox, url):
    """Fetches from inside the sandbox; returns how that went."""
    curl = await sandbox.exec(['curl', '--silent', '--show-error', '--output', '/dev/null', '--max-time', '10', url])
    return f'{"reached" if curl.ok else "refused"} {url}\n{curl.stderr.decode()}'


async def fetch_from_host(port, path):
    """What the guest's web server answers through a published port."""
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    writer.write(f'GET {path} HTTP/1.0\r\n\r\n'.encode())
    _, _, body = (await reader.read()).partition(b'\r\n\r\n')
    writer.close()
    return body.decode()


async def show(sandbox, public_url, private_peer):
    private_url = f'http://{private_peer}/'
    print(*await asyncio.gather(fetch(sandbox, public_url), fetch(sandbox, private_url)), sep='', end='')

    await sandbox.set_network_policy(sluice.Policy().preset('public_only').allow(private_peer))
    print(await fetch(sandbox, private_url), end='')

    await sandbox.write_file('/tmp/hello.txt', b'hello from inside the sandbox\n')
    # Until the guest's server listens.
    await sandbox.exec(['curl', '--silent', '--retry', '10', '--retry-connrefused', 'http://127.0.0.1:8000/hello.txt'])
    [port] = await sandbox.ports()
    print('published port', port.host_port)
    print(await fetch_from_host(port.host_port, '/hello.txt'), end='')

    async for item in sandbox.audit():
        flow = item.event.flow
        if flow.phase in SHOWN:
            print(f'{policy_pb2.Action.Name(flow.verdict.action)} {flow.remote.address}:{flow.remote.port}, '
                  f'by {flow.verdict.rule_id}')


async def main(server, public_url='http://example.com/', private_peer='10.1.2.3:80'):
    builder = sluice.aio.SandboxBuilder().args('python3', '-m', 'http.server', '8000', '--directory', '/tmp')
    async with sluice.aio.connect(server) as channel, await builder.port(0, 8000).create(channel) as sandbox:
        await show(sandbox, public_url, private_peer)


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit('usage: quickstart_aio.py SERVER [PUBLIC_URL [PRIVATE_HOST:PORT]]')
    asyncio.run(main(*sys.argv[1:]))
