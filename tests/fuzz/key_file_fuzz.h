#pragma once

#include <string>

#include "protocol/key_file/armour.h"
#include "protocol/key_file/key_file.h"
#include "tests/fuzz/fuzz.h"

/// What the targets for private key files share.
namespace fob::fuzz {

/// The armour around `contents`, or the fuzzer would have to find its lines and base64 first.
inline std::string armoured(std::string_view label, ByteView contents) {
  return std::string(as_text(format_block(label, "", contents, 64)));
}

/// Whatever is read once is read again as it was after it was written in `format`.
inline void check_written(const KeyFile& file, KeyFileFormat format) {
  const auto text = attempt([&] { return format_key_file(file.key, file.comment, SecretBytes(), format); });
  if (!text) return;
  const KeyFile again = parse_key_file(as_text(*text), [] { return SecretBytes(); });
  require(equal(written(again.key), written(file.key)), "a key file is read as it was written");
  if (format == KeyFileFormat::openssh) require(again.comment == file.comment, "a comment is read as it was written");
}

/// The same in place of the file that it was read from.
inline void check_rewritten(std::string_view text, const KeyFile& file, KeyFileChange change) {
  const auto other = attempt([&] { return rewrite_key_file(text, file, SecretBytes(), change); });
  if (!other) return;
  require(inspect_key_file(as_text(*other)).format == inspect_key_file(text).format, "a key file keeps its format");
  const KeyFile again = parse_key_file(as_text(*other), [] { return SecretBytes(); });
  require(equal(written(again.key), written(file.key)), "a key file is read as it was written anew");
}

/// `passphrase` is empty where a key derivation would take all the time there is.
inline void check_key_file(std::string_view text, std::string_view passphrase = "") {
  const auto info = attempt([&] { return inspect_key_file(text); });
  const auto file = attempt([&] { return parse_key_file(text, [&] { return SecretBytes(as_bytes(passphrase)); }); });
  if (!file) return;
  require(info.has_value(), "what can be parsed can be inspected");
  if (info->public_key) {
    require(equal(info->public_key->blob, file->key.public_key.blob), "inspecting and parsing give one public key");
  }
  for (const KeyFileFormat format :
       {KeyFileFormat::openssh, KeyFileFormat::pem, KeyFileFormat::pkcs8, KeyFileFormat::ppk}) {
    check_written(*file, format);
  }
  for (const KeyFileChange change : {KeyFileChange::comment, KeyFileChange::passphrase}) {
    check_rewritten(text, *file, change);
  }
}

}  // namespace fob::fuzz
