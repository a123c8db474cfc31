#pragma once

#include <functional>

#include "tests/virtual/personality.h"
#include "tests/virtual/pin_protocol.h"
#include "tests/virtual/store.h"
#include "tests/virtual/touch.h"

namespace fob::virt {

/// Permissions of a pinUvAuthToken (CTAP 2.1 §6.5.5.7).
enum Permission : unsigned { may_make = 1, may_get = 2, may_manage = 4 };

/// authenticatorClientPIN, and what its tokens allow.
class PinAuth {
 public:
  PinAuth(const Personality& personality, Store& store) : personality_(personality), store_(store) {}

  /// New key agreement, no token, three more guesses.
  void power_up();
  Value run(const Value& request);

  /// Throws unless `request` holds at `mac_key` a MAC of `message` with a token that has the permission for this
  /// relying party. Absent MAC: false. Empty MAC: the caller's affair, see `is_probe`.
  bool authorize(const Value& request, std::int64_t mac_key, std::int64_t protocol_key, ByteView message,
                 Permission permission, const Bytes* rp_hash);
  /// A touch was used up: in CTAP 2.1 the token is spent then.
  void spend();

  /// With the token's own key; `protocol` is one that it has. CtapError otherwise.
  SharedSecret agree(unsigned protocol, const Value& platform_key) const;
  unsigned protocol_of(const Value& request, std::int64_t key) const;
  bool is_set() const { return store_.pin_hash.has_value(); }
  /// Requests that held a PIN, right or wrong or not even looked at.
  unsigned attempts() const { return attempts_; }

 private:
  Value set_pin(const Value& request);
  Value change_pin(const Value& request);
  Value get_token(const Value& request, bool with_permissions);
  void check_pin(const SharedSecret& secret, ByteView encrypted_hash);
  void take_new_pin(const SharedSecret& secret, ByteView encrypted);
  void refuse_if_blocked() const;

  const Personality& personality_;
  Store& store_;
  KeyPair key_agreement_ = KeyPair::generate(Alg::es256);
  Bytes token_ = random_bytes(32);
  unsigned permissions_ = 0;
  std::optional<Bytes> bound_to_;  ///< SHA-256 of the relying party
  Clock::time_point issued_;
  unsigned consecutive_mismatches_ = 0;
  unsigned attempts_ = 0;
};

}  // namespace fob::virt
