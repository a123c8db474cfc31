#include "cli/key_file.h"

#include <botan/pwdhash.h>
#include <sodium.h>

#include <algorithm>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::cli {
namespace {

constexpr std::string_view begin_line = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view end_line = "-----END OPENSSH PRIVATE KEY-----";
constexpr std::string_view magic("openssh-key-v1\0", 15);
constexpr std::string_view no_cipher = "none";
constexpr std::string_view cipher_name = "aes256-ctr";
constexpr std::string_view kdf_name = "bcrypt";
constexpr std::size_t cipher_key_bytes = 32;
constexpr std::size_t cipher_block_bytes = 16;
constexpr std::size_t plain_block_bytes = 8;
constexpr std::size_t salt_bytes = 16;
constexpr std::uint32_t rounds_written = 24;  // as ssh-keygen of OpenSSH 10
constexpr std::size_t line_columns = 70;

struct CipherDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

[[noreturn]] void throw_malformed(const std::string& why) { throw Error(Errc::malformed, "no valid key file: " + why); }

/// Key and IV for the cipher.
SecretBytes derive(const SecretBytes& passphrase, ByteView salt, std::uint32_t rounds) {
  const auto family = Botan::PasswordHashFamily::create("Bcrypt-PBKDF");
  if (!family) throw Error(Errc::unsupported, "this build's Botan has no Bcrypt-PBKDF");
  const auto hash = family->from_params(rounds);
  SecretBytes out(cipher_key_bytes + cipher_block_bytes);
  hash->derive_key(out.data(), out.size(), reinterpret_cast<const char*>(passphrase.data()), passphrase.size(),
                   salt.data(), salt.size());
  return out;
}

/// Encrypts or decrypts: counter mode does both alike.
Bytes crypt(ByteView data, const SecretBytes& key_and_iv) {
  const std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter> context(EVP_CIPHER_CTX_new());
  Bytes out(data.size());
  int written = 0;
  if (!context ||
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_ctr(), nullptr, key_and_iv.data(),
                         key_and_iv.data() + cipher_key_bytes) != 1 ||
      EVP_EncryptUpdate(context.get(), out.data(), &written, data.data(), static_cast<int>(data.size())) != 1) {
    throw_openssl_error("cannot decrypt or encrypt the key file");
  }
  return out;
}

/// A file that is not of our kind: which is it, and what helps?
[[noreturn]] void throw_foreign(std::string_view text) {
  const std::string_view first_word = text.substr(0, text.find_first_of(" \n"));
  if (key_type_from_name(first_word)) {
    throw Error(Errc::unsupported, "this is a public key: name the private key file beside it, without .pub");
  }
  if (text.find("PRIVATE KEY-----") != std::string_view::npos || text.starts_with("PuTTY-User-Key-File")) {
    throw Error(Errc::unsupported,
                "this is a private key file of another format: ssh-keygen -p -f COPY turns a copy into OpenSSH's");
  }
  throw_malformed("it does not begin with " + std::string(begin_line));
}

Bytes decode(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (!text.starts_with(begin_line)) throw_foreign(text);
  text.remove_prefix(begin_line.size());
  const std::size_t end = text.find(end_line);
  if (end == std::string_view::npos) throw_malformed("its last line is missing");
  text = text.substr(0, end);
  Bytes out(text.size());
  std::size_t size = 0;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), " \t\r\n", &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0) {
    throw_malformed("its base64 is broken");
  }
  out.resize(size);
  return out;
}

/// The outer part of the file.
struct Envelope {
  std::string_view cipher;
  std::string_view kdf;
  ByteView kdf_options;
  ByteView public_blob;
  ByteView contents;
};

Envelope read_envelope(ByteView file) {
  Reader in(file);
  if (file.size() < magic.size() || as_text(in.raw(magic.size())) != magic) {
    throw_malformed("it does not say openssh-key-v1");
  }
  Envelope out;
  out.cipher = in.text(limits::name_bytes);
  out.kdf = in.text(limits::name_bytes);
  out.kdf_options = in.string();
  const std::uint32_t keys = in.u32();
  if (keys != 1) throw_malformed("it holds " + std::to_string(keys) + " keys, wanted 1");
  out.public_blob = in.string();
  out.contents = in.string();
  // Other ciphers may have a tag behind; decrypt() refuses them with a better reason.
  if (out.cipher == no_cipher || out.cipher == cipher_name) in.done();
  return out;
}

