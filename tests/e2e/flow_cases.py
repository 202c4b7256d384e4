"""Connections that end, stall and break in every way. Both ends of them.

flow_cases.py serve ADDRESS...     the far side; prints "ready"
flow_cases.py CASE ADDRESS [N]     the near side; prints what came of it

The first line that the near side sends says what the far side does.
"""

import hashlib
import select
import socket
import statistics
import struct
import sys
import threading
import time

PORT = 9000
SIZE = 300_000
DATA = bytes(n * 7 % 251 for n in range(SIZE))
WAIT = 10.0  # seconds until something that must come is missed

ends = {}  # by name: how a connection of that name ended for the far side


def read_all(peer):
  parts = []
  while part := peer.recv(1 << 16):
    parts.append(part)
  return b''.join(parts)


def trickle(peer, seconds):
  """Reads 1 KB every 50 ms for that long, and then the rest. How much it was."""
  total, end = 0, time.monotonic() + seconds
  while part := peer.recv(1024 if time.monotonic() < end else 1 << 16):
    total += len(part)
    if time.monotonic() < end:
      time.sleep(0.05)
  return total


def reset(peer):
  peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
  peer.close()


def serve_one(peer):
  line = b''
  while not line.endswith(b'\n'):
    line += peer.recv(1)
  what, name, count = line.decode().split()
  count = int(count)
  try:
    if what == 'answer-at-eof':
      got = read_all(peer)
      peer.sendall(DATA if got == DATA else b'changed')
    elif what == 'eof-first':
      peer.shutdown(socket.SHUT_WR)
      ends[name] = 'whole' if read_all(peer) == DATA else 'changed'
    elif what == 'both-close':
      peer.sendall(b'x')
      peer.shutdown(socket.SHUT_WR)
      ends[name] = f'{len(read_all(peer))} bytes'
    elif what == 'reset':
      peer.sendall(DATA[:1000])
      time.sleep(0.2)
      return reset(peer)
    elif what == 'flood':
      for _ in range(count):
        peer.sendall(DATA)
    elif what == 'sleep':
      time.sleep(2)
      got = read_all(peer)
      peer.sendall(hashlib.sha256(got).hexdigest().encode())
    elif what == 'trickle':
      peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
      peer.sendall(f'{trickle(peer, count)} bytes'.encode())
    elif what == 'count':
      peer.sendall(b'%d' % len(read_all(peer)))
    elif what == 'echo':
      while got := peer.recv(1 << 16):
        peer.sendall(got)
    elif what == 'how':
      for _ in range(50):
        if name in ends:
          break
        time.sleep(0.1)
      peer.sendall(ends.get(name, 'open').encode())
    elif what == 'wait':
      ends[name] = f'{len(read_all(peer))} bytes'
  except ConnectionResetError:
    ends[name] = 'reset'
  peer.close()


def serve_datagrams(address, family):
  """Answers one datagram after the other: a datagram a second for as long as it says."""
  peer = socket.socket(family, socket.SOCK_DGRAM)
  peer.bind((address, PORT))
  while True:
    data, asker = peer.recvfrom(100)
    for _ in range(int(data)):
      peer.sendto(b'tick', asker)
      time.sleep(1)
    peer.sendto(b'last', asker)


def serve(*addresses):
  def accept(listener):
    while True:
      threading.Thread(target=serve_one, args=(listener.accept()[0],), daemon=True).start()

  for address in addresses:
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    listener = socket.create_server((address, PORT), family=family, backlog=512)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    threading.Thread(target=serve_datagrams, args=(address, family), daemon=True).start()
  print('ready', flush=True)
  threading.Event().wait()


