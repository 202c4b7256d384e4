"""A guest's own small network stack, for the links of VMMs.

ethernet_guest.py FRAMING SOCKET COMMAND...: connects to the socket (FRAMING is
stream, datagram as vfkit has it, or open-datagram as QEMU has it), does what each
command says and prints a line about it: what came, or "silence".

  arp            asks for the gateway's MAC address
  dhcp           asks for an address
  router         asks for a router: prefix, MTU and resolver of its answer
  dns=NAME       asks for a name's A record
  get=ADDR/PATH  fetches a page over TCP, port 80; then the largest frame
  udp=ADDR/SIZE  has the echo service send SIZE bytes back
  split          from here on, sends every byte of a stream by itself
  wait           goes on at SIGUSR1
"""

import atexit
import os
import signal
import socket
import struct
import sys
import time

MAC = bytes.fromhex('02736c00000f')
ADDRESS, GATEWAY, DNS = (bytes([10, 0, 2, n]) for n in (15, 2, 3))
MTU = 1500
WAIT = 3.0  # seconds until silence is silence
FIRST_PORT = 20000
TCP, UDP = 6, 17
FIN, SYN, RST, ACK = 1, 2, 4, 16


class StreamLink:
  """QEMU's and passt's framing: 4 bytes of length before each frame."""

  def __init__(self, path):
    self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    self.socket.connect(path)
    self.buffer = b''
    self.split = False

  def send(self, frame):
    data = struct.pack('>I', len(frame)) + frame
    for part in ([bytes([b]) for b in data] if self.split else [data]):
      self.socket.sendall(part)

  def receive(self):
    while len(self.buffer) < 4 or len(self.buffer) < 4 + self.length():
      data = self.socket.recv(1 << 16)
      if not data:
        raise EOFError
      self.buffer += data
    end = 4 + self.length()
    frame, self.buffer = self.buffer[4:end], self.buffer[end:]
    return frame

  def length(self):
    return struct.unpack('>I', self.buffer[:4])[0]


class DatagramLink:
  """vfkit's and krunkit's: a frame a datagram, after a greeting."""

  def __init__(self, path):
    self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    self.own = f'{path}.{os.getpid()}'
    self.socket.bind(self.own)
    self.socket.connect(path)
    self.socket.send(b'VFKT')
    atexit.register(os.unlink, self.own)

  def send(self, frame):
    self.socket.send(frame)

  def receive(self):
    return self.socket.recv(1 << 17)


class OpenDatagramLink(DatagramLink):
  """QEMU's -netdev dgram: not connected, no greeting."""

  def __init__(self, path):
    self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    self.own = f'{path}.{os.getpid()}'
    self.socket.bind(self.own)
    atexit.register(os.unlink, self.own)
    self.path = path

  def send(self, frame):
    self.socket.sendto(frame, self.path)


def checksum(data):
  data += b'\0' * (len(data) % 2)
  total = sum(struct.unpack(f'>{len(data) // 2}H', data))
  while total >> 16:
    total = (total & 0xffff) + (total >> 16)
  return ~total & 0xffff


