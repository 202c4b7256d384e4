#ifndef SLUICE_TESTS_E2E_PROBES_H_
#define SLUICE_TESTS_E2E_PROBES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sluice::e2e {

// Commands that tests run in guests and on the lab's host.
using Command = std::vector<std::string>;

// Exits of curl (its manual, "EXIT CODES").
inline constexpr int kCurlCannotResolve = 6;
inline constexpr int kCurlCannotConnect = 7;
inline constexpr int kCurlTimedOut = 28;

// Prints the page; `seconds` at most.
Command Curl(absl::string_view url, int seconds = 10);
// Prints how long it tried, in seconds, as its last line.
Command TimedCurl(absl::string_view url);
Command Ping(absl::string_view address);
// Prints the answer's records alone, one a line ("+short").
Command Dig(absl::string_view resolver, absl::string_view name, absl::string_view type = "A",
            bool tcp = false);
// Prints the answer's status: "NXDOMAIN".
Command DigStatus(absl::string_view resolver, absl::string_view name, absl::string_view type = "A");

// Sends "ping" over UDP and prints the answer, or errno's name: "EHOSTUNREACH".
Command UdpEcho(absl::string_view address, int port = 7);
// The same over TCP; what comes is printed though nothing of it was asked.
Command TcpConnect(absl::string_view address, int port);
// Holds a TCP connection to an echo service: prints "open", then the answer to
// each line of its input, and how the connection ended: "EOF" or errno's name.
Command TcpDialogue(absl::string_view address, int port);
// Serves on a TCP port over both families: prints "ready", answers each HTTP
// request with its peer's address.
Command WhoAmIServer(int port);
// Answers each datagram with its sender's address; prints "ready".
Command UdpWhoAmIServer(int port);
// Prints "open", sends `count` datagrams a millisecond apart, and prints
// "sent N" after each hundred, come what may.
Command UdpStream(absl::string_view address, int port, int count);

// Opens TCP connections to 10.1.2.3, which no policy of public addresses allows: to
// each port up to `count` but 53. Exits with 0 where each was refused by a reset, so
// that none was lost on the way to the worker.
Command RefusedConnects(int count);
// The same for so long, over and over the ports from 1000 on: prints how many there
// were about every second, and "done N" in the end.
Command RefusedConnectsFor(int seconds);

// flow_cases.py and its arguments: both ends of connections that end, stall and
// break in every way.
Command FlowCases(const std::vector<std::string>& args);

// A Python program and its arguments.
Command Python(absl::string_view program, const std::vector<std::string>& args);

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_PROBES_H_
