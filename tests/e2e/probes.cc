#include "tests/e2e/probes.h"

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace sluice::e2e {
namespace {

constexpr absl::string_view kUdpEcho = R"(
import errno, socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(5)
try:
    s.connect((sys.argv[1], int(sys.argv[2])))
    s.send(b'ping')
    print(s.recv(64).decode())
except TimeoutError:
    print('timeout')
except OSError as e:
    print(errno.errorcode[e.errno])
)";

constexpr absl::string_view kTcpConnect = R"(
import errno, socket, sys
try:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
    s.sendall(b'ping')
    print(s.recv(64).decode())
except TimeoutError:
    print('timeout')
except OSError as e:
    print(errno.errorcode[e.errno])
)";

constexpr absl::string_view kTcpDialogue = R"(
import errno, select, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
print('open', flush=True)
try:
    while True:
        ready, _, _ = select.select([s, sys.stdin], [], [])
        if s in ready:
            data = s.recv(65536)
            if not data:
                print('EOF', flush=True)
                break
            print(data.decode().rstrip(), flush=True)
        elif sys.stdin in ready:
            line = sys.stdin.buffer.raw.read(65536)
            if not line:
                break
            s.sendall(line)
except OSError as e:
    print(errno.errorcode[e.errno], flush=True)
)";

constexpr absl::string_view kWhoAmIServer = R"(
import socket, sys
server = socket.create_server(('::', int(sys.argv[1])), family=socket.AF_INET6,
                              dualstack_ipv6=True)
print('ready', flush=True)
while True:
    s, peer = server.accept()
    address = peer[0].removeprefix('::ffff:')
    s.recv(65536)
    s.sendall(b'HTTP/1.0 200 OK\r\n\r\n' + address.encode() + b'\n')
    s.close()
)";

constexpr absl::string_view kUdpWhoAmIServer = R"(
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(('::', int(sys.argv[1])))
print('ready', flush=True)
while True:
    _, peer = s.recvfrom(65536)
    s.sendto(peer[0].removeprefix('::ffff:').encode(), peer)
)";

constexpr absl::string_view kUdpStream = R"(
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print('open', flush=True)
for i in range(1, int(sys.argv[3]) + 1):
    try:
        s.sendto(b'tick', (sys.argv[1], int(sys.argv[2])))
    except OSError:
        pass
    if i % 100 == 0:
        print('sent', i, flush=True)
    time.sleep(0.001)
)";

constexpr absl::string_view kRefusedConnects = R"(
import socket, sys
for port in range(1, int(sys.argv[1]) + 1):
  if port == 53: continue  # the interceptor's
  s = socket.socket()
  s.settimeout(5)
  assert s.connect_ex(('10.1.2.3', port)) == 111, port  # ECONNREFUSED
  s.close()
)";

constexpr absl::string_view kRefusedConnectsFor = R"(
import itertools, socket, sys, time
told = time.monotonic()
end = told + float(sys.argv[1])
for count in itertools.count(1):
  s = socket.socket()
  s.settimeout(5)
  port = 1000 + count % 60000
  assert s.connect_ex(('10.1.2.3', port)) == 111, port  # ECONNREFUSED
  s.close()
  now = time.monotonic()
  if now > end: break
  if now < told + 1: continue
  told = now
  print(count, flush=True)
print('done', count)
)";

}  // namespace

Command FlowCases(const std::vector<std::string>& args) {
  std::ostringstream program;
  program << std::ifstream("tests/e2e/flow_cases.py").rdbuf();
  return Python(program.str(), args);
}

Command Python(absl::string_view program, const std::vector<std::string>& args) {
  Command command = {"/usr/bin/python3", "-c", std::string(program)};
  command.insert(command.end(), args.begin(), args.end());
  return command;
}

Command Curl(absl::string_view url, int seconds) {
  return {"curl", "--silent", "--show-error", "--globoff", "--max-time", absl::StrCat(seconds), std::string(url)};
}

Command TimedCurl(absl::string_view url) {
  return {"curl", "--silent", "--show-error", "--globoff", "--max-time", "10", "--write-out", "%{time_total}\n",
          std::string(url)};
}

Command Ping(absl::string_view address) { return {"ping", "-n", "-c", "1", "-W", "5", std::string(address)}; }

Command Dig(absl::string_view resolver, absl::string_view name, absl::string_view type, bool tcp) {
  return {"dig",    absl::StrCat("@", resolver),  "+time=5",          "+tries=1",
          "+short", tcp ? "+tcp" : "+notcp", std::string(name), std::string(type)};
}

Command DigStatus(absl::string_view resolver, absl::string_view name, absl::string_view type) {
  return {"bash", "-c",
          R"(dig "@$0" +time=5 +tries=1 +noall +comments "$1" "$2" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p')",
          std::string(resolver), std::string(name), std::string(type)};
}

Command UdpEcho(absl::string_view address, int port) {
  return Python(kUdpEcho, {std::string(address), absl::StrCat(port)});
}

Command TcpConnect(absl::string_view address, int port) {
  return Python(kTcpConnect, {std::string(address), absl::StrCat(port)});
}

Command TcpDialogue(absl::string_view address, int port) {
  return Python(kTcpDialogue, {std::string(address), absl::StrCat(port)});
}

Command WhoAmIServer(int port) { return Python(kWhoAmIServer, {absl::StrCat(port)}); }

Command UdpWhoAmIServer(int port) { return Python(kUdpWhoAmIServer, {absl::StrCat(port)}); }

Command RefusedConnects(int count) { return Python(kRefusedConnects, {absl::StrCat(count)}); }

Command RefusedConnectsFor(int seconds) { return Python(kRefusedConnectsFor, {absl::StrCat(seconds)}); }

Command UdpStream(absl::string_view address, int port, int count) {
  return Python(kUdpStream, {std::string(address), absl::StrCat(port), absl::StrCat(count)});
}

}  // namespace sluice::e2e
