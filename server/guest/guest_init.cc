// The first process of a guest whose caller named none: it reaps children that
// lost their parents, and exits on SIGTERM or SIGINT. Static and without
// dependencies, so that it runs in any root file system.
//
// With two arguments, SIGNAL and GROUP: sends that signal to that process group
// instead, for runtimes that can signal single processes only.

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

int main(int argc, char** argv) {
  if (argc == 3) return kill(-atoi(argv[2]), atoi(argv[1])) == 0 ? 0 : 1;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  while (true) {
    const int signal = sigwaitinfo(&signals, nullptr);
    if (signal == SIGTERM || signal == SIGINT) return 0;
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}
