#include "protocol/key_file/pkcs8.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <memory>
#include <variant>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/key_file/asn1_key.h"
#include "protocol/key_file/cipher.h"
#include "protocol/key_file/der.h"
#include "protocol/limits.h"

namespace fob::pkcs8 {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t line_columns = 64;
/// OWASP's advice of 2023 for PBKDF2 with SHA-256; openssl's own default is 2,048.
constexpr int rounds_written = 600'000;
constexpr int salt_bytes_written = 16;

constexpr std::string_view pbes2 = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"sv;          // 1.2.840.113549.1.5.13
constexpr std::string_view pbkdf2_object = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c"sv;  // 1.2.840.113549.1.5.12
constexpr std::string_view scrypt_object = "\x2b\x06\x01\x04\x01\xda\x47\x04\x0b"sv;  // 1.3.6.1.4.1.11591.4.11
/// The schemes of PKCS#12 with triple DES of three keys and of two: 1.2.840.113549.1.12.1.{3,4}.
constexpr std::array pkcs12_schemes{"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03"sv,
                                    "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x04"sv};
/// HMAC with SHA-1, -224, -256, -384, -512: 1.2.840.113549.2.{7..11}.
constexpr std::string_view hmac_prefix = "\x2a\x86\x48\x86\xf7\x0d\x02"sv;
constexpr char first_hmac = 7;
constexpr char last_hmac = 11;
constexpr std::array hmacs{NID_hmacWithSHA1, NID_hmacWithSHA224, NID_hmacWithSHA256, NID_hmacWithSHA384,
                           NID_hmacWithSHA512};

struct FileCipher {
  std::string_view object;
  std::size_t key_bytes;
  std::size_t iv_bytes;
};
/// AES in CBC mode with 128, 192, 256 bits (2.16.840.1.101.3.4.1.{2,22,42}) and DES-EDE3-CBC (1.2.840.113549.3.7).
constexpr std::array ciphers{FileCipher{"\x60\x86\x48\x01\x65\x03\x04\x01\x02"sv, 16, 16},
                             FileCipher{"\x60\x86\x48\x01\x65\x03\x04\x01\x16"sv, 24, 16},
                             FileCipher{"\x60\x86\x48\x01\x65\x03\x04\x01\x2a"sv, 32, 16},
                             FileCipher{"\x2a\x86\x48\x86\xf7\x0d\x03\x07"sv, 24, 8}};

/// A block of DES-EDE3-CBC, which PKCS#12's functions are for.
constexpr std::size_t triple_des_bytes = 8;

struct Pbkdf2 {
  int hash = NID_hmacWithSHA256;
  std::uint64_t rounds = rounds_written;
};
struct Scrypt {
  std::uint64_t cost;
  std::uint64_t block;
  std::uint64_t lanes;

