"""DNS messages in wire form, as much of them as scripted_dns.py needs."""

import dataclasses
import ipaddress
import struct

A, NS, CNAME, SOA, MX, TXT, AAAA, OPT = 1, 2, 5, 6, 15, 16, 28, 41
IN = 1
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5

_QR, _AA, _TC, _RD, _RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080


class MalformedError(Exception):
    """A query that is none."""


@dataclasses.dataclass
class Query:
    """A question as it was asked."""
    id: int
    flags: int
    name: str  # As asked, its case kept; without the trailing dot.
    type: int
    udp_size: int  # What the asker takes over UDP.
    question: bytes  # Wire form: name, type, class.

    @property
    def key(self):
        return self.name.lower()


@dataclasses.dataclass
class Record:
    name: str
    type: int
    ttl: int
    data: bytes

    def wire(self):
        return (encode_name(self.name) +
                struct.pack('>HHIH', self.type, IN, self.ttl, len(self.data)) +
                self.data)


def encode_name(name):
    labels = [label.encode('ascii') for label in name.split('.') if label]
    return b''.join(bytes([len(l)]) + l for l in labels) + b'\0'


def address(name, text, ttl=300):
    """An A or AAAA record, by the address's own kind."""
    ip = ipaddress.ip_address(text)
    return Record(name, A if ip.version == 4 else AAAA, ttl, ip.packed)


def soa(zone, ttl=60):
    data = (encode_name('ns.test') + encode_name('admin.test') +
            struct.pack('>5I', 1, 3600, 600, 86400, ttl))
    return Record(zone, SOA, ttl, data)


def mx(name, target, ttl=300):
    return Record(name, MX, ttl, struct.pack('>H', 10) + encode_name(target))


def txt(name, text, ttl=300):
    data = text.encode('ascii')
    return Record(name, TXT, ttl, bytes([len(data)]) + data)


def parse_query(wire):
    """The first question of a query, and its EDNS size."""
    try:
        ident, flags, questions, _, _, extra = struct.unpack_from('>6H', wire)
        if flags & _QR or questions != 1:
            raise MalformedError('not a query of one question')
        labels, at = [], 12
        while wire[at]:
            if wire[at] > 63:
                raise MalformedError('compressed question')
            labels.append(wire[at + 1:at + 1 + wire[at]].decode('ascii'))
            at += 1 + wire[at]
        qtype, _ = struct.unpack_from('>2H', wire, at + 1)
        end = at + 5
        udp_size = 512
        # An OPT record is the root's: a zero byte, the type, then the size.
        if extra and wire[end] == 0:
            rtype, size = struct.unpack_from('>2H', wire, end + 1)
            udp_size = max(512, size) if rtype == OPT else 512
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise MalformedError(str(error)) from error
    return Query(ident, flags, '.'.join(labels), qtype, udp_size, wire[12:end])


def build_answer(query, rcode=NOERROR, answers=(), authority=(), additional=()):
    """An authoritative answer that echoes the question."""
    flags = _QR | _AA | _RA | (query.flags & _RD) | rcode
    header = struct.pack('>6H', query.id, flags, 1, len(answers),
                         len(authority), len(additional))
    records = [*answers, *authority, *additional]
    return header + query.question + b''.join(r.wire() for r in records)


def truncate(query):
    """An empty answer that says: ask over TCP."""
    flags = _QR | _AA | _TC | _RA | (query.flags & _RD)
    return struct.pack('>6H', query.id, flags, 1, 0, 0, 0) + query.question
