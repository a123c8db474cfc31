#include "protocol/key_file/public_key_file.h"

#include <sodium.h>

#include "protocol/base64.h"
#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/key_file/armour.h"
#include "protocol/key_file/asn1_key.h"
#include "protocol/key_file/foreign.h"
#include "protocol/key_file/ppk.h"
#include "protocol/key_file/rfc4716.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

constexpr std::string_view spki_label = "PUBLIC KEY";
constexpr std::string_view rsa_label = "RSA PUBLIC KEY";
constexpr std::size_t pem_columns = 64;
constexpr std::string_view blanks = " \t";

bool is_public_label(std::string_view label) { return label == spki_label || label == rsa_label; }

void require(bool holds, const char* fault) {
  if (!holds) throw Error(Errc::invalid_key, fault);
}

/// The rules of key_check.h for what can be seen of a public key.
void check_public_key(const PublicKey& key) {
  if (key.kind == KeyKind::rsa) {
    const bool is_odd = !key.rsa_e.empty() && (key.rsa_e.back() & 1U) != 0;
    require(is_odd && !equal(key.rsa_e, Bytes{1}), "RSA public exponent must be odd and greater than 1");
    require(key.rsa_e.size() <= limits::rsa_exponent_max_bits / 8, "RSA public exponent too large");
    require((key.rsa_n.back() & 1U) != 0, "RSA modulus is even");
  } else if (!traits(key.kind).curve.empty()) {
    evp_public_key(key);  // refuses points off the curve
  } else {
    const ByteView ed25519 = ByteView(key.point).last(ed25519_public_bytes);
    require(crypto_core_ed25519_is_valid_point(ed25519.data()) == 1, "Ed25519 public key is not a point of its curve");
  }
}

std::string_view take_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find_first_of(blanks));
  line.remove_prefix(word.size());
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  return word;
}

/// The options of an authorized_keys line (sshd(8)): up to the first blank that is not in quotes.
std::string_view take_options(std::string_view& line) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < line.size() && (quoted || blanks.find(line[at]) == std::string_view::npos); ++at) {
    if (line[at] == '\\' && line.substr(at + 1).starts_with('"')) {
      ++at;
    } else if (line[at] == '"') {
      quoted = !quoted;
    }
  }
  at = std::min(at, line.size());
  const std::string_view options = line.substr(0, at);
  line = trimmed(line.substr(at));
  return options;
}

bool is_key_type(std::string_view word) { return key_type_from_name(word) || word == "ssh-dss"; }

/// "TYPE BASE64 COMMENT", with options of authorized_keys before it or none; nothing where it is no such line.
std::optional<PublicKeyFile> parse_line(std::string_view line) {
  PublicKeyFile out;
  std::string_view rest = line;
  std::string_view type = take_word(rest);
  if (!is_key_type(type)) {
    out.options = take_options(line);
    rest = line;
    type = take_word(rest);
    if (!is_key_type(type)) return std::nullopt;
  }
  out.key = parse_key_blob(parse_base64(take_word(rest)));
  if (out.key.type_name() != type) throw_malformed_file("its first word names another type of key");
  if (rest.size() > limits::comment_bytes) throw_malformed_file("its comment is too long");
  out.comment = rest;
  return out;
}

PublicKeyFile parse_openssh(std::string_view text) {
  Lines lines(text);
  while (const auto next = lines.next()) {
    const std::string_view line = trimmed(*next);
    if (line.empty() || line.front() == '#') continue;
    if (auto out = parse_line(line)) return std::move(*out);
    break;
  }
  throw_no_public_key(text);
}

PublicKeyFile parse_unchecked(std::string_view text) {
  const std::string_view begin = without_mark(text);
  PublicKeyFile out;
  if (begin.starts_with(rfc4716::begin_line)) {
    rfc4716::File file = rfc4716::parse(begin);
    out.key = parse_key_blob(file.blob);
    out.comment = std::move(file.comment);
    out.format = PublicKeyFormat::rfc4716;
    return out;
  }
  if (begin.starts_with(ppk::magic)) throw_no_public_key(text);
  const auto block = find_block(text, is_public_label);
  if (!block) return parse_openssh(begin);
  const Bytes der = parse_base64(block->base64);
  out.key = block->label == rsa_label ? asn1::read_rsa_public(der) : asn1::read_spki(der);
  out.format = PublicKeyFormat::pem;
  return out;
}

}  // namespace

PublicKeyFile parse_public_key_file(std::string_view text) {
  check_file_size(text);
  PublicKeyFile out = parse_unchecked(text);
  check_public_key(out.key);
  return out;
}

std::string public_key_line(const PublicKey& key, std::string_view comment) {
  std::string out = std::string(key.type_name()) + ' ' + encode_base64(key.blob);
  if (!comment.empty()) out += ' ' + printable(comment, limits::comment_bytes);
  return out;
}

std::string format_public_key(const PublicKey& key, std::string_view comment, PublicKeyFormat format) {
  if (format == PublicKeyFormat::rfc4716) return rfc4716::format(key.blob, comment);
  if (format == PublicKeyFormat::pem) {
    return std::string(as_text(format_block(spki_label, "", asn1::write_spki(key), pem_columns)));
  }
  return public_key_line(key, comment) + '\n';
}

}  // namespace fob