  std::uint64_t work() const { return cost * block * lanes; }
};
/// openssl's own (N = 2^14, r = 8, p = 1): what costs less is no reason to write it again.
constexpr std::uint64_t scrypt_work_written = 16384 * 8;

/// How a passphrase becomes a key; PKCS#12's functions are not written.
using Kdf = std::variant<Pbkdf2, Scrypt>;

struct OpensslDeleter {
  void operator()(X509_ALGOR* algorithm) const { X509_ALGOR_free(algorithm); }
};
using Algorithm = std::unique_ptr<X509_ALGOR, OpensslDeleter>;

[[noreturn]] void throw_unknown(const std::string& what) {
  throw Error(Errc::unsupported, "its passphrase is used in a way that fob does not know (" + what +
                                     "); encrypt anew: openssl pkcs8 -topk8 -in FILE -out NEW (with -provider legacy "
                                     "-provider default for old ciphers)");
}

const FileCipher& cipher_named(std::string_view object) {
  const auto* const found =
      std::find_if(ciphers.begin(), ciphers.end(), [&](const FileCipher& cipher) { return cipher.object == object; });
  if (found == ciphers.end()) throw_unknown("the cipher");
  return *found;
}

void check_salt(ByteView salt) {
  if (salt.size() > limits::key_file_salt_bytes) throw_malformed_file("a salt of more than 1,024 bytes");
}

std::uint64_t read_rounds(der::Values& in) {
  const std::uint64_t out = in.small_number(limits::pkcs8_rounds, "rounds");
  if (out == 0) throw_malformed_file("no rounds");
  return out;
}

/// Where it is there, it must be what the cipher takes: OpenSSL's answer would be that of a wrong passphrase.
void check_key_bytes(der::Values& in, const FileCipher& cipher) {
  if (!in.next_is(der::integer) || in.small_number(limits::name_bytes, "key bytes") == cipher.key_bytes) return;
  throw_malformed_file("its KDF makes a key of another length than its cipher takes");
}

/// RFC 8018 §A.2
Kdf read_pbkdf2(der::Values in, const FileCipher& cipher) {
  Pbkdf2 out;
  check_salt(in.value(der::octet_string));
  out.rounds = read_rounds(in);
  check_key_bytes(in, cipher);
  out.hash = NID_hmacWithSHA1;
  if (!in.empty()) {
    const std::string_view hash = in.values().object();
    const bool known = hash.size() == hmac_prefix.size() + 1 && hash.starts_with(hmac_prefix) &&
                       hash.back() >= first_hmac && hash.back() <= last_hmac;
    if (!known) throw_unknown("PBKDF2's hash");
    out.hash = hmacs[static_cast<std::size_t>(hash.back() - first_hmac)];
  }
  in.done();
  return out;
}

/// RFC 7914 §7.1; the memory is 128·r·(N + p + 2) bytes.
Kdf read_scrypt(der::Values in, const FileCipher& cipher) {
  check_salt(in.value(der::octet_string));
  constexpr std::uint64_t unit = 128;
  const std::uint64_t max = limits::pkcs8_scrypt_bytes / unit;
  const std::uint64_t cost = in.small_number(max, "scrypt's cost");
  const std::uint64_t block = in.small_number(max, "scrypt's block size");
  const std::uint64_t lanes = in.small_number(max, "scrypt's parallelization");
  check_key_bytes(in, cipher);
  in.done();
  if (cost < 2 || (cost & (cost - 1)) != 0 || block == 0 || lanes == 0) throw_malformed_file("scrypt's parameters");
  if ((cost + lanes + 2) * block > max || cost * block * lanes > limits::pkcs8_scrypt_work_bytes / unit) {
    throw Error(Errc::too_large, "the key file asks for too much: scrypt with N=" + std::to_string(cost) +
                                     ", r=" + std::to_string(block) + ", p=" + std::to_string(lanes));
  }
  return Scrypt{cost, block, lanes};
}

/// How a file is encrypted.
struct Scheme {
  Kdf kdf;
  std::size_t block_bytes;
};

/// What OpenSSL is about to do for us: known, and within the limits?
Scheme read_algorithm(ByteView encoded) {
  der::Values outer(encoded);
  der::Values in = outer.values();
  const std::string_view scheme = in.object();
  der::Values parameters = in.values();
  in.done();
  if (std::find(pkcs12_schemes.begin(), pkcs12_schemes.end(), scheme) != pkcs12_schemes.end()) {
    check_salt(parameters.value(der::octet_string));
    read_rounds(parameters);
    parameters.done();
    return {Pbkdf2{}, triple_des_bytes};
  }
  if (scheme != pbes2) throw_unknown("neither PBES2 nor PKCS#12's triple DES");
  der::Values derivation = parameters.values();
  der::Values encryption = parameters.values();
  parameters.done();
  const FileCipher& cipher = cipher_named(encryption.object());
  if (encryption.value(der::octet_string).size() != cipher.iv_bytes) throw_malformed_file("its IV has a wrong length");
  encryption.done();
  const std::string_view function = derivation.object();
  if (function != pbkdf2_object && function != scrypt_object) throw_unknown("neither PBKDF2 nor scrypt");
  const der::Values its = derivation.values();
  derivation.done();
  // In CBC mode, as all of them are, an IV is a block.
  return {function == pbkdf2_object ? read_pbkdf2(its, cipher) : read_scrypt(its, cipher), cipher.iv_bytes};
}

/// EncryptedPrivateKeyInfo (RFC 5958 §3).
struct Encrypted {
  ByteView algorithm;
  ByteView contents;
  Kdf kdf;
};

Encrypted read_encrypted(ByteView file) {
  der::Values outer(file);
  der::Values in = outer.values();
  outer.done();
  Encrypted out{in.whole(der::sequence), in.value(der::octet_string), {}};
  in.done();
  const Scheme scheme = read_algorithm(out.algorithm);
  // OpenSSL's answer to it would be that of a wrong passphrase.
  if (out.contents.empty() || out.contents.size() % scheme.block_bytes != 0) {
    throw_malformed_file("its length is no number of blocks");
  }
  out.kdf = scheme.kdf;
  return out;
}

/// Derives the key and encrypts or decrypts; empty where the padding is wrong.
Bytes crypt(const X509_ALGOR* algorithm, const SecretBytes& passphrase, ByteView data, bool encrypts) {
  unsigned char* made = nullptr;
  int size = 0;
  const bool done =
      PKCS12_pbe_crypt(algorithm, reinterpret_cast<const char*>(passphrase.data()), static_cast<int>(passphrase.size()),
                       data.data(), static_cast<int>(data.size()), &made, &size, encrypts ? 1 : 0) != nullptr;
  ERR_clear_error();
  if (!done) return {};
  Bytes out(made, made + size);
  OPENSSL_clear_free(made, static_cast<std::size_t>(size));
  return out;
}

Bytes decrypted(const Encrypted& encrypted, const SecretBytes& passphrase) {
  const std::uint8_t* at = encrypted.algorithm.data();
  const Algorithm algorithm(d2i_X509_ALGOR(nullptr, &at, static_cast<long>(encrypted.algorithm.size())));
  if (!algorithm) {
    ERR_clear_error();
    throw_malformed_file("its ASN.1 is broken");
  }
  Bytes out = crypt(algorithm.get(), passphrase, encrypted.contents, false);
  // One wrong key in 256 leaves what looks like padding.
  if (!der::is_sequence(out)) throw WrongPassphrase();
  return out;
}

/// As much work as before, or as new files have where that is more.
Kdf no_weaker(const Kdf& before) {
  if (const Scrypt* scrypt = std::get_if<Scrypt>(&before)) {
    return scrypt->work() < scrypt_work_written ? Kdf(Pbkdf2{}) : Kdf(*scrypt);
  }
  Pbkdf2 out;
  const Pbkdf2& old = std::get<Pbkdf2>(before);
  out.rounds = std::max(out.rounds, old.rounds);
  if (old.hash == NID_hmacWithSHA384 || old.hash == NID_hmacWithSHA512) out.hash = old.hash;
  return out;
}

/// AES-256-CBC, with salt and IV of its own.
Algorithm new_algorithm(const Kdf& kdf) {
  if (const Scrypt* scrypt = std::get_if<Scrypt>(&kdf)) {
    return Algorithm(PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, salt_bytes_written, nullptr, scrypt->cost,
                                           scrypt->block, scrypt->lanes));
  }
  const Pbkdf2& pbkdf2 = std::get<Pbkdf2>(kdf);
  return Algorithm(PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), static_cast<int>(pbkdf2.rounds), nullptr, salt_bytes_written,
                                     nullptr, pbkdf2.hash));
}

