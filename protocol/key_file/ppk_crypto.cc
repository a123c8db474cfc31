#include "protocol/key_file/ppk_crypto.h"

#include <string>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/key_file/armour.h"
#include "protocol/limits.h"

namespace fob::ppk {
namespace {

constexpr std::size_t cipher_key_bytes = 32;
constexpr std::size_t mac_key_bytes = 32;
constexpr std::size_t min_salt_bytes = 8;
constexpr std::uint32_t min_kib_per_lane = 8;
constexpr std::string_view old_mac_prefix = "putty-private-key-file-mac-key";

Bytes sha1(ByteView prefix, const SecretBytes& passphrase) {
  Writer input;
  input.raw(prefix).raw(passphrase.view());
  return to_bytes(Digest(Hash::sha1, input.bytes()).view());
}

}  // namespace

void check_argon2(const Argon2& parameters, ByteView salt) {
  if (parameters.passes == 0 || parameters.lanes == 0 || parameters.kib < min_kib_per_lane * parameters.lanes) {
    throw_malformed_file("Argon2 needs a pass, a lane and 8 KiB for each lane");
  }
  if (salt.size() < min_salt_bytes || salt.size() > limits::key_file_salt_bytes) {
    throw_malformed_file("a salt of " + std::to_string(salt.size()) + " bytes");
  }
  const std::uint64_t work = std::uint64_t{parameters.kib} * parameters.passes;
  if (work > limits::ppk_argon2_work_kib) {
    throw Error(Errc::too_large, "the key file asks for too much: Argon2 with " + std::to_string(parameters.kib) +
                                     " KiB and " + std::to_string(parameters.passes) + " passes");
  }
}

Keys derive_keys(const Argon2& parameters, const SecretBytes& passphrase, ByteView salt) {
  Keys out;
  out.mac_hash = Hash::sha256;
  if (passphrase.empty()) return out;
  const SecretBytes all = argon2(parameters, passphrase, salt, cipher_key_bytes + cipher_block_bytes + mac_key_bytes);
  out.cipher_key = SecretBytes(all.view().first(cipher_key_bytes));
  out.iv = to_bytes(all.view().subspan(cipher_key_bytes, cipher_block_bytes));
  out.mac_key = SecretBytes(all.view().last(mac_key_bytes));
  return out;
}

Keys derive_old_keys(const SecretBytes& passphrase) {
  Keys out;
  out.mac_hash = Hash::sha1;
  out.mac_key = SecretBytes(sha1(as_bytes(old_mac_prefix), passphrase));
  Bytes key;
  for (std::uint8_t i = 0; key.size() < cipher_key_bytes; ++i) {
    const Bytes part = sha1(Bytes{0, 0, 0, i}, passphrase);
    key.insert(key.end(), part.begin(), part.end());
  }
  out.cipher_key = SecretBytes(ByteView(key).first(cipher_key_bytes));
  out.iv.resize(cipher_block_bytes);
  return out;
}

Bytes mac_of(const Keys& keys, const Covered& covered) {
  Writer data;
  data.string(covered.type).string(covered.encryption).string(covered.comment);
  data.string(covered.public_blob).string(covered.private_blob);
  return hmac(keys.mac_hash, keys.mac_key.view(), data.bytes());
}

void pad(Bytes& fields) {
  const Digest digest(Hash::sha1, fields);
  for (std::size_t i = 0; fields.size() % cipher_block_bytes != 0; ++i) fields.push_back(digest.view()[i]);
}

}  // namespace fob::ppk
