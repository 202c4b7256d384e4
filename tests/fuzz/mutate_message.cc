#include "tests/fuzz/mutate_message.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "tests/fuzz/mutate.h"

// libFuzzer's own changes of bytes, which know what the program compares; not
// there where another compiler runs the fuzzer.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace sluice::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr const char* kTexts[] = {
    "", "a", "box-1", "rule-1", "preset", "example.com", "*.example.com", "*", "www.example.com.", "a..b", "com",
    "b\xc3\xbc" "cher.test", "host.sluice.internal", "10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "192.168.7.0/27", "::/0",
    "2001:db8::1", "64:ff9b::/96", "64:ff9b::a01:203", "::ffff:10.1.2.3", "fd00:1::/64", "1.1.1.1:53", "[2606:4700::1]:53",
    "/", "/a/b", "0:0", "1000", "02:73:6c:00:00:0f", "labels", "labels.a", "network.dns", "network.limits.max_flows",
    "network.dns.query_timeout", "eth0", "lo"};
constexpr uint64_t kNumbers[] = {0, 1, 2, 53, 64, 443, 853, 1500, 4096, 65'535, 65'536, 1 << 20, 1'000'000'000,
                                 std::numeric_limits<int32_t>::max(), std::numeric_limits<uint32_t>::max(),
                                 std::numeric_limits<int64_t>::max(), std::numeric_limits<uint64_t>::max()};
constexpr size_t kMaxText = 1024;

uint64_t Number(std::mt19937& random) {
  return random() % 4 == 0 ? random() % 100 : kNumbers[random() % std::size(kNumbers)];
}

double Fraction(std::mt19937& random) {
  if (random() % 8 == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(static_cast<int64_t>(Number(random))) / (random() % 2 == 0 ? 1 : 1000);
}

std::string Text(const std::string& old, std::mt19937& random) {
  const std::string known = kTexts[random() % std::size(kTexts)];
  switch (random() % 4) {
    case 0:
      return (old + known).substr(0, kMaxText);
    case 1: {
      Bytes bytes(old.begin(), old.end());
      Mutate(bytes, random);
      for (uint8_t& byte : bytes) byte &= 0x7f;  // of UTF-8, what cannot go wrong
      return std::string(bytes.begin(), bytes.end());
    }
    default:
      return known;
  }
}

// What `field` says now: of a list the last element, where there is one.
std::string TextOf(const Message& message, const FieldDescriptor* field) {
  const Reflection& reflection = *message.GetReflection();
  if (!field->is_repeated()) return reflection.GetString(message, field);
  const int size = reflection.FieldSize(message, field);
  return size == 0 ? std::string() : reflection.GetRepeatedString(message, field, size - 1);
}

// Sets a field; of a list, adds an element.
void Put(Message& message, const FieldDescriptor* field, std::mt19937& random) {
  const Reflection& to = *message.GetReflection();
  const bool many = field->is_repeated();
  const uint64_t number = Number(random);
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: {
      const auto value = static_cast<int32_t>(number);
      return many ? to.AddInt32(&message, field, value) : to.SetInt32(&message, field, value);
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      const auto value = static_cast<int64_t>(number);
      return many ? to.AddInt64(&message, field, value) : to.SetInt64(&message, field, value);
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      const auto value = static_cast<uint32_t>(number);
      return many ? to.AddUInt32(&message, field, value) : to.SetUInt32(&message, field, value);
    }
    case FieldDescriptor::CPPTYPE_UINT64:
      return many ? to.AddUInt64(&message, field, number) : to.SetUInt64(&message, field, number);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return many ? to.AddDouble(&message, field, Fraction(random)) : to.SetDouble(&message, field, Fraction(random));
    case FieldDescriptor::CPPTYPE_FLOAT: {
      const auto value = static_cast<float>(Fraction(random));
      return many ? to.AddFloat(&message, field, value) : to.SetFloat(&message, field, value);
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      return many ? to.AddBool(&message, field, number % 2) : to.SetBool(&message, field, number % 2);
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int value = static_cast<int>(random() % static_cast<unsigned>(field->enum_type()->value_count() + 1));
      return many ? to.AddEnumValue(&message, field, value) : to.SetEnumValue(&message, field, value);
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text = Text(TextOf(message, field), random);
      return many ? to.AddString(&message, field, text) : to.SetString(&message, field, text);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      static_cast<void>(many ? to.AddMessage(&message, field) : to.MutableMessage(&message, field));
      return;
  }
}

void ChangeList(Message& message, const FieldDescriptor* field, std::mt19937& random) {
  const Reflection& reflection = *message.GetReflection();
  const int size = reflection.FieldSize(message, field);
  const auto any = [&] { return static_cast<int>(random() % static_cast<unsigned>(size)); };
  switch (size == 0 ? 0 : random() % 4) {
    case 0:
      return Put(message, field, random);
    case 1:
      return reflection.RemoveLast(&message, field);
    case 2:
      return reflection.SwapElements(&message, field, any(), any());
    case 3: {
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return Put(message, field, random);
      const int from = any();
      Message& copy = *reflection.AddMessage(&message, field);
      copy.CopyFrom(reflection.GetRepeatedMessage(message, field, from));
      return;
    }
  }
}

// `message` and every message in it.
void Collect(Message& message, std::vector<Message*>& all) {
  all.push_back(&message);
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      Collect(*reflection.MutableMessage(&message, field), all);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      Collect(*reflection.MutableRepeatedMessage(&message, field, i), all);
    }
  }
}

size_t MutateBytes(uint8_t* data, size_t size, size_t max_size, std::mt19937& random) {
  if (LLVMFuzzerMutate != nullptr) return LLVMFuzzerMutate(data, size, max_size);
  Bytes bytes(data, data + size);
  Mutate(bytes, random);
  bytes.resize(std::min(bytes.size(), max_size));
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

}  // namespace

void MutateMessage(Message& message, std::mt19937& random) {
  std::vector<Message*> all;
  Collect(message, all);
  Message& changed = *all[random() % all.size()];
  const int fields = changed.GetDescriptor()->field_count();
  if (fields == 0) return;
  const FieldDescriptor* field = changed.GetDescriptor()->field(static_cast<int>(random() % static_cast<unsigned>(fields)));
  if (field->is_repeated()) {
    ChangeList(changed, field, random);
  } else if (random() % 4 == 0) {
    changed.GetReflection()->ClearField(&changed, field);
  } else {
    Put(changed, field, random);
  }
}

size_t MutateSerialized(Message& scratch, size_t prefix, uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  std::mt19937 random(seed);
  const bool parses = size >= prefix && scratch.ParseFromArray(data + prefix, static_cast<int>(size - prefix));
  if (!parses || random() % 4 == 0) return MutateBytes(data, size, max_size, random);
  for (int changes = 1 + static_cast<int>(random() % 4); changes > 0; --changes) MutateMessage(scratch, random);
  const size_t whole = prefix + scratch.ByteSizeLong();
  if (whole > max_size) return MutateBytes(data, size, max_size, random);
  scratch.SerializeWithCachedSizesToArray(data + prefix);
  return whole;
}

}  // namespace sluice::fuzz
