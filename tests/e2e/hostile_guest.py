"""A guest that attacks its own link, in frames past its kernel's stack.

hostile_guest.py INTERFACE SECONDS SEED: takes the interface's addresses from the
kernel, and spends SECONDS on its attacks, an equal share on each: what libslirp's
security advisories are about, floods, sources that are not its own, and garbage.
Prints "ready", and a line for each with how many frames it sent; then what an honest
datagram came to, how many answers there were to frames that deserved none, and how
many streams were rewritten.

Attacks go to REFUSED, which its policy denies, and to ALLOWED, which echoes. Port 9
of ALLOWED is for what must not come out there.
"""

import ipaddress
import itertools
import random
import socket
import struct
import subprocess
import sys
import time

from ethernet_guest import ACK, ADDRESS, DNS, GATEWAY, MAC, SYN, TCP, UDP, Connection, Guest, checksum

ALLOWED = socket.inet_aton('198.35.26.96')
REFUSED = socket.inet_aton('93.184.216.35')
ADDRESS6, GATEWAY6, REFUSED6, ALL_NODES = (ipaddress.ip_address(text).packed for text in
                                           ('fd73:6c75:6963:1::f', 'fd73:6c75:6963:1::2', '2606:2800:220:1::2', 'ff02::1'))
BROADCAST = b'\xff' * 6
ICMP, ICMP6, FRAGMENT = 1, 58, 44
FIN, RST, PSH, URG = 1, 4, 8, 32
MARK = b'hostile!'
IPV4, ARP, IPV6, NCSI = 0x800, 0x806, 0x86dd, 0x88f8


class PacketLink:

  def __init__(self, interface):
    self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # every protocol
    self.socket.bind((interface, 0))

  def send(self, frame):
    try:
      self.socket.send(frame)
    except OSError:  # more than the interface's queue, or than its MTU
      pass

  def receive(self):
    while True:
      frame, sender = self.socket.recvfrom(1 << 17)
      if sender[2] != socket.PACKET_OUTGOING:
        return frame


def ethernet(kind, data, source=MAC, to=BROADCAST):
  return to + source + struct.pack('>H', kind) + data


def ipv4(protocol, payload, to=ALLOWED, source=ADDRESS, ident=1, fragment=0, size=None, first=0x45):
  header = struct.pack('>BBHHHBBH', first, 0, 20 + len(payload) if size is None else size, ident, fragment, 64, protocol, 0)
  header += source + to
  return ethernet(IPV4, header[:10] + struct.pack('>H', checksum(header)) + header[12:] + payload)


def ipv6(protocol, payload, to=GATEWAY6, source=ADDRESS6, size=None, hops=64):
  return ethernet(IPV6, struct.pack('>IHBB', 6 << 28, len(payload) if size is None else size, protocol, hops) + source +
                  to + payload)


def summed(protocol, payload, at, to, source):
  total = checksum(source + to + struct.pack('>II', len(payload), protocol) + payload)
  return payload[:at] + struct.pack('>H', total) + payload[at + 2:]


def udp(port, data, to=ALLOWED, source=ADDRESS, source_port=4000, size=None):
  header = struct.pack('>HHHH', source_port, port, 8 + len(data) if size is None else size, 0)
  return summed(UDP, header + data, 6, to, source)


def tcp(port, flags, data=b'', to=ALLOWED, source=ADDRESS, source_port=4000, urgent=0, sequence=1, offset=5):
  header = struct.pack('>HHIIBBHHH', source_port, port, sequence, 1, offset << 4, flags, 65535, 0, urgent)
  return summed(TCP, header + data, 16, to, source)


def icmp6(kind, code, data, to=GATEWAY6, source=ADDRESS6):
  return summed(ICMP6, bytes([kind, code, 0, 0]) + data, 2, to, source)


