#include "protocol/key_file/ppk.h"

#include <sodium.h>

#include "protocol/base64.h"
#include "protocol/error.h"
#include "protocol/key_file/armour.h"
#include "protocol/key_file/foreign.h"
#include "protocol/key_file/key_numbers.h"
#include "protocol/key_file/ppk_crypto.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::ppk {
namespace {

constexpr std::string_view no_cipher = "none";
constexpr std::string_view cipher_name = "aes256-cbc";
constexpr std::size_t line_columns = 64;
constexpr std::size_t salt_bytes_written = 16;
/// PuTTY's memory, and about as many passes as its 100 ms take.
constexpr Argon2 written_argon2{"Argon2id", 8192, 13, 1};

/// A file taken apart; views of its text.
struct File {
  unsigned version = 0;
  std::string_view type;
  std::string_view encryption;
  std::string_view comment;
  Bytes public_blob;
  Argon2 argon2{};  ///< version 3, encrypted
  Bytes salt;
  Bytes private_blob;
  Bytes mac;

  bool encrypted() const { return encryption != no_cipher; }
};

/// "NAME: value"; the value is taken as it is, for the MAC covers the comment's spaces, too.
std::string_view take_header(Lines& lines, std::string_view name) {
  std::string_view line = lines.take();
  if (!line.starts_with(name) || !line.substr(name.size()).starts_with(':')) {
    throw_malformed_file("no " + std::string(name) + " where PuTTY has it");
  }
  line.remove_prefix(name.size() + 1);
  if (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

std::uint32_t take_count(Lines& lines, std::string_view name, std::uint32_t max) {
  const std::string_view text = take_header(lines, name);
  std::uint64_t out = 0;
  bool valid = !text.empty() && text.size() <= 10;
  for (const char digit : text) {
    valid = valid && digit >= '0' && digit <= '9';
    if (valid) out = out * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (!valid) throw_malformed_file(std::string(name) + " is no number");
  if (out > max) {
    throw Error(Errc::too_large, "the key file asks for too much: " + std::string(name) + " " + std::to_string(out) +
                                     ", at most " + std::to_string(max) + " are allowed");
  }
  return static_cast<std::uint32_t>(out);
}

/// Base64 in as many lines as the header says.
Bytes take_base64(Lines& lines, std::string_view name) {
  constexpr std::uint32_t max_lines = limits::key_file_bytes / 2;
  const std::uint32_t count = take_count(lines, name, max_lines);
  const std::string_view before = lines.rest();
  for (std::uint32_t i = 0; i < count; ++i) lines.take();
  return parse_base64(before.substr(0, before.size() - lines.rest().size()));
}

void take_argon2(Lines& lines, File& file) {
  file.argon2.type = take_header(lines, "Key-Derivation");
  if (file.argon2.type != "Argon2id" && file.argon2.type != "Argon2i" && file.argon2.type != "Argon2d") {
    throw Error(Errc::unsupported, "its key derivation is " + printable(file.argon2.type) +
                                       ", and fob knows Argon2id, Argon2i and Argon2d");
  }
  file.argon2.kib = take_count(lines, "Argon2-Memory", limits::ppk_argon2_kib);
  file.argon2.passes = take_count(lines, "Argon2-Passes", limits::ppk_argon2_passes);
  file.argon2.lanes = take_count(lines, "Argon2-Parallelism", limits::ppk_argon2_lanes);
  file.salt = parse_hex(take_header(lines, "Argon2-Salt"));
  check_argon2(file.argon2, file.salt);
}

/// HMAC-SHA-1 in version 2, HMAC-SHA-256 in version 3.
std::size_t mac_bytes(unsigned version) { return version == 3 ? 32 : 20; }

/// What stands behind the last line is passed over, as PuTTY does.
File take_apart(std::string_view text) {
  Lines lines(text);
  const Header first = split_header(lines.take());
  const std::string_view version = first.first.substr(magic.size());
  if (version != "2" && version != "3") {
    throw Error(Errc::unsupported,
                "a PuTTY key file of version " + printable(version) +
                    ", and fob knows 2 and 3: puttygen FILE -O private-openssh -o NEW turns it into OpenSSH's form");
  }
  File file;
  file.version = version == "3" ? 3 : 2;
  file.type = first.second;
  file.encryption = take_header(lines, "Encryption");
  if (file.encryption != no_cipher && file.encryption != cipher_name) {
    throw Error(Errc::unsupported, "encrypted with " + printable(file.encryption) + ", which fob cannot read");
  }
  file.comment = take_header(lines, "Comment");
  if (file.comment.size() > limits::comment_bytes) throw_malformed_file("its comment is too long");
  file.public_blob = take_base64(lines, "Public-Lines");
  if (file.version == 3 && file.encrypted()) take_argon2(lines, file);
  file.private_blob = take_base64(lines, "Private-Lines");
  file.mac = parse_hex(take_header(lines, "Private-MAC"));
  if (file.mac.size() != mac_bytes(file.version)) throw_malformed_file("its MAC is not of the size that it must have");
  return file;
}

bool has_form(const PublicKey& key) {
  return !key.is_certificate() && (key.kind == KeyKind::rsa || is_ecdsa(key.kind) || key.kind == KeyKind::ed25519);
}

PublicKey public_key_of(const File& file) {
  PublicKey key = parse_key_blob(file.public_blob);
  if (key.type_name() != file.type) throw_malformed_file("its first line names another type of key");
  if (has_form(key)) return key;
  throw Error(Errc::unsupported,
              key.is_certificate()
                  ? "it holds a certificate with the key: puttygen FILE --remove-certificate -o NEW takes that out"
                  : "PPK has no form for a key of type " + printable(file.type));
}

/// mpint d, p, q, iqmp; ECDSA: mpint d; Ed25519: the seed as a number, its last byte the highest, without the zeros at
/// its end.
PrivateKey read_private(const PublicKey& key, ByteView fields, bool padded) {
  Reader in(fields);
  PrivateKey out;
  if (key.kind == KeyKind::rsa) {
    RsaNumbers numbers{key.rsa_n, key.rsa_e, in.mpint(), in.mpint(), in.mpint(), in.mpint()};
    out = rsa_private_key(numbers);
  } else if (is_ecdsa(key.kind)) {
    out = ecdsa_private_key(key.kind, in.mpint(), key.point);
  } else {
    const ByteView number = in.string(crypto_sign_SEEDBYTES);
    SecretBytes seed(crypto_sign_SEEDBYTES);
    std::copy(number.begin(), number.end(), seed.data());
    out = ed25519_private_key(seed.view(), key.point);
  }
  if (!padded || in.remaining() >= cipher_block_bytes) in.done();
  return out;
}

Bytes private_fields(const PrivateKey& key) {
  Writer out;
  if (key.public_key.kind == KeyKind::rsa) {
    const RsaNumbers numbers = numbers_of_rsa(key);
    out.mpint(numbers.d).mpint(numbers.p).mpint(numbers.q).mpint(numbers.iqmp);
  } else if (is_ecdsa(key.public_key.kind)) {
    out.mpint(ecdsa_number(key).view());
  } else {
    ByteView seed = ed25519_seed(key);
    while (!seed.empty() && seed.back() == 0) seed = seed.first(seed.size() - 1);
    out.string(seed);
  }
  return out.take();
}

/// A header's value is one line.
std::string one_line(std::string_view comment) {
  std::string out(comment.substr(0, limits::comment_bytes));
  for (char& character : out) {
    if (static_cast<unsigned char>(character) < ' ' || character == '\x7f') character = '?';
  }
  return out;
}

std::string count_lines(ByteView base64) {
  return std::to_string(std::count(base64.begin(), base64.end(), std::uint8_t{'\n'})) + "\n";
}

void write_argon2(Writer& out, const Argon2& argon2, ByteView salt) {
  out.raw(as_bytes("Key-Derivation: " + std::string(argon2.type) + "\nArgon2-Memory: " + std::to_string(argon2.kib) +
                   "\nArgon2-Passes: " + std::to_string(argon2.passes) +
                   "\nArgon2-Parallelism: " + std::to_string(argon2.lanes) + "\nArgon2-Salt: "));
  out.raw(format_hex(salt)).u8('\n');
}

/// As much memory and work as before, or as new files have where that is more.
Argon2 no_weaker(Argon2 argon2) {
  const auto work = [](const Argon2& one) { return std::uint64_t{one.kib} * one.passes; };
  const std::uint64_t wanted = std::max(work(argon2), work(written_argon2));
  argon2.kib = std::max(argon2.kib, written_argon2.kib);
  argon2.passes = static_cast<std::uint32_t>((wanted + argon2.kib - 1) / argon2.kib);
  return argon2;
}

/// What is open to choice where a file is written.
struct Form {
  unsigned version = 3;
  Argon2 argon2 = written_argon2;
};

Bytes write(const PrivateKey& key, std::string_view comment, const SecretBytes& passphrase, const Form& form) {
  if (!has_form(key.public_key)) throw_no_such_key(key.public_key, "PPK");
  const std::string line = one_line(comment);
  const bool encrypted = !passphrase.empty();
  Bytes salt(salt_bytes_written);
  randombytes_buf(salt.data(), salt.size());
  Bytes fields = private_fields(key);
  if (encrypted) pad(fields);
  const Keys keys = form.version == 3 ? derive_keys(form.argon2, passphrase, salt) : derive_old_keys(passphrase);
  const std::string_view encryption = encrypted ? cipher_name : no_cipher;
  const ByteView blob = key.public_key.blob;
  const Bytes mac = mac_of(keys, {key.public_key.type_name(), encryption, line, blob, fields});
  const Bytes public_lines = encode_base64_lines(blob, line_columns);
  const Bytes private_lines = encode_base64_lines(encrypted ? encrypt(keys.cipher(), fields) : fields, line_columns);
  Writer out;
  out.raw(as_bytes(std::string(magic) + std::to_string(form.version) + ": " + std::string(key.public_key.type_name()) +
                   "\nEncryption: " + std::string(encryption) + "\nComment: " + line +
                   "\nPublic-Lines: " + count_lines(public_lines)));
  out.raw(public_lines);
  if (encrypted && form.version == 3) write_argon2(out, form.argon2, salt);
  out.raw(as_bytes("Private-Lines: " + count_lines(private_lines))).raw(private_lines);
  out.raw(as_bytes("Private-MAC: ")).raw(format_hex(mac)).u8('\n');
  return out.take();
}

}  // namespace

KeyFileInfo inspect(std::string_view text) {
  const File file = take_apart(text);
  KeyFileInfo out;
  out.format = KeyFileFormat::ppk;
  out.encrypted = file.encrypted();
  out.public_key = public_key_of(file);
  out.comment = file.comment;
  out.ppk_version = file.version;
  return out;
}

KeyFile parse(std::string_view text, const AskPassphrase& ask_passphrase) {
  File file = take_apart(text);
  const PublicKey key = public_key_of(file);
  SecretBytes passphrase;
  if (file.encrypted()) passphrase = ask_for(ask_passphrase);
  const Keys keys = file.version == 3 ? derive_keys(file.argon2, passphrase, file.salt) : derive_old_keys(passphrase);
  if (file.encrypted()) file.private_blob = decrypt(keys.cipher(), file.private_blob);
  const Bytes mac = mac_of(keys, {file.type, file.encryption, file.comment, file.public_blob, file.private_blob});
  if (sodium_memcmp(mac.data(), file.mac.data(), file.mac.size()) != 0) {
    if (file.encrypted()) throw WrongPassphrase();
    throw_malformed_file("its MAC is wrong: it was changed or damaged");
  }
  return {read_private(key, file.private_blob, file.encrypted()), std::string(file.comment)};
}

Bytes format(const PrivateKey& key, std::string_view comment, const SecretBytes& passphrase) {
  return write(key, comment, passphrase, Form{});
}

Bytes rewrite(std::string_view before, const KeyFile& content, const SecretBytes& passphrase, KeyFileChange change) {
  const File file = take_apart(before);
  Form form;
  form.version = file.version;
  if (file.version == 3 && file.encrypted()) form.argon2 = file.argon2;
  if (change == KeyFileChange::passphrase && !passphrase.empty()) form = {3, no_weaker(form.argon2)};
  return write(content.key, content.comment, passphrase, form);
}

}  // namespace fob::ppk
