"""The lab's echo services.

    echo_server.py LOG ADDRESS...

On each address: port 7 (RFC 862) echoes, TCP and UDP; port 22 speaks first, as
SSH does, then echoes. LOG gets a line for each connection and each datagram:
"PROTOCOL FROM PORT TO PORT".
"""

import asyncio
import sys

ECHO_PORT, BANNER_PORT = 7, 22
BANNER = b'SSH-2.0-lab\r\n'
BACKLOG = 1024
CHUNK_BYTES = 65536


def log_line(log, protocol, peer, local):
    print(protocol, peer[0], peer[1], local[0], local[1], file=log)


class UdpEcho(asyncio.DatagramProtocol):
    """Sends each datagram back to where it came from."""

    def __init__(self, log):
        self._log = log
        self._transport = None

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, addr):
        local = self._transport.get_extra_info('sockname')
        log_line(self._log, 'udp', addr, local)
        self._transport.sendto(data, addr)


def tcp_echo(log, greeting):
    """A connection handler that greets, then echoes until the peer is done."""

    async def serve(reader, writer):
        log_line(log, 'tcp', writer.get_extra_info('peername'),
                 writer.get_extra_info('sockname'))
        try:
            writer.write(greeting)
            while data := await reader.read(CHUNK_BYTES):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # The peer reset the connection.
        finally:
            writer.close()

    return serve


async def main(log_path, *addresses):
    log = open(log_path, 'a', buffering=1, encoding='ascii')
    loop = asyncio.get_running_loop()
    for address in addresses:
        await asyncio.start_server(tcp_echo(log, BANNER), address, BANNER_PORT,
                                   backlog=BACKLOG)
        await asyncio.start_server(tcp_echo(log, b''), address, ECHO_PORT,
                                   backlog=BACKLOG)
        await loop.create_datagram_endpoint(lambda: UdpEcho(log),
                                            local_addr=(address, ECHO_PORT))
    await asyncio.Event().wait()


if __name__ == '__main__':
    asyncio.run(main(*sys.argv[1:]))
