#include "agent/vault/keyslot.h"

#include "agent/vault/recovery_code.h"
#include "protocol/limits.h"
#include "tests/fuzz/fuzz.h"

using namespace fob;

namespace {

/// read → write → read gives the same. The first pass may change a boolean, of which any but 0 is true.
template <class Parameters>
std::optional<Parameters> read(ByteView data) {
  std::optional<Parameters> out = fuzz::attempt([&] { return Parameters::read(data); });
  if (!out) return out;
  const Bytes once = out->write();
  fuzz::require(once.size() == data.size(), "a keyslot's parameters keep their size");
  fuzz::require(equal(Parameters::read(once).write(), once), "a keyslot's parameters are written as they were read");
  return out;
}

void read_code(ByteView typed) {
  const std::optional<SecretBytes> secret = parse_recovery_code(typed);
  if (!secret) return;
  fuzz::require(secret->size() == recovery_secret_bytes, "a recovery code is so many bytes");
  fuzz::require(parse_recovery_code(recovery_code_of(*secret).view()) == secret, "a code's secret has that code");
}

}  // namespace

/// What the vault's file says of a keyslot, and what people type for a recovery code.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto passphrase = read<PassphraseParameters>(input);
  if (passphrase) {
    fuzz::require(passphrase->passes >= 1 && passphrase->passes <= limits::argon2_passes, "Argon2id ends");
    fuzz::require(passphrase->memory_kib <= limits::argon2_max_kib, "Argon2id has enough memory");
  }
  read<RecoveryParameters>(input);
  const auto fido = read<FidoParameters>(input);
  if (fido) fuzz::require(fido->key(SecretBytes(limits::fido_secret_bytes)).size() == 32, "a slot key has 32 bytes");
  const auto pkcs11 = read<Pkcs11Parameters>(input);
  if (pkcs11) fuzz::require(pkcs11->key(SecretBytes(32)).size() == 32, "a slot key has 32 bytes");
  read_code(input);
  return 0;
}
