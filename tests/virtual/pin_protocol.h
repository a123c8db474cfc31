#pragma once

#include "tests/virtual/cbor.h"
#include "tests/virtual/crypto.h"

namespace fob::virt {

/// Whether `mac` is what PIN/UV auth protocol 1 or 2 makes of the message (CTAP 2.1 §6.5.6, §6.5.7).
bool mac_matches(unsigned protocol, ByteView key, ByteView message, ByteView mac);

/// What token and platform agreed upon for one command.
class SharedSecret {
 public:
  /// From the platform's COSE key. CtapError where it is none.
  SharedSecret(unsigned protocol, const KeyPair& own, const Value& platform_key);

  Bytes encrypt(ByteView data) const;
  Bytes decrypt(ByteView data) const;
  bool verify(ByteView message, ByteView mac) const { return mac_matches(protocol_, hmac_key_, message, mac); }

 private:
  unsigned protocol_;
  Bytes hmac_key_;
  Bytes aes_key_;
};

/// The public half of a key agreement as COSE has it (ECDH-ES + HKDF-256).
Value key_agreement_key(const KeyPair& key);

}  // namespace fob::virt
