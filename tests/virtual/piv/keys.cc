#include "tests/virtual/piv/card.h"

namespace fob::virt::piv {
namespace {

constexpr std::uint8_t signature_slot = 0x9c;
constexpr std::uint8_t card_authentication_slot = 0x9e;

/// One byte from 0 to 3; 0 where there is none.
std::uint8_t policy_of(const std::vector<Tlv>& fields, unsigned tag) {
  const Tlv* found = find(fields, tag);
  if (found == nullptr) return 0;
  if (found->value.size() != 1 || found->value[0] > 3) throw CardError{Sw::wrong_data};
  return found->value[0];
}

PinPolicy default_policy(std::uint8_t slot) {
  if (slot == signature_slot) return PinPolicy::always;
  return slot == card_authentication_slot ? PinPolicy::never : PinPolicy::once;
}

void want_slot(std::uint8_t slot) {
  if (!is_key_slot(slot) && slot != attestation_slot) throw CardError{Sw::wrong_slot};
}

}  // namespace

void Card::keep(std::uint8_t slot, CardKey key, const std::vector<Tlv>& policies) {
  const PinPolicy pin{policy_of(policies, 0xaa)};
  const TouchPolicy touch{policy_of(policies, 0xab)};
  key.pin_policy = pin == PinPolicy::by_slot ? default_policy(slot) : pin;
  key.touch_policy = touch == TouchPolicy::by_slot ? TouchPolicy::never : touch;
  memory_.keys[slot] = std::move(key);
  changed();
}

// SP 800-73-4 part 2 §3.3.2; AA and AB are Yubico's.
Bytes Card::generate(const Command& command) {
  want_management();
  want_slot(command.p2);
  const std::vector<Tlv> outer = parse_tlvs(command.data);
  const std::vector<Tlv> fields = parse_tlvs(value_of(outer, 0xac));
  const ByteView number = value_of(fields, 0x80);
  if (number.size() != 1) throw CardError{Sw::wrong_data};
  policy_of(fields, 0xaa);
  policy_of(fields, 0xab);
  CardKey key{.algorithm = key_algorithm(number[0]), .key = {}};
  key.key = generate_key(key.algorithm);
  const Bytes answer = tlv(0x7f49, key.public_part());
  keep(command.p2, std::move(key), fields);
  return answer;
}

Bytes Card::import(const Command& command) {
  want_management();
  want_slot(command.p2);
  const std::vector<Tlv> fields = parse_tlvs(command.data);
  CardKey key{.algorithm = key_algorithm(command.p1), .generated = false, .key = {}};
  key.key = import_key(key.algorithm, fields);
  keep(command.p2, std::move(key), fields);
  return {};
}

Bytes Card::attest(const Command& command) const {
  const auto found = memory_.keys.find(command.p1);
  if (found == memory_.keys.end() || command.p1 == attestation_slot) throw CardError{Sw::no_reference};
  if (!found->second.generated) throw CardError{Sw::wrong_data};
  const auto issuer = memory_.keys.find(attestation_slot);
  const auto object = memory_.objects.find(attestation_object);
  if (issuer == memory_.keys.end() || object == memory_.objects.end()) throw CardError{Sw::conditions};
  const ByteView certificate = value_of(parse_tlvs(object->second), 0x70);
  return attestation({personality_.version, personality_.serial, command.p1, found->second}, issuer->second.key,
                     certificate);
}

// To the slot P1, FF for nowhere, from the slot P2; YubiKeys have it from 5.7 on.
Bytes Card::move_key(const Command& command) {
  constexpr std::uint8_t nowhere = 0xff;
  if (!personality_.deletes_keys()) throw CardError{Sw::unknown_instruction};
  want_management();
  if (command.p1 != nowhere) want_slot(command.p1);
  const auto found = memory_.keys.find(command.p2);
  if (found == memory_.keys.end()) throw CardError{Sw::no_reference};
  if (command.p1 != nowhere) {
    if (memory_.keys.contains(command.p1)) throw CardError{Sw::wrong_data};
    memory_.keys[command.p1] = std::move(found->second);
  }
  memory_.keys.erase(found);
  changed();
  return {};
}

void Card::want_pin_for(const CardKey& key) const {
  if (key.pin_policy == PinPolicy::never) return;
  if (!pin_verified_ || (key.pin_policy == PinPolicy::always && !pin_fresh_)) throw CardError{Sw::security};
}

// GENERAL AUTHENTICATE, part 2 §3.2.4.
Bytes Card::use_key(const Command& command) {
  constexpr std::uint8_t management = 0x9b;
  const std::vector<Tlv> outer = parse_tlvs(command.data);
  const std::vector<Tlv> fields = parse_tlvs(value_of(outer, 0x7c));
  if (command.p2 == management) {
    pin_fresh_ = false;
    if (command.p1 != 0 && command.p1 != static_cast<std::uint8_t>(Algorithm::tdes))
      throw CardError{Sw::wrong_parameters};
    return authenticate_management(fields);
  }
  const auto found = memory_.keys.find(command.p2);
  if (found == memory_.keys.end() || command.p2 == attestation_slot) throw CardError{Sw::no_reference};
  const CardKey& key = found->second;
  if (command.p1 != static_cast<std::uint8_t>(key.algorithm)) throw CardError{Sw::wrong_data};
  const Tlv* point = find(fields, 0x85);
  const ByteView input = point != nullptr ? point->value : value_of(fields, 0x81);
  want_pin_for(key);
  pin_fresh_ = false;
  want_touch(key.touch_policy);
  return tlv(0x7c, tlv(0x82, point != nullptr ? key.agree(input) : key.sign(input)));
}

}  // namespace fob::virt::piv
