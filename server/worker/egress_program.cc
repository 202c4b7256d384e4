#include "server/worker/egress_program.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {

const std::vector<int> kEgressHooks = {BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_INET6_CONNECT,
                                       BPF_CGROUP_UDP6_SENDMSG};

namespace {

bool IsV6(int hook) { return hook == BPF_CGROUP_INET6_CONNECT || hook == BPF_CGROUP_UDP6_SENDMSG; }

// The maps of one family. Keys hold addresses in network order; both are as long
// as IPv6 needs.
struct PrefixKey {  // of BPF_MAP_TYPE_LPM_TRIE
  uint32_t length = 0;
  std::array<uint8_t, IpAddress::kV6Size> address{};
};
struct EndpointKey {
  std::array<uint8_t, IpAddress::kV6Size> address{};
  uint32_t port = 0;  // as bpf_sock_addr has it: network order, in the first two bytes
};
struct Maps {
  UniqueFd fates;       // PrefixKey to uint8_t: 1 for never
  UniqueFd exceptions;  // EndpointKey to uint8_t
};

template <typename Bytes>
std::array<uint8_t, IpAddress::kV6Size> Padded(const Bytes& bytes) {
  std::array<uint8_t, IpAddress::kV6Size> padded{};
  std::ranges::copy(bytes, padded.begin());
  return padded;
}

template <typename Key>
absl::Status Put(const UniqueFd& map, const Key& key, uint8_t value) {
  if (bpf_map_update_elem(map.get(), &key, &value, BPF_ANY) == 0) return absl::OkStatus();
  return ErrnoError(errno, "fill a BPF map");
}

template <typename Key>
absl::StatusOr<UniqueFd> NewMap(bpf_map_type type, size_t entries, uint32_t flags) {
  bpf_map_create_opts options = {};
  options.sz = sizeof(options);
  options.map_flags = flags;
  const auto max_entries = static_cast<uint32_t>(std::max<size_t>(entries, 1));
  UniqueFd map(bpf_map_create(type, "sluice_egress", sizeof(Key), sizeof(uint8_t), max_entries, &options));
  if (!map.valid()) return ErrnoError(errno, "make a BPF map");
  return map;
}

absl::StatusOr<Maps> MakeMaps(const std::vector<policy::PrefixFate>& fates, const std::vector<Endpoint>& exceptions,
                              bool v6) {
  absl::StatusOr<UniqueFd> prefixes = NewMap<PrefixKey>(BPF_MAP_TYPE_LPM_TRIE, fates.size(), BPF_F_NO_PREALLOC);
  if (!prefixes.ok()) return prefixes.status();
  absl::StatusOr<UniqueFd> endpoints = NewMap<EndpointKey>(BPF_MAP_TYPE_HASH, exceptions.size(), 0);
  if (!endpoints.ok()) return endpoints.status();
  absl::Status status;
  for (const policy::PrefixFate& fate : fates) {
    if (fate.prefix.address().is_v6() != v6) continue;
    const PrefixKey key{static_cast<uint32_t>(fate.prefix.length()), Padded(fate.prefix.address().bytes())};
    status.Update(Put(*prefixes, key, fate.never ? 1 : 0));
  }
  for (const Endpoint& exception : exceptions) {
    if (exception.address.is_v6() != v6) continue;
    const EndpointKey key{Padded(exception.address.bytes()), htons(exception.port)};
    status.Update(Put(*endpoints, key, 1));
  }
  if (!status.ok()) return status;
  return Maps{*std::move(prefixes), *std::move(endpoints)};
}

// Writes a program, one instruction after the other (kernel: instruction-set.rst).
class Assembler {
 public:
  const std::vector<bpf_insn>& code() const { return code_; }

