#ifndef SLUICE_SERVER_ACCESS_REFUSED_CONNECTIONS_H_
#define SLUICE_SERVER_ACCESS_REFUSED_CONNECTIONS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sluice {

// How many connections were refused, and why. Any thread.
class RefusedConnections {
 public:
  enum class Reason {
    kUnknownUser,  // may not call, or is nobody's
    kUserLimit,    // the user has as many as it may
    kUsersLimit,   // there were as many users as can be told apart
    kDescriptors,  // few are left to this process
  };
  static constexpr std::array kReasons = {Reason::kUnknownUser, Reason::kUserLimit, Reason::kUsersLimit,
                                          Reason::kDescriptors};

  void Count(Reason reason) { ++counts_[static_cast<size_t>(reason)]; }
  uint64_t Get(Reason reason) const { return counts_[static_cast<size_t>(reason)]; }

 private:
  std::array<std::atomic<uint64_t>, kReasons.size()> counts_ = {};
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_REFUSED_CONNECTIONS_H_
