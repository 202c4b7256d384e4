#ifndef SLUICE_SERVER_CORE_ID_GENERATOR_H_
#define SLUICE_SERVER_CORE_ID_GENERATOR_H_

#include <string>

namespace sluice {

// Names that the server makes up, from the kernel's random numbers. Any thread.

// A sandbox's uid: 128 random bits as 32 hexadecimal digits. Never seen twice.
std::string NewSandboxUid();

// A sandbox's id where the caller gave none: "sb-" and 10 characters that are
// hard to confuse. 50 bits: the caller still checks that it is free.
std::string NewSandboxId();

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_ID_GENERATOR_H_