Bytes write(const PrivateKey& key, const SecretBytes& passphrase, const Kdf& kdf) {
  const Bytes contents = asn1::write_pkcs8(key);
  if (passphrase.empty()) return format_block(plain_label, "", contents, line_columns);
  const Algorithm algorithm = new_algorithm(kdf);
  std::uint8_t* encoded = nullptr;
  const int size = algorithm ? i2d_X509_ALGOR(algorithm.get(), &encoded) : 0;
  if (size <= 0) throw_openssl_error("cannot encrypt the key file");
  const Bytes algorithm_der(encoded, encoded + size);
  OPENSSL_free(encoded);
  const Bytes encrypted = crypt(algorithm.get(), passphrase, contents, true);
  if (encrypted.empty()) throw Error(Errc::system, "cannot encrypt the key file");
  return format_block(encrypted_label, "",
                      der::write_sequence({algorithm_der, der::write(der::octet_string, encrypted)}), line_columns);
}

}  // namespace

KeyFileInfo inspect(const Block& block) {
  const Bytes file = parse_base64(block.base64);
  KeyFileInfo out;
  out.format = KeyFileFormat::pkcs8;
  out.encrypted = block.label == encrypted_label;
  if (out.encrypted) {
    read_encrypted(file);
  } else {
    out.public_key = asn1::read_pkcs8(file).public_key;
  }
  return out;
}

KeyFile parse(const Block& block, const AskPassphrase& ask_passphrase) {
  Bytes contents = parse_base64(block.base64);
  if (block.label == encrypted_label) {
    const Encrypted encrypted = read_encrypted(contents);
    contents = decrypted(encrypted, ask_for(ask_passphrase));
  }
  return {asn1::read_pkcs8(contents), ""};
}

Bytes format(const PrivateKey& key, const SecretBytes& passphrase) { return write(key, passphrase, Pbkdf2{}); }

Bytes rewrite(const Block& before, const KeyFile& content, const SecretBytes& passphrase) {
  if (before.label != encrypted_label) return format(content.key, passphrase);
  return write(content.key, passphrase, no_weaker(read_encrypted(parse_base64(before.base64)).kdf));
}

}  // namespace fob::pkcs8
