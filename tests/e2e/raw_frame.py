"""Sends frames of its own making on an interface, past the kernel's IP stack.

raw_frame.py INTERFACE PROTOCOL SOURCE DESTINATION PORT [MAC]: sends one TCP SYN
or UDP datagram ("udp", "tcp"), right in every checksum, whatever its addresses
are. MAC is the sender's where it is not the interface's own. Needs CAP_NET_RAW.
"""

import ipaddress
import socket
import struct
import sys

GUEST_PORT = 40000
BROADCAST = b'\xff' * 6
ETHERTYPES = {4: 0x0800, 6: 0x86dd}


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def transport(protocol, source, destination, port):
    """A UDP datagram or a TCP SYN, with its pseudo-header summed."""
    if protocol == socket.IPPROTO_UDP:
        header = struct.pack('!HHHH', GUEST_PORT, port, 12, 0) + b'ping'
        at = 6
    else:
        header = struct.pack('!HHIIBBHHH', GUEST_PORT, port, 1, 0, 5 << 4, 2, 65535, 0, 0)
        at = 16
    pseudo = source.packed + destination.packed + struct.pack('!II', len(header), protocol)
    return header[:at] + struct.pack('!H', checksum(pseudo + header)) + header[at + 2:]


def packet(protocol, source, destination, payload):
    if source.version == 6:
        return struct.pack('!IHBB', 6 << 28, len(payload), protocol, 64) + source.packed + destination.packed + payload
    header = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    header += source.packed + destination.packed
    return header[:10] + struct.pack('!H', checksum(header)) + header[12:] + payload


def main(interface, protocol, source, destination, port, mac=''):
    number = {'tcp': socket.IPPROTO_TCP, 'udp': socket.IPPROTO_UDP}[protocol]
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    link.bind((interface, 0))
    sender = bytes.fromhex(mac.replace(':', '')) or link.getsockname()[4]
    payload = transport(number, source, destination, int(port))
    link.send(BROADCAST + sender + struct.pack('!H', ETHERTYPES[source.version]) +
              packet(number, source, destination, payload))


main(*sys.argv[1:])
