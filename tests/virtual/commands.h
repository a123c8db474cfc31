#pragma once

#include <functional>

#include "tests/virtual/pin_auth.h"

namespace fob::virt {

/// The hmac-secret extension's input to getAssertion.
struct SaltRequest {
  SharedSecret secret;
  Bytes salts;  ///< 32 or 64 bytes
};

/// What one getAssertion asks of each credential.
struct AssertionRequest {
  Bytes rp_hash;
  Bytes client_data_hash;
  bool up = true;
  bool uv = false;
  std::optional<SaltRequest> salts;
};

/// What a command leaves for its "next" command. Another command in between drops it.
struct Pending {
  std::optional<AssertionRequest> request;
  std::vector<Credential> assertions;
  std::vector<Credential> relying_parties;  ///< one credential of each
  std::vector<Credential> credentials;
  Clock::time_point since;
};

/// What CTAP2 commands work on. `require_touch` returns when touched, else throws; the store may change meanwhile.
struct Context {
  const Personality& personality;
  Store& store;
  PinAuth& pin;
  Pending& pending;
  std::function<void()> require_touch;
};

// Each answers one CTAP2 command, or throws CtapError. A null value is an answer without a body.
Value get_info(const Context& context);
Value make_credential(Context& context, const Value& request);
Value get_assertion(Context& context, const Value& request);
Value get_next_assertion(Context& context);
Value manage_credentials(Context& context, const Value& request);

// Shared by the two commands that use keys.

/// `fallback` where there is no such option.
bool option(const Value* options, std::string_view name, bool fallback);
/// An empty MAC asks for a touch only, to choose a token: throws then.
void answer_probe(Context& context, const Value& request, std::int64_t mac_key);
/// The key handles in an allowList or excludeList.
std::vector<Bytes> handles(const Context& context, const Value* list);

constexpr unsigned data_up = 0x01;
constexpr unsigned data_uv = 0x04;
constexpr unsigned data_key = 0x40;
constexpr unsigned data_extensions = 0x80;
/// authData's first 37 bytes.
Bytes data_head(ByteView rp_hash, unsigned flags, std::uint32_t counter);

}  // namespace fob::virt