  void Move(uint8_t to, uint8_t from) { Emit(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void Set(uint8_t to, int32_t value) { Emit(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  void Add(uint8_t to, int32_t value) { Emit(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value); }
  void Load32(uint8_t to, uint8_t from, int offset) { Emit(BPF_LDX | BPF_MEM | BPF_W, to, from, offset, 0); }
  void Load8(uint8_t to, uint8_t from) { Emit(BPF_LDX | BPF_MEM | BPF_B, to, from, 0, 0); }
  void Store32(int stack, uint8_t from) { Emit(BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, from, stack, 0); }
  void Store32Value(int stack, int32_t value) { Emit(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, stack, value); }
  // r0 = bpf_map_lookup_elem(map, the stack at `key`)
  void Lookup(const UniqueFd& map, int key) {
    Emit(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map.get());
    Emit(0, 0, 0, 0, 0);
    Move(BPF_REG_2, BPF_REG_10);
    Add(BPF_REG_2, key);
    Emit(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
  }
  // Ends with `value` where the register is 0, or is not.
  void ReturnIfZero(uint8_t reg, int32_t value) { ReturnUnless(BPF_JNE, reg, value); }
  void ReturnIfNotZero(uint8_t reg, int32_t value) { ReturnUnless(BPF_JEQ, reg, value); }
  void Return(int32_t value) {
    Set(BPF_REG_0, value);
    Emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  }

 private:
  // Jumps over the two instructions of Return where `reg` compares to 0.
  void ReturnUnless(uint8_t comparison, uint8_t reg, int32_t value) {
    Emit(BPF_JMP | comparison | BPF_K, reg, 0, 2, 0);
    Return(value);
  }
  void Emit(int code, uint8_t to, uint8_t from, int offset, int32_t value) {
    bpf_insn instruction = {};
    instruction.code = static_cast<uint8_t>(code);
    instruction.dst_reg = to & 0xf;
    instruction.src_reg = from & 0xf;
    instruction.off = static_cast<int16_t>(offset);
    instruction.imm = value;
    code_.push_back(instruction);
  }

  std::vector<bpf_insn> code_;
};

constexpr int32_t kRefuse = 0;
constexpr int32_t kPass = 1;

// The keys' places on the stack, below its top, and those of their fields.
constexpr int kPrefixKey = -int{sizeof(PrefixKey)};
constexpr int kPrefixLength = kPrefixKey + int{offsetof(PrefixKey, length)};
constexpr int kPrefixAddress = kPrefixKey + int{offsetof(PrefixKey, address)};
constexpr int kEndpointKey = kPrefixKey - int{sizeof(EndpointKey)};
constexpr int kEndpointAddress = kEndpointKey + int{offsetof(EndpointKey, address)};
constexpr int kEndpointPort = kEndpointKey + int{offsetof(EndpointKey, port)};

// int hook(bpf_sock_addr* to) {
//   look `to`'s address up in fates: nothing, or 0: pass
//   look address and port up in exceptions: something: pass
//   refuse
// }
std::vector<bpf_insn> Assemble(const Maps& maps, bool v6) {
  constexpr int kWord = sizeof(uint32_t);
  Assembler program;
  program.Move(BPF_REG_6, BPF_REG_1);
  program.Store32Value(kPrefixLength, v6 ? 128 : 32);
  for (int word = 0; word < 4; ++word) {
    const int source = (v6 ? int{offsetof(bpf_sock_addr, user_ip6)} : int{offsetof(bpf_sock_addr, user_ip4)}) + word * kWord;
    if (v6 || word == 0) {
      program.Load32(BPF_REG_2, BPF_REG_6, source);
    } else {
      program.Set(BPF_REG_2, 0);
    }
    program.Store32(kPrefixAddress + word * kWord, BPF_REG_2);
    program.Store32(kEndpointAddress + word * kWord, BPF_REG_2);
  }
  program.Load32(BPF_REG_2, BPF_REG_6, int{offsetof(bpf_sock_addr, user_port)});
  program.Store32(kEndpointPort, BPF_REG_2);
  program.Lookup(maps.fates, kPrefixKey);
  program.ReturnIfZero(BPF_REG_0, kPass);
  program.Load8(BPF_REG_0, BPF_REG_0);
  program.ReturnIfZero(BPF_REG_0, kPass);
  program.Lookup(maps.exceptions, kEndpointKey);
  program.ReturnIfNotZero(BPF_REG_0, kPass);
  program.Return(kRefuse);
  return program.code();
}

absl::StatusOr<UniqueFd> Load(const std::vector<bpf_insn>& code, int hook) {
  bpf_prog_load_opts options = {};
  options.sz = sizeof(options);
  options.expected_attach_type = static_cast<bpf_attach_type>(hook);
  // It calls nothing that asks for a GPL-compatible license.
  UniqueFd program(bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "sluice_egress", "Proprietary", code.data(),
                                 code.size(), &options));
  if (!program.valid()) return ErrnoError(errno, "load a BPF program");
  return program;
}

}  // namespace

absl::StatusOr<EgressPrograms> LoadEgressPrograms(const std::vector<policy::PrefixFate>& fates,
                                                  const std::vector<Endpoint>& exceptions) {
  std::array<Maps, 2> maps;  // by family
  for (const bool v6 : {false, true}) {
    absl::StatusOr<Maps> made = MakeMaps(fates, exceptions, v6);
    if (!made.ok()) return made.status();
    maps[v6] = *std::move(made);
  }
  EgressPrograms loaded;
  for (const int hook : kEgressHooks) {
    absl::StatusOr<UniqueFd> program = Load(Assemble(maps[IsV6(hook)], IsV6(hook)), hook);
    if (!program.ok()) return program.status();
    loaded.programs.push_back(*std::move(program));
  }
  return loaded;
}

}  // namespace sluice