class Guest:

  def __init__(self, link):
    self.link = link
    self.gateway_mac = b'\xff' * 6
    self.largest = 0
    self.parts = {}
    self.next_port = FIRST_PORT + os.getpid() % 30000  # another run is another connection

  def receive(self, wanted):
    """The first thing that `wanted` makes of a frame; None after silence."""
    end = time.monotonic() + WAIT
    while (left := end - time.monotonic()) > 0:
      self.link.socket.settimeout(left)
      try:
        frame = self.link.receive()
      except socket.timeout:
        return None
      self.largest = max(self.largest, len(frame))
      self.answer_arp(frame)
      found = wanted(frame)
      if found is not None:
        return found
    return None

  def send(self, ether_type, data, to=None):
    self.link.send((to or self.gateway_mac) + MAC + struct.pack('>H', ether_type) + data)

  def answer_arp(self, frame):
    if frame[12:14] == b'\x08\x06' and frame[20:22] == b'\0\1' and frame[38:42] == ADDRESS:
      self.send(0x806, frame[14:20] + b'\0\2' + MAC + ADDRESS + frame[22:32], frame[6:12])

  def arp(self):
    self.send(0x806, bytes.fromhex('0001080006040001') + MAC + ADDRESS + b'\0' * 6 + GATEWAY, b'\xff' * 6)
    mac = self.receive(lambda f: f[22:28] if f[12:14] == b'\x08\x06' and f[20:22] == b'\0\2' else None)
    self.gateway_mac = mac or self.gateway_mac
    return mac and mac.hex(':')

  def send_ip(self, protocol, to, payload, source=ADDRESS):
    """Fragmented where it is larger than the MTU."""
    most = (MTU - 20) // 8 * 8
    for at in range(0, len(payload), most):
      part = payload[at:at + most]
      more = 0x2000 if at + most < len(payload) else 0
      header = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(part), 77, more | at // 8, 64, protocol, 0) + source + to
      header = header[:10] + struct.pack('>H', checksum(header)) + header[12:]
      self.send(0x800, header + part)

  def ip_payload(self, frame, protocol, source):
    """The whole payload of an IPv4 packet, put together from its fragments."""
    if frame[12:14] != b'\x08\x00' or frame[23] != protocol or frame[26:30] != source:
      return None
    size, _, fragment = struct.unpack('>HHH', frame[16:22])
    self.parts[fragment & 0x1fff] = frame[34:14 + size]
    if fragment & 0x2000:
      return None
    parts, self.parts = self.parts, {}
    return b''.join(parts[at] for at in sorted(parts))

  def udp(self, to, port, payload, source=ADDRESS, source_port=None, answers_from=None):
    source_port = source_port or self.take_port()
    self.send_ip(UDP, to, struct.pack('>HHHH', source_port, port, 8 + len(payload), 0) + payload, source)

    def answer(frame):
      data = self.ip_payload(frame, UDP, answers_from or to)
      return data[8:] if data and data[:4] == struct.pack('>HH', port, source_port) else None

    return self.receive(answer)

  def take_port(self):
    self.next_port = self.next_port + 1 if self.next_port < 65535 else FIRST_PORT
    return self.next_port

  def dhcp(self):
    def ask(kind, more=b''):
      bootp = bytes.fromhex('01010600') + b'WHAT' + b'\0' * 20 + MAC + b'\0' * 202
      options = bytes.fromhex('63825363') + bytes([53, 1, kind]) + more + b'\xff'
      return self.udp(b'\xff' * 4, 67, bootp + options, b'\0' * 4, 68, GATEWAY)

    offer = ask(1)
    if not offer:
      return None
    reply = ask(3, bytes([50, 4]) + offer[16:20] + bytes([54, 4]) + GATEWAY)
    return reply and reply[242] == 5 and socket.inet_ntoa(reply[16:20])

  def router(self):
    """Solicits from the unspecified address (RFC 4861 section 6.3.7)."""
    routers = socket.inet_pton(socket.AF_INET6, 'ff02::2')
    message = bytes([133, 0, 0, 0, 0, 0, 0, 0])
    total = checksum(b'\0' * 16 + routers + struct.pack('>II', len(message), 58) + message)
    message = message[:2] + struct.pack('>H', total) + message[4:]
    self.send(0x86dd, struct.pack('>IHBB', 6 << 28, len(message), 58, 255) + b'\0' * 16 + routers + message,
              bytes.fromhex('333300000002'))
    options = self.receive(lambda f: f[70:] if f[12:14] == b'\x86\xdd' and f[20] == 58 and f[54] == 134 else None)
    if options is None:
      return None
    said = {}
    while options:
      said[options[0]], options = options[:options[1] * 8], options[options[1] * 8:]
    return ' '.join([socket.inet_ntop(socket.AF_INET6, said[3][16:32]) + f'/{said[3][2]}',
                     str(struct.unpack('>I', said[5][4:8])[0]), socket.inet_ntop(socket.AF_INET6, said[25][8:24])])

  def dns(self, name):
    labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
    reply = self.udp(DNS, 53, bytes.fromhex('4711010000010000') + b'\0' * 4 + labels + bytes.fromhex('0000010001'))
    if reply is None:
      return None
    return socket.inet_ntoa(reply[-4:]) if reply[3] & 15 == 0 else f'rcode {reply[3] & 15}'

  def get(self, address, path):
    return Connection(self, socket.inet_aton(address), 80).get(path)

  def udp_echo(self, address, size):
    payload = bytes(n % 251 for n in range(int(size)))
    reply = self.udp(socket.inet_aton(address), 7, payload)
    return reply and f'{len(reply)} bytes {"back" if reply == payload else "changed"}'


