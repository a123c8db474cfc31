#pragma once

#include <map>

#include "protocol/wire.h"
#include "tests/virtual/piv/card_key.h"

namespace fob::virt::piv {

/// PIN or PUK.
struct Secret {
  Bytes value;
  unsigned tries = 3;
  unsigned max_tries = 3;

  /// Spends a try where `guess`, as it was padded with FF, is wrong. Throws CardError{blocked} or {wrong_pin}.
  void check(ByteView guess);
  /// Throws CardError{wrong_data} where `padded` is not 6 to 8 bytes, FF behind them to 8.
  void set(ByteView padded);
};

/// What a card keeps without power.
struct Memory {
  /// As it leaves the factory, with an attestation key of its own.
  Memory();

  Secret pin;
  Secret puk;
  Bytes management_key;
  bool management_touch = false;
  std::map<std::uint8_t, CardKey> keys;  ///< by key reference
  std::map<unsigned, Bytes> objects;     ///< by tag, what is inside 53

  bool default_pin() const;
  bool default_puk() const;
  bool default_management_key() const;

  Bytes save() const;
  /// Throws Error{malformed}.
  static Memory load(ByteView saved);
};

constexpr std::uint8_t attestation_slot = 0xf9;
constexpr unsigned attestation_object = 0x5fff01;

}  // namespace fob::virt::piv
