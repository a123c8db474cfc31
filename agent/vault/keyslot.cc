#include "agent/vault/keyslot.h"

#include <sodium.h>

#include "agent/vault/aead.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

constexpr std::size_t salt_bytes = crypto_pwhash_SALTBYTES;
static_assert(salt_bytes == 16);

Bytes random_salt() {
  Bytes out(salt_bytes);
  randombytes_buf(out.data(), out.size());
  return out;
}

Bytes read_salt(Reader& in, std::size_t size) {
  const ByteView salt = in.string(size);
  if (salt.size() == size) return to_bytes(salt);
  throw Error(Errc::malformed,
              "a keyslot's salt of " + std::to_string(salt.size()) + " bytes, wanted " + std::to_string(size));
}

std::uint32_t read_within(Reader& in, const char* what, std::uint32_t least, std::uint32_t most) {
  const std::uint32_t value = in.u32();
  if (value >= least && value <= most) return value;
  throw Error(value < least ? Errc::malformed : Errc::too_large, "a keyslot with " + std::to_string(value) + " " +
                                                                     what + ", allowed are " + std::to_string(least) +
                                                                     " to " + std::to_string(most));
}

}  // namespace

PassphraseParameters PassphraseParameters::random() {
  PassphraseParameters out;
  out.salt = random_salt();
  return out;
}

PassphraseParameters PassphraseParameters::read(ByteView parameters) {
  Reader in(parameters);
  PassphraseParameters out;
  out.salt = read_salt(in, salt_bytes);
  out.passes = read_within(in, "passes of Argon2id", 1, limits::argon2_passes);
  out.memory_kib = read_within(in, "KiB for Argon2id", limits::argon2_min_kib, limits::argon2_max_kib);
  in.done();
  return out;
}

Bytes PassphraseParameters::write() const {
  Writer out;
  out.string(salt).u32(passes).u32(memory_kib);
  return out.take();
}

SecretBytes PassphraseParameters::key(const SecretBytes& passphrase) const {
  SecretBytes out(aead_key_bytes);
  const std::size_t memory_bytes = std::size_t{memory_kib} * 1024;
  // libsodium takes no null pointer, which is what an empty passphrase has.
  const char* text = passphrase.empty() ? "" : reinterpret_cast<const char*>(passphrase.data());
  if (crypto_pwhash(out.data(), out.size(), text, passphrase.size(), salt.data(), passes, memory_bytes,
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    throw Error(Errc::system, "cannot get the " + std::to_string(memory_kib / 1024) +
                                  " MiB of memory that the passphrase takes; end something else, and try again");
  }
  return out;
}

RecoveryParameters RecoveryParameters::random() { return {random_salt()}; }

RecoveryParameters RecoveryParameters::read(ByteView parameters) {
  Reader in(parameters);
  RecoveryParameters out{read_salt(in, salt_bytes)};
  in.done();
  return out;
}

Bytes RecoveryParameters::write() const {
  Writer out;
  out.string(salt);
  return out.take();
}

SecretBytes RecoveryParameters::key(const SecretBytes& code) const {
  Writer info;
  info.string("fob recovery slot 1").string(salt);
  return hkdf(code.view(), info.bytes());
}

FidoParameters FidoParameters::read(ByteView parameters) {
  Reader in(parameters);
  FidoParameters out;
  out.key_handle = to_bytes(in.string(limits::key_handle_bytes));
  if (out.key_handle.empty()) throw Error(Errc::malformed, "a keyslot of a FIDO2 token without its credential");
  out.salt = read_salt(in, limits::fido_salt_bytes);
  out.verify = in.boolean();
  in.done();
  return out;
}

Bytes FidoParameters::write() const {
  Writer out;
  out.string(key_handle).string(salt).boolean(verify);
  return out.take();
}

SecretBytes FidoParameters::key(const SecretBytes& hmac_secret) const {
  if (hmac_secret.size() != limits::fido_secret_bytes) {
    throw Error(Errc::malformed, "a token's secret of " + std::to_string(hmac_secret.size()) + " bytes, wanted " +
                                     std::to_string(limits::fido_secret_bytes));
  }
  Writer info;
  info.string("fob fido slot 1").string(key_handle).string(salt).boolean(verify);
  return hkdf(hmac_secret.view(), info.bytes());
}

}  // namespace fob
