#include "protocol/key_file/openssh.h"

#include <sodium.h>

#include <algorithm>

#include "protocol/error.h"
#include "protocol/key_file/foreign.h"
#include "protocol/key_file/openssh_cipher.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::openssh {
namespace {

constexpr std::string_view magic("openssh-key-v1\0", 15);
constexpr std::string_view kdf_name = "bcrypt";
constexpr std::string_view no_kdf = "none";
constexpr std::size_t salt_bytes = 16;
constexpr std::uint32_t rounds_written = 24;  // as ssh-keygen of OpenSSH 10
constexpr std::size_t line_columns = 70;

/// The outer part of the file.
struct Envelope {
  const FileCipher* cipher;
  std::string_view kdf;
  ByteView kdf_options;
  ByteView public_blob;
  ByteView contents;
  ByteView tag;
};

const FileCipher& cipher_named(std::string_view name) {
  if (const FileCipher* found = find_cipher(name)) return *found;
  throw Error(Errc::unsupported,
              "encrypted with " + printable(name) +
                  ", which fob cannot read; encrypt a copy anew: ssh-keygen -p -Z aes256-ctr -f COPY");
}

Envelope read_envelope(ByteView file) {
  Reader in(file);
  if (file.size() < magic.size() || as_text(in.raw(magic.size())) != magic) {
    throw_malformed_file("it does not say openssh-key-v1");
  }
  Envelope out;
  out.cipher = &cipher_named(in.text(limits::name_bytes));
  out.kdf = in.text(limits::name_bytes);
  out.kdf_options = in.string();
  const std::uint32_t keys = in.u32();
  if (keys != 1) throw_malformed_file("it holds " + std::to_string(keys) + " keys, wanted 1");
  out.public_blob = in.string();
  out.contents = in.string();
  out.tag = in.raw(out.cipher->tag_bytes);
  in.done();
  if (out.contents.empty() || out.contents.size() % out.cipher->block_bytes != 0) {
    throw_malformed_file("its length is no number of blocks");
  }
  return out;
}

/// What bcrypt_pbkdf takes beside the passphrase.
struct Kdf {
  ByteView salt;
  std::uint32_t rounds;
};

Kdf read_kdf(const Envelope& envelope) {
  if (envelope.kdf != kdf_name) {
    throw Error(Errc::unsupported, "its key derivation is " + printable(envelope.kdf) + ", and fob knows bcrypt only");
  }
  Reader options(envelope.kdf_options);
  const Kdf out{options.string(limits::key_file_salt_bytes), options.u32()};
  options.done();
  if (out.salt.empty() || out.rounds == 0 || out.rounds > limits::key_file_rounds) {
    throw_malformed_file("salt of " + std::to_string(out.salt.size()) + " bytes and " + std::to_string(out.rounds) +
                         " rounds, at most " + std::to_string(limits::key_file_rounds) + " are allowed");
  }
  return out;
}

Bytes decrypt(const Envelope& envelope, const AskPassphrase& ask_passphrase) {
  if (!envelope.cipher->encrypts()) return to_bytes(envelope.contents);
  const Kdf kdf = read_kdf(envelope);
  const SecretBytes key_and_iv =
      bcrypt_pbkdf(ask_for(ask_passphrase), kdf.salt, kdf.rounds, envelope.cipher->key_and_iv_bytes());
  return decrypt_contents(*envelope.cipher, key_and_iv, envelope.contents, envelope.tag);
}

/// As many bytes as there are, as for ssh-keygen: others begin one more block than it does, or have larger ones.
void check_padding(ByteView padding) {
  for (std::size_t i = 0; i < padding.size(); ++i) {
    if (padding[i] != ((i + 1) & 0xff)) throw_malformed_file("its padding is wrong");
  }
}

KeyFile read_contents(ByteView contents, const Envelope& envelope) {
  Reader in(contents);
  const std::uint32_t check = in.u32();
  if (in.u32() != check) {
    if (envelope.cipher->encrypts()) throw WrongPassphrase();
    throw_malformed_file("its check numbers differ");
  }
  KeyFile out;
  out.key = PrivateKey::read(in);
  out.comment = in.text(limits::comment_bytes);
  check_padding(in.rest());
  if (!equal(out.key.public_key.blob, envelope.public_blob)) {
    throw_malformed_file("its public and private key differ");
  }
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

/// The salt is a new one each time: with the same key, counter mode would tell what changed.
Bytes write(const PrivateKey& key, std::string_view comment, const SecretBytes& passphrase, const FileCipher& cipher,
            std::uint32_t rounds) {
  Sealed sealed{contents_of(key, comment, cipher.block_bytes), {}};
  Writer options;
  if (cipher.encrypts()) {
    Bytes salt(salt_bytes);
    randombytes_buf(salt.data(), salt.size());
    options.string(salt).u32(rounds);
    const SecretBytes key_and_iv = bcrypt_pbkdf(passphrase, salt, rounds, cipher.key_and_iv_bytes());
    sealed = encrypt_contents(cipher, key_and_iv, sealed.data);
  }
  Writer out;
  out.raw(as_bytes(magic)).string(cipher.name).string(cipher.encrypts() ? kdf_name : no_kdf);
  out.string(options.bytes()).u32(1).string(key.public_key.blob).string(sealed.data).raw(sealed.tag);
  return format_block(label, "", out.bytes(), line_columns);
}

}  // namespace

KeyFileInfo inspect(const Block& block) {
  const Bytes file = parse_base64(block.base64);
  const Envelope envelope = read_envelope(file);
  KeyFileInfo out;
  out.encrypted = envelope.cipher->encrypts();
  out.public_key = parse_key_blob(envelope.public_blob);
  if (!out.encrypted) out.comment = read_contents(envelope.contents, envelope).comment;
  return out;
}

KeyFile parse(const Block& block, const AskPassphrase& ask_passphrase) {
  const Bytes file = parse_base64(block.base64);
  const Envelope envelope = read_envelope(file);
  // First, so that nobody types a passphrase for a key that is of no use.
  parse_key_blob(envelope.public_blob);
  return read_contents(decrypt(envelope, ask_passphrase), envelope);
}

Bytes format(const PrivateKey& key, std::string_view comment, const SecretBytes& passphrase) {
  return write(key, comment, passphrase, passphrase.empty() ? plain_cipher() : written_cipher(), rounds_written);
}

Bytes rewrite(const Block& before, const KeyFile& content, const SecretBytes& passphrase, KeyFileChange change) {
  const Bytes file = parse_base64(before.base64);
  const Envelope envelope = read_envelope(file);
  if (passphrase.empty() || !envelope.cipher->encrypts()) return format(content.key, content.comment, passphrase);
  const std::uint32_t rounds = read_kdf(envelope).rounds;
  if (change == KeyFileChange::comment) {
    return write(content.key, content.comment, passphrase, *envelope.cipher, rounds);
  }
  // Not 3des-cbc, nor a short key.
  const bool is_strong = envelope.cipher->key_bytes >= written_cipher().key_bytes;
  return write(content.key, content.comment, passphrase, is_strong ? *envelope.cipher : written_cipher(),
               std::max(rounds, rounds_written));
}

}  // namespace fob::openssh
