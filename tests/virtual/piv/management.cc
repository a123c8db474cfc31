#include <utility>

#include "tests/virtual/piv/card.h"

namespace fob::virt::piv {
namespace {

constexpr std::size_t block_bytes = 8;
constexpr std::size_t key_bytes = 24;

}  // namespace

void Card::want_management() const {
  if (!managed_) throw CardError{Sw::security};
}

// SP 800-73-4 part 2 appendix A.1 and A.2: by challenge and response, or by witness, which proves both sides.
Bytes Card::authenticate_management(const std::vector<Tlv>& fields) {
  const Bytes witness = std::exchange(witness_, {});
  const Bytes challenge = std::exchange(challenge_, {});
  const Tlv* const in_witness = find(fields, 0x80);
  const Tlv* const in_challenge = find(fields, 0x81);
  if (in_witness != nullptr && in_witness->value.empty()) {
    witness_ = random_bytes(block_bytes);
    return tlv(0x7c, tlv(0x80, tdes_encrypt(memory_.management_key, witness_)));
  }
  if (in_witness != nullptr) {
    if (witness.empty() || in_challenge == nullptr || !equal(in_witness->value, witness)) throw CardError{Sw::security};
    const Bytes proof = tdes_encrypt(memory_.management_key, in_challenge->value);
    want_touch(memory_.management_touch ? TouchPolicy::always : TouchPolicy::never);
    managed_ = true;
    return tlv(0x7c, tlv(0x82, proof));
  }
  if (in_challenge != nullptr && in_challenge->value.empty()) {
    challenge_ = random_bytes(block_bytes);
    return tlv(0x7c, tlv(0x81, challenge_));
  }
  const ByteView response = value_of(fields, 0x82);
  if (challenge.empty() || !equal(tdes_encrypt(memory_.management_key, challenge), response)) {
    throw CardError{Sw::security};
  }
  want_touch(memory_.management_touch ? TouchPolicy::always : TouchPolicy::never);
  managed_ = true;
  return {};
}

// Yubico's: algorithm, 9b, length, key; P2 is FF, or FE for a touch at each authentication.
Bytes Card::set_management_key(const Command& command) {
  want_management();
  const ByteView data = command.data;
  if (command.p1 != 0xff || (command.p2 != 0xff && command.p2 != 0xfe)) throw CardError{Sw::wrong_parameters};
  if (data.size() != 3 + key_bytes || data[0] != static_cast<std::uint8_t>(Algorithm::tdes) || data[1] != 0x9b ||
      data[2] != key_bytes) {
    throw CardError{Sw::wrong_data};
  }
  memory_.management_key = to_bytes(data.subspan(3));
  memory_.management_touch = command.p2 == 0xfe;
  changed();
  return {};
}

}  // namespace fob::virt::piv
