#ifndef SLUICE_NETSVC_AUDIT_LITTLE_ENDIAN_H_
#define SLUICE_NETSVC_AUDIT_LITTLE_ENDIAN_H_

#include <concepts>
#include <cstddef>

namespace sluice::audit {

// Unsigned integers as the log's files hold them.
template <std::unsigned_integral T>
T LoadLittleEndian(const char* bytes) {
  T value = 0;
  for (size_t i = sizeof(T); i-- > 0;) value = static_cast<T>(value << 8 | static_cast<unsigned char>(bytes[i]));
  return value;
}

template <std::unsigned_integral T>
void StoreLittleEndian(T value, char* bytes) {
  for (size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(value >> (8 * i));
}

}  // namespace sluice::audit

#endif  // SLUICE_NETSVC_AUDIT_LITTLE_ENDIAN_H_
