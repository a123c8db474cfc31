#include "protocol/public_key.h"

#include "protocol/fingerprint.h"
#include "protocol/verify.h"
#include "tests/fuzz/fuzz.h"

using namespace fob;

namespace {

/// The plain key: composing and parsing it again gives the same.
void check_plain(const PublicKey& key) {
  const PublicKey plain = PublicKey::parse_plain(key.plain_blob());
  fuzz::require(!plain.is_certificate() && plain.kind == key.kind, "a plain key has the certificate's kind");
  fuzz::require(equal(plain.plain_blob(), key.plain_blob()), "a plain key is composed as it was read");
  fuzz::require(fingerprint(plain) == fingerprint(key), "a certificate has its key's fingerprint");
  fuzz::require(randomart(key).size() == 11 * 20 - 1, "a picture has 11 lines");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto key = fuzz::attempt([&] { return PublicKey::parse({data, size}); });
  if (!key) return 0;
  fuzz::require(equal(key->blob, {data, size}), "a key keeps its blob");
  fuzz::require(key->is_certificate() || equal(key->plain_blob(), key->blob), "a plain key's blob is composed as read");
  check_plain(*key);
  if (key->is_certificate()) {
    fuzz::require(key->certificate->signed_bytes < size, "a CA does not sign its signature");
    certificate_names_host(*key, "host.example.org", 1'735'689'600);
    fuzz::passes([&] { verify_certificate(*key); });
  }
  return 0;
}
