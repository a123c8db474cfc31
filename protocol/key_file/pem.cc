#include "protocol/key_file/pem.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <array>
#include <optional>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/key_file/asn1_key.h"
#include "protocol/key_file/cipher.h"
#include "protocol/key_file/der.h"
#include "protocol/key_file/key_numbers.h"
#include "protocol/pattern.h"

namespace fob::pem {
namespace {

constexpr std::size_t line_columns = 64;
/// The first bytes of the IV are the salt (EVP_BytesToKey(3)).
constexpr std::size_t salt_bytes = 8;

struct PemCipher {
  std::string_view name;  ///< in DEK-Info and for OpenSSL
  std::size_t key_bytes;
  std::size_t iv_bytes;
};
/// The first is what ssh-keygen writes; puttygen reads that and DES-EDE3-CBC only.
constexpr std::array ciphers{PemCipher{"AES-128-CBC", 16, 16}, PemCipher{"AES-192-CBC", 24, 16},
                             PemCipher{"AES-256-CBC", 32, 16}, PemCipher{"DES-EDE3-CBC", 24, 8}};

struct Encryption {
  PemCipher cipher;
  Bytes iv;
};

std::optional<std::string_view> header(const Block& block, std::string_view name) {
  for (const Header& one : block.headers) {
    if (one.first == name) return one.second;
  }
  return std::nullopt;
}

const PemCipher& cipher_named(std::string_view name) {
  for (const PemCipher& cipher : ciphers) {
    if (cipher.name == name) return cipher;
  }
  throw Error(Errc::unsupported, "encrypted with " + printable(name) +
                                     ", which fob cannot read; encrypt anew: openssl pkcs8 -topk8 -in FILE -out NEW");
}

/// RFC 1421 §4.6.1.1, §4.6.1.3; nothing where the block is not encrypted.
std::optional<Encryption> encryption_of(const Block& block) {
  const auto type = header(block, "Proc-Type");
  const auto info = header(block, "DEK-Info");
  if (!type && !info) return std::nullopt;
  if (type != "4,ENCRYPTED" || !info) throw_malformed_file("its headers Proc-Type and DEK-Info do not fit");
  const std::size_t comma = std::min(info->find(','), info->size());
  Encryption out{cipher_named(trimmed(info->substr(0, comma))), {}};
  out.iv = parse_hex(trimmed(info->substr(std::min(comma + 1, info->size()))));
  if (out.iv.size() != out.cipher.iv_bytes) {
    throw_malformed_file("an IV of " + std::to_string(out.iv.size()) + " bytes, wanted " +
                         std::to_string(out.cipher.iv_bytes));
  }
  return out;
}

/// EVP_BytesToKey with MD5 and one round: D_i = MD5(D_i-1 || passphrase || salt).
SecretBytes derive(const PemCipher& cipher, const SecretBytes& passphrase, ByteView salt) {
  SecretBytes out(cipher.key_bytes);
  Bytes last;
  for (std::size_t at = 0; at < out.size();) {
    Writer input;
    input.raw(last).raw(passphrase.view()).raw(salt);
    last = to_bytes(Digest(Hash::md5, input.bytes()).view());
    const std::size_t taken = std::min(last.size(), out.size() - at);
    std::copy_n(last.begin(), taken, out.data() + at);
    at += taken;
  }
  return out;
}

Bytes decrypted(const Encryption& encryption, const SecretBytes& passphrase, ByteView contents) {
  if (contents.empty() || contents.size() % encryption.cipher.iv_bytes != 0) {
    throw_malformed_file("its length is no number of blocks");
  }
  const SecretBytes key = derive(encryption.cipher, passphrase, ByteView(encryption.iv).first(salt_bytes));
  Bytes out = decrypt_padded({encryption.cipher.name.data(), key.view(), encryption.iv}, contents);
  // One wrong key in 256 leaves what looks like padding.
  if (!der::is_sequence(out)) throw WrongPassphrase();
  return out;
}

PrivateKey read(std::string_view label, ByteView der) {
  return label == rsa_label ? asn1::read_rsa(der) : asn1::read_ec(der, std::nullopt);
}

}  // namespace

KeyFileInfo inspect(const Block& block) {
  KeyFileInfo out;
  out.format = KeyFileFormat::pem;
  out.encrypted = encryption_of(block).has_value();
  if (!out.encrypted) out.public_key = read(block.label, parse_base64(block.base64)).public_key;
  return out;
}

KeyFile parse(const Block& block, const AskPassphrase& ask_passphrase) {
  Bytes contents = parse_base64(block.base64);
  if (const auto encryption = encryption_of(block)) {
    contents = decrypted(*encryption, ask_for(ask_passphrase), contents);
  }
  return {read(block.label, contents), ""};
}

Bytes format(const PrivateKey& key, const SecretBytes& passphrase) {
  const bool is_rsa = key.public_key.kind == KeyKind::rsa;
  if (key.public_key.is_certificate() || (!is_rsa && !is_ecdsa(key.public_key.kind))) {
    throw_no_such_key(key.public_key, "PEM");
  }
  Bytes contents = is_rsa ? asn1::write_rsa(key) : asn1::write_ec(key, true);
  Writer headers;
  if (!passphrase.empty()) {
    const PemCipher& cipher = ciphers[0];
    Bytes iv(cipher.iv_bytes);
    randombytes_buf(iv.data(), iv.size());
    const SecretBytes cipher_key = derive(cipher, passphrase, ByteView(iv).first(salt_bytes));
    contents = encrypt_padded({cipher.name.data(), cipher_key.view(), iv}, contents);
    headers.raw(as_bytes("Proc-Type: 4,ENCRYPTED\nDEK-Info: ")).raw(as_bytes(cipher.name)).u8(',');
    headers.raw(format_hex(iv)).raw(as_bytes("\n\n"));
  }
  return format_block(is_rsa ? rsa_label : ec_label, as_text(headers.bytes()), contents, line_columns);
}

}  // namespace fob::pem
