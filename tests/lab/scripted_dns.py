"""The lab's DNS server for answers that no honest server gives.

    scripted_dns.py LOG ADDRESS[@PORT]=BEHAVIOUR...

listens on each address, UDP and TCP, and appends a line for each query to LOG:
"BEHAVIOUR PROTOCOL ASKER NAME TYPE". Behaviours: "script" answers as SCRIPT
below says; "refused" and "servfail" answer everything with that; "silent"
answers nothing.
"""

import asyncio
import collections
import struct
import sys

import dns_message as dns

PUBLIC, PRIVATE = '93.184.216.34', '10.1.2.3'
SLOW_SECONDS = 1.5
TCP_IDLE_SECONDS = 30


class Script:
    """What a name answers; the last labels choose, the rest is free.

    x.flip.test and y.flip.test so have each a state of their own.
    """

    def __init__(self):
        self._asked = collections.Counter()
        self._by_suffix = {
            'flip.test': self._flip,
            'slow.test': self._public,
            'big.test': self._big,
            'extra.test': self._extra,
            'refused.test': lambda q: dns.build_answer(q, dns.REFUSED),
            'servfail.test': lambda q: dns.build_answer(q, dns.SERVFAIL),
            'silent.test': lambda q: None,
            'garbage.test': lambda q: b'\xff' * 100,
            'short.test': lambda q: struct.pack('>H', q.id) + b'\x81',
            'wrong-id.test': self._wrong_id,
            'wrong-name.test': self._wrong_name,
            'loop.test': self._loop,
            'many.test': self._many,
        }

    def answer(self, query):
        """The answer's wire form, or None for silence."""
        labels = query.key.split('.')
        handler = self._by_suffix.get('.'.join(labels[-2:]), self._no_such_name)
        return handler(query)

    def delay(self, query):
        """Seconds before the answer leaves."""
        return SLOW_SECONDS if query.key.endswith('slow.test') else 0

    def _addresses(self, query, addresses, ttl=300):
        if query.type != dns.A:
            return dns.build_answer(query, authority=[dns.soa('test')])
        return dns.build_answer(
            query, answers=[dns.address(query.name, a, ttl) for a in addresses])

    def _public(self, query):
        return self._addresses(query, [PUBLIC], ttl=0)

    def _flip(self, query):
        """Public, then private, by turns; not for long (TTL 0)."""
        if query.type == dns.A:
            self._asked[query.key] += 1
        odd = self._asked[query.key] % 2
        return self._addresses(query, [PUBLIC if odd else PRIVATE], ttl=0)

    def _big(self, query):
        """4 KB of public addresses, or 5 KB of text."""
        if query.type == dns.TXT:
            texts = [dns.txt(query.name, f'{i:03d} ' + 'x' * 240)
                     for i in range(20)]
            return dns.build_answer(query, answers=texts)
        return self._addresses(query, [f'93.184.217.{i}' for i in range(1, 151)])

    def _extra(self, query):
        """A public address, and a private one beside it that nobody asked for."""
        if query.type == dns.MX:
            answers = [dns.mx(query.name, 'mail.extra.test')]
        elif query.type == dns.A:
            answers = [dns.address(query.name, PUBLIC, 0)]
        else:
            return dns.build_answer(query, authority=[dns.soa('test')])
        return dns.build_answer(
            query, answers=answers,
            additional=[dns.address('mail.extra.test', PRIVATE, 0)])

    def _wrong_id(self, query):
        wire = self._public(query)
        return struct.pack('>H', query.id ^ 1) + wire[2:]

    def _wrong_name(self, query):
        other = dns.encode_name('other.test') + query.question[-4:]
        query.question = other
        return self._addresses(query, [PUBLIC])

    def _loop(self, query):
        """A name that is an alias of itself."""
        alias = dns.Record(query.name, dns.CNAME, 0,
                           dns.encode_name(query.name))
        return dns.build_answer(query, answers=[alias])

    def _many(self, query):
        """A chain of 40 aliases, then an address."""
        names = [query.name] + [f'{i}.many.test' for i in range(40)]
        chain = [dns.Record(a, dns.CNAME, 300, dns.encode_name(b))
                 for a, b in zip(names, names[1:])]
        return dns.build_answer(
            query, answers=chain + [dns.address(names[-1], PUBLIC)])

    def _no_such_name(self, query):
        return dns.build_answer(query, dns.NXDOMAIN,
                                authority=[dns.soa('test')])


class Server:
    """One listening address, and how it behaves."""

    def __init__(self, behaviour, script, log):
        self._behaviour = behaviour
        self._script = script
        self._log = log

    async def reply(self, wire, protocol, asker):
        """(query, answer); the answer is None for silence."""
        query = dns.parse_query(wire)
        print(self._behaviour, protocol, asker, query.name, query.type,
              file=self._log)
        if self._behaviour == 'silent':
            return query, None
        if self._behaviour == 'refused':
            return query, dns.build_answer(query, dns.REFUSED)
        if self._behaviour == 'servfail':
            return query, dns.build_answer(query, dns.SERVFAIL)
        await asyncio.sleep(self._script.delay(query))
        return query, self._script.answer(query)

    async def serve_tcp(self, reader, writer):
        asker = writer.get_extra_info('peername')[0]
        try:
            while True:
                head = await asyncio.wait_for(reader.readexactly(2),
                                              TCP_IDLE_SECONDS)
                wire = await reader.readexactly(int.from_bytes(head, 'big'))
                _, answer = await self.reply(wire, 'tcp', asker)
                if answer is not None:
                    writer.write(len(answer).to_bytes(2, 'big') + answer)
                    await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.TimeoutError, OSError,
                dns.MalformedError):
            pass  # The asker left, or is not one.
        finally:
            writer.close()


class UdpProtocol(asyncio.DatagramProtocol):
    """UDP side of a Server."""

    def __init__(self, server):
        self._server = server
        self._transport = None
        self._tasks = set()  # The loop itself keeps only weak references.

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, addr):
        task = asyncio.ensure_future(self._reply(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, data, addr):
        try:
            query, answer = await self._server.reply(data, 'udp', addr[0])
        except dns.MalformedError:
            return
        if answer is None:
            return
        if len(answer) > query.udp_size:
            answer = dns.truncate(query)
        self._transport.sendto(answer, addr)


async def main(log_path, *listens):
    log = open(log_path, 'a', buffering=1, encoding='ascii')
    script = Script()
    loop = asyncio.get_running_loop()
    for listen in listens:
        where, behaviour = listen.split('=')
        address, _, port = where.partition('@')
        server = Server(behaviour, script, log)
        port = int(port or 53)
        await loop.create_datagram_endpoint(
            lambda server=server: UdpProtocol(server),
            local_addr=(address, port))
        await asyncio.start_server(server.serve_tcp, address, port)
    await asyncio.Event().wait()


if __name__ == '__main__':
    asyncio.run(main(*sys.argv[1:]))
