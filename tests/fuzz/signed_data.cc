#include "protocol/signed_data.h"

#include "tests/fuzz/fuzz.h"

using namespace fob;

/// describe() never throws, and a byte more makes any data unknown: a kind is matched to the last byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView blob(data, size);
  const SignedData described = describe(blob);
  fuzz::require(!sentence(described).empty(), "there is a sentence for everything");
  if (std::holds_alternative<UnknownData>(described)) return 0;
  Bytes longer = to_bytes(blob);
  longer.push_back(0);
  fuzz::require(std::holds_alternative<UnknownData>(describe(longer)), "a trailing byte makes data unknown");
  const auto* login = std::get_if<UserAuthentication>(&described);
  if (login == nullptr) return 0;
  const auto key = fuzz::attempt([&] { return PublicKey::parse(login->key_blob); });
  if (!key) return 0;
  const auto found = user_authentication_with(*key, blob);
  fuzz::require(!found || (found->service == "ssh-connection" && equal(found->key_blob, key->blob)),
                "a login is by this key and for this service");
  return 0;
}