class Connection:
  """One TCP connection, over a link that keeps the order and loses nothing."""

  def __init__(self, guest, remote, port):
    self.guest, self.remote = guest, remote
    self.ports = struct.pack('>HH', guest.take_port(), port)
    self.sequence, self.expected = 1000, 0

  def send(self, flags, payload=b'', options=b''):
    offset = (20 + len(options)) // 4 << 4
    segment = self.ports + struct.pack('>IIBBHHH', self.sequence, self.expected, offset, flags, 65535, 0, 0)
    segment += options + payload
    total = checksum(ADDRESS + self.remote + struct.pack('>HH', TCP, len(segment)) + segment)
    self.guest.send_ip(TCP, self.remote, segment[:16] + struct.pack('>H', total) + segment[18:])
    self.sequence += len(payload) + bool(flags & (SYN | FIN))

  def receive(self):
    """(flags, payload) of the next segment."""

    def segment(frame):
      data = self.guest.ip_payload(frame, TCP, self.remote)
      return data if data and data[:4] == self.ports[2:] + self.ports[:2] else None

    data = self.guest.receive(segment)
    if data is None:
      return None
    sequence, flags = struct.unpack('>I', data[4:8])[0], data[13]
    payload = data[(data[12] >> 4) * 4:]
    if flags & SYN or sequence == self.expected:
      self.expected = (sequence + len(payload) + bool(flags & SYN) + bool(flags & FIN)) & 0xffffffff
    return flags, payload

  def open(self, tries=3):
    """True once the SYN is answered: a flood before it may have filled the link."""
    for _ in range(tries):
      self.sequence = 1000
      self.send(SYN)
      if self.receive() is not None:
        return True
    return False

  def get(self, path):
    self.send(SYN, options=bytes([2, 4]) + struct.pack('>H', MTU - 40))
    answer = self.receive()
    if answer is None or answer[0] & RST:
      return answer and 'refused'
    self.send(ACK)
    self.send(ACK, f'GET /{path} HTTP/1.0\r\n\r\n'.encode())
    body = bytearray()
    while True:
      answer = self.receive()
      if answer is None or answer[0] & RST:
        return f'broken after {len(body)}'
      body += answer[1]
      if answer[0] & FIN:
        self.send(FIN | ACK)
        break
      if answer[1]:
        self.send(ACK)
    page = body.split(b'\r\n\r\n', 1)[1]
    text = page.decode().strip() if len(page) < 100 else f'{len(page)} bytes'
    return f'{text}, frames up to {self.guest.largest}'


def main():
  signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
  framing, path = sys.argv[1:3]
  guest = Guest({'stream': StreamLink, 'datagram': DatagramLink, 'open-datagram': OpenDatagramLink}[framing](path))
  for command in sys.argv[3:]:
    name, _, value = command.partition('=')
    first, _, second = value.partition('/')
    if name == 'split':
      guest.link.split = True
      continue
    if name == 'wait':
      signal.sigwait([signal.SIGUSR1])
      continue
    said = {
        'arp': guest.arp,
        'dhcp': guest.dhcp,
        'router': guest.router,
        'dns': lambda: guest.dns(value),
        'get': lambda: guest.get(first, second),
        'udp': lambda: guest.udp_echo(first, second),
    }[name]()
    print(name, said or 'silence', flush=True)


if __name__ == "__main__":
  main()