class Attacks:
  """Endless frames, by what they attack."""

  def __init__(self, guest, seed):
    self.guest = guest
    self.random = random.Random(seed)
    self.rewritten = 0  # streams that did not come back from the echo service as they went

  def port(self):
    return self.random.randrange(1024, 65536)

  def bytes(self, most):
    return self.random.randbytes(self.random.randrange(most))

  # What libslirp's advisories are about.

  def urgent_pointer(self):
    """CVE-2026-9539: urgent pointers past the data of an open connection."""
    connection = Connection(self.guest, ALLOWED, 7)
    if not connection.open():
      raise EOFError('no connection to attack')
    guest_port, _ = struct.unpack('>HH', connection.ports)
    while True:
      for urgent, data in itertools.product((0, 1, 2, 1460, 0x7fff, 0xffff), (b'', b'x', b'x' * 1400)):
        header = struct.pack('>HHIIBBHHH', guest_port, 7, connection.sequence, connection.expected, 5 << 4,
                             URG | ACK | self.random.choice((0, PSH)), 65535, 0, urgent)
        yield ipv4(TCP, summed(TCP, header + data, 16, ALLOWED, ADDRESS))
        connection.sequence += len(data)

  def reassembly(self):
    """CVE-2018-11806, CVE-2019-14378, CVE-2019-15890, CVE-2020-1983: fragments that
    are larger together than a packet, that overlap, and of which the first is not."""
    for ident in itertools.count():
      parts = [(self.random.choice((0, 8, 1480, 65512, self.random.randrange(0, 65528, 8))),
                self.random.choice((8, 512, 1480)), self.random.random() < 0.8) for _ in range(4)]
      for at, size, more in parts:
        yield ipv4(UDP, MARK * (size // 8), REFUSED, ident=ident & 0xffff, fragment=(0x2000 if more else 0) | at // 8)
      header = struct.pack('>BBHI', UDP, 0, self.random.randrange(0, 65536), ident)
      yield ipv6(FRAGMENT, header + MARK * 20, REFUSED6)

  def emulation(self):
    """CVE-2019-6778, CVE-2019-9824, CVE-2020-7039, CVE-2020-8608: the protocols whose
    bytes libslirp rewrites, where that is left on."""
    for port, text in itertools.cycle((
        (21, b'PORT 10,0,2,15,200,200\r\n'), (21, b'227 Entering Passive Mode (10,0,2,15,9,9)\r\n'),
        (113, b'1, 1' + b'9' * 900 + b'\r\n'), (544, b'4000\0'),
        (6667, b'PRIVMSG x :\1DCC CHAT chat 167772687 4000\1\r\n'), (6667, b'DCC SEND ' + b'A' * 1300 + b' 1 2 3\n'),
        (7070, b'\x50\x4e\x41\0' + b'\0' * 300))):
      connection = Connection(self.guest, ALLOWED, port)
      if not connection.open():
        raise EOFError(f'no connection to port {port}')
      connection.send(ACK)
      connection.send(ACK | PSH, text)
      back = b''
      while len(back) < len(text) and (answer := connection.receive()) and not answer[0] & RST:
        back += answer[1]
      self.rewritten += back != text
      connection.send(RST)
      yield b''

  def echo_length(self):
    """CVE-2020-10756: ICMPv6 echo that claims more than it has."""
    while True:
      for size in (16, 1400, 0xffff):
        yield ipv6(ICMP6, icmp6(128, 0, struct.pack('>HH', 1, 1)), size=size)
        yield ipv4(ICMP, b'\x08\0\xf7\xfe\0\1\0\0', GATEWAY, size=size)

  def short_services(self):
    """CVE-2021-3592 (BOOTP), -3593 (UDP over IPv6), -3594 (UDP), -3595 (TFTP)."""
    while True:
      for port in (67, 68, 69, 547):
        data = self.bytes(60)
        for size in (None, 8, 9, 300, 0xffff, 0):
          yield ipv4(UDP, udp(port, data, GATEWAY, source_port=68, size=size), GATEWAY)
          yield ipv6(UDP, udp(port, data, GATEWAY6, ADDRESS6, source_port=546, size=size))
      yield ipv4(UDP, udp(69, b'\0\1' + b'../' * 100 + b'etc/passwd\0octet\0', GATEWAY), GATEWAY)

  def short_frames(self):
    """CVE-2020-29129 (NC-SI), CVE-2020-29130 (ARP)."""
    while True:
      yield ethernet(NCSI, self.bytes(20))
      yield ethernet(NCSI, bytes([0, 1, 0, 0, self.random.randrange(256)]) + self.bytes(40))
      yield ethernet(ARP, bytes.fromhex('00010800060400') + self.bytes(16))

  # Floods.

  def syn_flood(self):
    while True:
      yield ipv4(TCP, tcp(self.port(), SYN, source_port=self.port()))
      yield ipv4(TCP, tcp(self.port(), SYN, to=REFUSED, source_port=self.port()), REFUSED)

  def flow_flood(self):
    while True:
      yield ipv4(UDP, udp(self.port(), MARK[:4], source_port=self.port()))
      yield ipv4(ICMP, b'\x08\0' + struct.pack('>HHH', checksum(struct.pack('>HHH', 0x800, n := self.port(), 1)), n, 1))

  def arp_flood(self):
    for n in itertools.count():
      claimed = (ADDRESS, GATEWAY, bytes([10, 0, 2, n & 255]))[n % 3]
      mac = (MAC, b'\x02' + self.random.randbytes(5))[n & 1]
      yield ethernet(ARP, struct.pack('>HHBBH', 1, 0x800, 6, 4, 1 + (n >> 1 & 1)) + mac + claimed + b'\0' * 6 + GATEWAY, mac)

  def neighbor_flood(self):
    while True:
      for kind, body in ((133, b'\0' * 4), (135, b'\0' * 4 + GATEWAY6), (136, b'\xe0\0\0\0' + GATEWAY6 + b'\2\1' + MAC),
                         (134, b'\x40\0\xff\xff' + b'\0' * 8), (137, b'\0' * 4 + GATEWAY6 * 2)):
        yield ipv6(ICMP6, icmp6(kind, 0, body, ALL_NODES), ALL_NODES, hops=255)

  def dhcp_flood(self):
    while True:
      hardware = self.random.choice((MAC, b'\x02' + self.random.randbytes(5)))
      bootp = bytes.fromhex('01010600') + self.random.randbytes(4) + b'\0' * 20 + hardware + b'\0' * 202
      data = bootp + bytes.fromhex('63825363') + bytes([53, 1, self.random.choice((1, 3, 4, 7, 8))]) + self.bytes(60)
      yield ipv4(UDP, udp(67, data, BROADCAST[:4], b'\0' * 4, source_port=68), BROADCAST[:4], b'\0' * 4)

  def fragment_flood(self):
    """Packets that never become whole."""
    for ident in itertools.count():
      yield ipv4(UDP, MARK * 180, REFUSED, ident=ident & 0xffff, fragment=0x2000 | 185 * (ident >> 16 & 31))

  def dns_flood(self):
    while True:
      name = b'\x10' + self.random.randbytes(8).hex().encode() + b'\4test\0'
      query = self.random.randbytes(2) + bytes.fromhex('01000001000000000000') + name + bytes.fromhex('00010001')
      yield ipv4(UDP, udp(53, query, DNS, source_port=self.port()), DNS)
      yield ipv4(UDP, udp(53, query[:self.random.randrange(len(query))], DNS, source_port=self.port()), DNS)

  # What is not the guest's to say.

  def spoofed(self):
    sources = [socket.inet_aton(text) for text in
               ('10.0.2.16', '10.0.2.2', '127.0.0.1', '0.0.0.0', '255.255.255.255', '203.0.112.7', '224.0.0.1', '10.1.2.3')]
    while True:
      for source in sources:
        yield ipv4(UDP, udp(9, MARK, source=source), source=source)
        yield ipv4(TCP, tcp(9, SYN, source=source), source=source)
      source6 = b'\x26\x06' + self.random.randbytes(14)
      yield ipv6(UDP, udp(9, MARK, REFUSED6, source6), REFUSED6, source6)
      yield ethernet(IPV4, ipv4(UDP, udp(9, MARK))[14:], b'\x02' + self.random.randbytes(5))

  def odd_headers(self):
    while True:
      for flags in (0, FIN | SYN, SYN | RST, FIN | SYN | RST | PSH | ACK | URG, FIN | PSH | URG):
        yield ipv4(TCP, tcp(9, flags, MARK, source_port=self.port()))
        yield ipv4(TCP, tcp(9, SYN, source_port=self.port(), offset=self.random.choice((0, 4, 15))))
      for first in (0x40, 0x44, 0x4f, 0x55, 0x65):
        yield ipv4(UDP, udp(9, MARK), first=first)
      for protocol in (2, 4, 41, 47, 50, 132, 255):
        yield ipv4(protocol, MARK * 4)
      yield ipv6(0, bytes([60, 0]) * 700, REFUSED6)

  def garbage(self):
    whole = [ipv4(UDP, udp(9, MARK, REFUSED), REFUSED), ipv4(TCP, tcp(9, SYN, to=REFUSED), REFUSED),
             ipv6(UDP, udp(9, MARK, REFUSED6, ADDRESS6), REFUSED6), ethernet(ARP, self.random.randbytes(28))]
    while True:
      yield self.random.randbytes(14) + self.bytes(1500)
      yield ethernet(self.random.choice((IPV4, IPV6, ARP)), self.bytes(1500))
      frame = bytearray(self.random.choice(whole))
      frame[self.random.randrange(14, len(frame))] ^= 1 << self.random.randrange(8)
      yield bytes(frame[:self.random.randrange(14, len(frame) + 1)])


ATTACKS = ('urgent_pointer', 'reassembly', 'emulation', 'echo_length', 'short_services', 'short_frames', 'syn_flood',
           'flow_flood', 'arp_flood', 'neighbor_flood', 'dhcp_flood', 'fragment_flood', 'dns_flood', 'spoofed',
           'odd_headers', 'garbage')


class Listener:
  """What comes back while it is attacked."""

  def __init__(self, link):
    self.link = link
    self.leaked = 0

  def drain(self):
    self.link.socket.setblocking(False)
    try:
      while True:
        self.look(self.link.receive())
    except BlockingIOError:
      pass

  def look(self, frame):
    # Nobody answers an echo, BOOTP or TFTP message that lies about its length, nor NC-SI.
    kind = struct.unpack('>H', frame[12:14])[0]
    echo6 = kind == IPV6 and frame[20] == ICMP6 and frame[54] == 129
    echo4 = kind == IPV4 and frame[23] == ICMP and frame[26:30] == GATEWAY and frame[34] == 0
    tftp = kind == IPV4 and frame[23] == UDP and frame[34:36] == b'\0\x45'
    self.leaked += echo6 or echo4 or tftp or kind == NCSI


def main(interface, seconds, seed):
  subprocess.run(['ip', 'addr', 'flush', 'dev', interface], check=True)
  link = PacketLink(interface)
  guest = Guest(link)
  listener = Listener(link)
  attacks = Attacks(guest, int(seed))
  print('ready', flush=True)
  share = float(seconds) / len(ATTACKS)
  for name in ATTACKS:
    end = time.monotonic() + share
    sent = 0
    for frame in getattr(attacks, name)():
      if frame:
        link.send(frame)
      sent += 1
      if sent % 64 == 0 or not frame:
        listener.drain()
        if time.monotonic() >= end:
          break
      if not frame and time.monotonic() >= end:
        break
    print(name, sent, flush=True)
  print('honest', guest.udp_echo('198.35.26.96', 1000), flush=True)
  print('leaked', listener.leaked, flush=True)
  print('rewritten', attacks.rewritten, flush=True)


main(*sys.argv[1:])