Bytes decrypt(const Envelope& envelope, const AskPassphrase& ask_passphrase) {
  if (envelope.cipher == no_cipher) return to_bytes(envelope.contents);
  if (envelope.cipher != cipher_name || envelope.kdf != kdf_name) {
    throw Error(Errc::unsupported, "encrypted with " + printable(envelope.cipher) + ", which fob cannot read yet; " +
                                       "encrypt a copy anew: ssh-keygen -p -Z aes256-ctr -f FILE");
  }
  Reader options(envelope.kdf_options);
  const ByteView salt = options.string(limits::key_file_salt_bytes);
  const std::uint32_t rounds = options.u32();
  options.done();
  if (salt.empty() || rounds == 0 || rounds > limits::key_file_rounds) {
    throw_malformed("salt of " + std::to_string(salt.size()) + " bytes and " + std::to_string(rounds) +
                    " rounds, at most " + std::to_string(limits::key_file_rounds) + " are allowed");
  }
  const SecretBytes passphrase = ask_passphrase();
  if (passphrase.empty()) throw Error(Errc::refused, "an encrypted file needs its passphrase");
  return crypt(envelope.contents, derive(passphrase, salt, rounds));
}

void check_padding(ByteView padding, std::size_t block_bytes) {
  if (padding.size() >= block_bytes) throw_malformed("too much padding");
  for (std::size_t i = 0; i < padding.size(); ++i) {
    if (padding[i] != i + 1) throw_malformed("its padding is wrong");
  }
}

KeyFile read_contents(ByteView contents, const Envelope& envelope) {
  const bool encrypted = envelope.cipher != no_cipher;
  const std::size_t block_bytes = encrypted ? cipher_block_bytes : plain_block_bytes;
  if (contents.empty() || contents.size() % block_bytes != 0) throw_malformed("its length is no number of blocks");
  Reader in(contents);
  const std::uint32_t check = in.u32();
  if (in.u32() != check) {
    if (encrypted) throw WrongPassphrase();
    throw_malformed("its check numbers differ");
  }
  KeyFile out;
  out.key = PrivateKey::read(in);
  out.comment = in.text(limits::comment_bytes);
  check_padding(in.rest(), block_bytes);
  if (!equal(out.key.public_key.blob, envelope.public_blob)) throw_malformed("its public and private key differ");
  return out;
}

Bytes contents_of(const PrivateKey& key, std::string_view comment, std::size_t block_bytes) {
  const std::uint32_t check = randombytes_random();
  Writer out;
  out.u32(check).u32(check);
  key.write(out);
  out.string(comment);
  for (std::uint8_t i = 1; out.bytes().size() % block_bytes != 0; ++i) out.u8(i);
  return out.take();
}

Bytes encode(ByteView file) {
  constexpr int variant = sodium_base64_VARIANT_ORIGINAL;
  Bytes text(sodium_base64_encoded_len(file.size(), variant));
  sodium_bin2base64(reinterpret_cast<char*>(text.data()), text.size(), file.data(), file.size(), variant);
  ByteView rest = ByteView(text).first(text.size() - 1);  // without the terminating NUL
  Writer out;
  out.raw(as_bytes(begin_line)).u8('\n');
  while (!rest.empty()) {
    const std::size_t columns = std::min(rest.size(), line_columns);
    out.raw(rest.first(columns)).u8('\n');
    rest = rest.subspan(columns);
  }
  out.raw(as_bytes(end_line)).u8('\n');
  return out.take();
}

}  // namespace

PublicKey parse_public_part(std::string_view text) {
  const Bytes file = decode(text);
  return PublicKey::parse(read_envelope(file).public_blob);
}

KeyFile parse_key_file(std::string_view text, const AskPassphrase& ask_passphrase) {
  const Bytes file = decode(text);
  const Envelope envelope = read_envelope(file);
  return read_contents(decrypt(envelope, ask_passphrase), envelope);
}

Bytes format_key_file(const PrivateKey& key, std::string_view comment, const SecretBytes& passphrase) {
  const bool encrypted = !passphrase.empty();
  Bytes contents = contents_of(key, comment, encrypted ? cipher_block_bytes : plain_block_bytes);
  Writer options;
  if (encrypted) {
    Bytes salt(salt_bytes);
    randombytes_buf(salt.data(), salt.size());
    options.string(salt).u32(rounds_written);
    contents = crypt(contents, derive(passphrase, salt, rounds_written));
  }
  Writer out;
  out.raw(as_bytes(magic));
  out.string(encrypted ? cipher_name : no_cipher).string(encrypted ? kdf_name : std::string_view("none"));
  out.string(options.bytes()).u32(1).string(key.public_key.plain_blob()).string(contents);
  return encode(out.bytes());
}

}  // namespace fob::cli
