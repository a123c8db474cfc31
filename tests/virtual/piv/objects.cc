#include <algorithm>

#include "tests/virtual/piv/card.h"

namespace fob::virt::piv {
namespace {

const Bytes application{0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00};
constexpr std::size_t provider_bytes = 5;
constexpr unsigned discovery = 0x7e;
constexpr unsigned biometric_group = 0x7f61;
constexpr unsigned fingerprints = 0x5fc103;
constexpr unsigned printed_information = 0x5fc109;
constexpr unsigned iris_images = 0x5fc121;
constexpr std::size_t max_object = 3063;  // so large, libykpiv's buffers and a YubiKey's have room

unsigned tag_of(ByteView value) {
  if (value.empty() || value.size() > 3) throw CardError{Sw::wrong_data};
  unsigned out = 0;
  for (const std::uint8_t byte : value) out = out << 8 | byte;
  return out;
}

bool writable(unsigned tag) { return tag == biometric_group || (tag >> 8) == 0x5fc1 || (tag >> 8) == 0x5fff; }
bool wants_pin(unsigned tag) { return tag == fingerprints || tag == printed_information || tag == iris_images; }

void want_all_objects(const Command& command) {
  if (command.p1 != 0x3f || command.p2 != 0xff) throw CardError{Sw::wrong_parameters};
}

Bytes secret_metadata(const Secret& secret, bool factory) {
  return concat(
      {tlv(0x01, Bytes{0xff}), tlv(0x05, Bytes{static_cast<std::uint8_t>(factory)}),
       tlv(0x06, Bytes{static_cast<std::uint8_t>(secret.max_tries), static_cast<std::uint8_t>(secret.tries)})});
}

}  // namespace

// SP 800-73-4 part 2 §3.1.1: selected again, it keeps its security status.
Bytes Card::select(const Command& command) {
  const ByteView wanted = command.data;
  const bool ours = wanted.size() >= provider_bytes && wanted.size() <= application.size() &&
                    std::equal(wanted.begin(), wanted.end(), application.begin());
  if (command.p1 != 0x04) throw CardError{Sw::wrong_parameters};
  if (!ours) {
    // A YubiKey has other applets, too; there, whoever selects one ends what the PIV applet allowed.
    const bool yubico = wanted.size() >= 7 && wanted[0] == 0xa0 && wanted[3] == 0x05 && wanted[4] == 0x27;
    if (!yubico) throw CardError{Sw::not_found};
    forget();
    return {};
  }
  selected_ = true;
  const ByteView all = application;
  return tlv(0x61, concat({tlv(0x4f, all.subspan(provider_bytes)), tlv(0x79, tlv(0x4f, all.first(provider_bytes)))}));
}

Bytes Card::get_data(const Command& command) const {
  want_all_objects(command);
  const unsigned tag = tag_of(value_of(parse_tlvs(command.data), 0x5c));
  // PIV Card Application PIN only (part 1 §3.3.2).
  if (tag == discovery) return tlv(0x7e, concat({tlv(0x4f, application), tlv(0x5f2f, Bytes{0x40, 0x00})}));
  const auto found = memory_.objects.find(tag);
  if (wants_pin(tag) && !pin_verified_) throw CardError{Sw::security};
  if (found == memory_.objects.end()) throw CardError{Sw::not_found};
  return tag == biometric_group ? tlv(tag, found->second) : tlv(0x53, found->second);
}

Bytes Card::put_data(const Command& command) {
  want_all_objects(command);
  want_management();
  const std::vector<Tlv> fields = parse_tlvs(command.data);
  const unsigned tag = find(fields, biometric_group) != nullptr ? biometric_group : tag_of(value_of(fields, 0x5c));
  const ByteView value = value_of(fields, tag == biometric_group ? biometric_group : 0x53);
  if (!writable(tag)) throw CardError{Sw::wrong_data};
  if (value.size() > max_object) throw CardError{Sw::no_memory};
  if (value.empty()) {
    memory_.objects.erase(tag);
  } else {
    memory_.objects[tag] = to_bytes(value);
  }
  changed();
  return {};
}

// Yubico's extension: 01 algorithm, 02 policies, 03 origin, 04 public key, 05 factory value, 06 tries.
Bytes Card::get_metadata(const Command& command) const {
  if (command.p1 != 0) throw CardError{Sw::wrong_parameters};
  if (command.p2 == 0x80) return secret_metadata(memory_.pin, memory_.default_pin());
  if (command.p2 == 0x81) return secret_metadata(memory_.puk, memory_.default_puk());
  if (command.p2 == 0x9b) {
    const std::uint8_t touch = memory_.management_touch ? 2 : 1;
    return concat({tlv(0x01, Bytes{static_cast<std::uint8_t>(Algorithm::tdes)}), tlv(0x02, Bytes{0, touch}),
                   tlv(0x05, Bytes{static_cast<std::uint8_t>(memory_.default_management_key())})});
  }
  const auto found = memory_.keys.find(command.p2);
  if (found == memory_.keys.end()) throw CardError{Sw::no_reference};
  const CardKey& key = found->second;
  return concat(
      {tlv(0x01, Bytes{static_cast<std::uint8_t>(key.algorithm)}),
       tlv(0x02, Bytes{static_cast<std::uint8_t>(key.pin_policy), static_cast<std::uint8_t>(key.touch_policy)}),
       tlv(0x03, Bytes{static_cast<std::uint8_t>(key.generated ? 1 : 2)}), tlv(0x04, key.public_part())});
}

}  // namespace fob::virt::piv
