#include "protocol/key_file/key_file.h"

#include "protocol/key_check.h"
#include "protocol/key_file/armour.h"
#include "protocol/key_file/foreign.h"
#include "protocol/key_file/openssh.h"
#include "protocol/key_file/pem.h"
#include "protocol/key_file/pkcs8.h"
#include "protocol/key_file/ppk.h"
#include "protocol/stack_wiper.h"

namespace fob {
namespace {

bool is_pem(std::string_view label) { return label == pem::rsa_label || label == pem::ec_label; }
bool is_pkcs8(std::string_view label) { return label == pkcs8::plain_label || label == pkcs8::encrypted_label; }
bool is_known(std::string_view label) { return label == openssh::label || is_pem(label) || is_pkcs8(label); }

Block private_block(std::string_view text) {
  const auto block = find_block(text, is_known);
  if (!block) throw_no_private_key(text);
  return *block;
}

KeyFile parse_unchecked(std::string_view text, const AskPassphrase& ask_passphrase) {
  const std::string_view begin = without_mark(text);
  if (begin.starts_with(ppk::magic)) return ppk::parse(begin, ask_passphrase);
  const Block block = private_block(text);
  if (is_pem(block.label)) return pem::parse(block, ask_passphrase);
  return is_pkcs8(block.label) ? pkcs8::parse(block, ask_passphrase) : openssh::parse(block, ask_passphrase);
}

}  // namespace

KeyFileInfo inspect_key_file(std::string_view text) {
  check_file_size(text);
  const std::string_view begin = without_mark(text);
  if (begin.starts_with(ppk::magic)) return ppk::inspect(begin);
  const Block block = private_block(text);
  if (is_pem(block.label)) return pem::inspect(block);
  return is_pkcs8(block.label) ? pkcs8::inspect(block) : openssh::inspect(block);
}

KeyFile parse_key_file(std::string_view text, const AskPassphrase& ask_passphrase) {
  check_file_size(text);
  const StackWiper wiper;
  KeyFile out = parse_unchecked(text, ask_passphrase);
  check_key_halves(out.key);
  return out;
}

Bytes format_key_file(const PrivateKey& key, std::string_view comment, const SecretBytes& passphrase,
                      KeyFileFormat format) {
  const StackWiper wiper;
  switch (format) {
    case KeyFileFormat::pem: return pem::format(key, passphrase);
    case KeyFileFormat::pkcs8: return pkcs8::format(key, passphrase);
    case KeyFileFormat::ppk: return ppk::format(key, comment, passphrase);
    case KeyFileFormat::openssh: break;
  }
  return openssh::format(key, comment, passphrase);
}

Bytes rewrite_key_file(std::string_view before, const KeyFile& content, const SecretBytes& passphrase,
                       KeyFileChange change) {
  const StackWiper wiper;
  check_file_size(before);
  const std::string_view begin = without_mark(before);
  if (begin.starts_with(ppk::magic)) return ppk::rewrite(begin, content, passphrase, change);
  const Block block = private_block(before);
  if (block.label == openssh::label) return openssh::rewrite(block, content, passphrase, change);
  const KeyFileFormat format = is_pem(block.label) ? KeyFileFormat::pem : KeyFileFormat::pkcs8;
  if (change == KeyFileChange::comment) {
    throw Error(Errc::unsupported, "a file in the format " + std::string(name_of(format)) + " has no comment");
  }
  return format == KeyFileFormat::pem ? pem::format(content.key, passphrase)
                                      : pkcs8::rewrite(block, content, passphrase);
}

std::string_view name_of(KeyFileFormat format) {
  switch (format) {
    case KeyFileFormat::pem: return "PEM";
    case KeyFileFormat::pkcs8: return "PKCS#8";
    case KeyFileFormat::ppk: return "PPK";
    case KeyFileFormat::openssh: break;
  }
  return "OpenSSH";
}

}  // namespace fob