class Near:

  def __init__(self, address, count=0):
    self.address, self.count = address, int(count)

  def open(self, what, name='-', count=0):
    peer = socket.create_connection((self.address, PORT), WAIT)
    peer.sendall(f'{what} {name} {count}\n'.encode())
    return peer

  def how(self, name):
    return read_all(self.open('how', name)).decode()

  def half_closed_by_guest(self):
    peer = self.open('answer-at-eof')
    peer.sendall(DATA)
    peer.shutdown(socket.SHUT_WR)
    return 'whole' if read_all(peer) == DATA else 'broken'

  def half_closed_by_remote(self):
    peer = self.open('eof-first', 'half')
    assert peer.recv(1) == b''
    peer.sendall(DATA)
    peer.close()
    return self.how('half')

  def both_close(self):
    peer = self.open('both-close', 'both')
    peer.shutdown(socket.SHUT_WR)
    return f'{len(read_all(peer))} byte, {self.how("both")}'

  def reset_by_remote(self):
    peer = self.open('reset')
    try:
      return f'{len(read_all(peer))} bytes, no reset'
    except ConnectionResetError:
      return 'reset'

  def reset_by_guest(self):
    peer = self.open('wait', 'guest-reset')
    peer.sendall(DATA)
    reset(peer)
    return self.how('guest-reset')

  def slow_guest(self):
    """A flood that is not read for two seconds, and an echo beside it."""
    slow = self.open('flood', '-', 20)
    trips = self.echo_for(2.0)
    got = hashlib.sha256(read_all(slow)) .digest() == hashlib.sha256(DATA * 20).digest()
    return f'{"whole" if got else "broken"}, {"lively" if trips > 20 else f"{trips} trips"}'

  def slow_remote(self):
    slow = self.open('sleep')
    sender = threading.Thread(target=lambda: (slow.sendall(DATA * 20), slow.shutdown(socket.SHUT_WR)))
    sender.start()
    trips = self.echo_for(1.5)
    sender.join()
    got = read_all(slow).decode() == hashlib.sha256(DATA * 20).hexdigest()
    return f'{"whole" if got else "broken"}, {"lively" if trips > 20 else f"{trips} trips"}'

  def trickling_guest(self):
    """A flood that is read slowly for `count` seconds, and an echo beside it."""
    slow = self.open('flood', '-', 60)
    got = []
    reader = threading.Thread(target=lambda: got.append(trickle(slow, self.count)))
    reader.start()
    trips = self.echo_for(self.count)
    reader.join()
    return f'{got[0]} bytes, {"lively" if trips > 20 * self.count else f"{trips} trips"}'

  def trickling_remote(self):
    slow = self.open('trickle', '-', self.count)
    slow.settimeout(self.count + 3 * WAIT)  # of the whole of sendall
    sender = threading.Thread(target=lambda: (slow.sendall(DATA * 60), slow.shutdown(socket.SHUT_WR)))
    sender.start()
    trips = self.echo_for(self.count)
    sender.join()
    return f'{read_all(slow).decode()}, {"lively" if trips > 20 * self.count else f"{trips} trips"}'

  def echo_for(self, seconds):
    echo, trips, end = self.open('echo'), 0, time.monotonic() + seconds
    while time.monotonic() < end:
      echo.sendall(b'ping')
      assert echo.recv(4) == b'ping'
      trips += 1
    return trips

  def echo_64k_and_1(self):
    data = (DATA * 1)[:65537]
    peer = self.open('echo')
    threading.Thread(target=lambda: (peer.sendall(data), peer.shutdown(socket.SHUT_WR))).start()
    return 'whole' if read_all(peer) == data else 'broken'

  def many_half_closed(self):
    peers = [self.open('eof-first', f'many{n}') for n in range(self.count)]
    assert all(peer.recv(1) == b'' for peer in peers)
    return f'{len(peers)}, then {self.echo_64k_and_1()}'

  def upload(self):
    """Bytes that arrived, and the seconds that they took."""
    peer, start = self.open('count'), time.monotonic()
    peer.sendall(bytes(self.count))
    peer.shutdown(socket.SHUT_WR)
    return f'{read_all(peer).decode()} {time.monotonic() - start}'

  def refused(self):
    times = []
    for _ in range(21):
      start = time.monotonic()
      try:
        socket.create_connection((self.address, 9), WAIT)
        return 'connected'
      except ConnectionRefusedError:
        times.append(time.monotonic() - start)
    median = statistics.median(times)
    return 'at once' if median < 0.005 else f'after {median:.4f} s'

  def black_hole(self):
    """No answer at all; meanwhile others connect."""
    peer = socket.socket(socket.AF_INET6 if ':' in self.address else socket.AF_INET)
    peer.setblocking(False)
    peer.connect_ex((self.address, 80))
    _, writable, _ = select.select([], [peer], [], 2)
    error = peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return 'silence' if not writable else f'error {error}' if error else 'connected'

  def udp_unreachable(self):
    family = socket.AF_INET6 if ':' in self.address else socket.AF_INET
    peer = socket.socket(family, socket.SOCK_DGRAM)
    peer.settimeout(WAIT)
    peer.connect((self.address, 9))
    peer.send(b'anyone?')
    try:
      return f'{peer.recv(100)}'
    except ConnectionRefusedError:
      return 'unreachable'

  def udp_echo(self):
    family = socket.AF_INET6 if ':' in self.address else socket.AF_INET
    peer = socket.socket(family, socket.SOCK_DGRAM)
    peer.settimeout(WAIT)
    peer.connect((self.address, 7))
    data = DATA[:self.count]
    for _ in range(3):  # a datagram may be lost
      peer.send(data)
      try:
        return 'whole' if peer.recv(1 << 17) == data else 'changed'
      except socket.timeout:
        continue
    return 'lost'

  def udp_inbound_only(self):
    """Asks once for a datagram a second, for `count` seconds."""
    family = socket.AF_INET6 if ':' in self.address else socket.AF_INET
    peer = socket.socket(family, socket.SOCK_DGRAM)
    peer.settimeout(WAIT)
    peer.connect((self.address, PORT))
    peer.send(b'%d' % self.count)
    got = 0
    while peer.recv(100) != b'last':
      got += 1
    return f'{got}'

  def unreachable(self):
    start = time.monotonic()
    try:
      socket.create_connection((self.address, 80), WAIT)
      return 'connected'
    except OSError as e:
      return f'{"at once" if time.monotonic() - start < 2 else "late"}: {e.strerror}'


if sys.argv[1] == 'serve':
  serve(*sys.argv[2:])
else:
  print(getattr(Near(*sys.argv[2:]), sys.argv[1].replace('-', '_'))())
