#include "cli/read_key_file.h"

#include <filesystem>
#include <iostream>

#include "cli/plain_file.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "protocol/key_file/armour.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

constexpr int passphrase_attempts = 3;

SecretBytes ask_passphrase(const std::string& name) {
  std::optional<SecretBytes> typed = Terminal().ask_hidden("passphrase of " + name);
  if (!typed) throw Error(Errc::cancelled, "no passphrase was typed: nothing is done");
  return std::move(*typed);
}

OpenKeyFile parse_asking(std::string_view text, const std::string& name) {
  OpenKeyFile out;
  out.format = inspect_key_file(text).format;
  const auto ask = [&] {
    out.passphrase = ask_passphrase(name);
    return SecretBytes(out.passphrase.view());
  };
  for (int attempt = 1;; ++attempt) {
    try {
      out.content = parse_key_file(text, ask);
      return out;
    } catch (const WrongPassphrase&) {
      if (attempt == passphrase_attempts) throw;
      std::cerr << "Wrong passphrase, try again.\n";
    }
  }
}

/// RFC 7468 §2; PuTTY's key files end with their MAC. Parameters of a curve, or a certificate, may stand before the
/// key.
bool ends_key(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const bool is_end = line.starts_with("-----END ") && line.find("PRIVATE KEY-----") != std::string_view::npos;
  return is_end || line.starts_with("Private-MAC: ");
}

std::size_t count(std::string_view text, std::string_view mark) {
  std::size_t out = 0;
  for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + mark.size())) ++out;
  return out;
}

/// Only the first would be read.
void check_is_one_key(std::string_view text) {
  if (count(text, "PRIVATE KEY-----") <= 2) return;  // the first line of a key, and its last
  throw Error(Errc::unsupported, "it holds several private keys: put each into a file of its own");
}

/// Where the file's key ends: behind PuTTY's MAC, or the last of the blocks, of which others than parameters of a
/// curve, which are in the key, too, are none of it. Nothing where something else begins the file.
std::optional<std::size_t> end_of_key(std::string_view text) {
  constexpr std::string_view begin = "-----BEGIN ";
  const bool is_ppk = text.starts_with("PuTTY-");
  const std::size_t blocks = is_ppk ? 0 : 1 + count(text, "-----BEGIN EC PARAMETERS-----");
  constexpr std::string_view end = "-----END ";
  if (count(text, begin) > blocks || count(text, end) > blocks) return std::nullopt;
  if (!is_ppk && !text.starts_with(begin)) return std::nullopt;
  const std::size_t last = is_ppk ? text.find("Private-MAC: ") : text.rfind(end);
  return std::min(text.find_first_of("\r\n", last), text.size());
}

/// A file that is written anew holds the key alone: what else is in it would be lost.
void check_holds_nothing_else(std::string_view text) {
  text = without_mark(text);
  const auto end = end_of_key(text);
  if (end && trimmed(text.substr(*end)).empty()) return;
  throw Error(Errc::refused, "it holds more than the key, which would be lost: put the key into a file of its own");
}

std::string followed(const std::string& path) {
  std::error_code error;
  const std::filesystem::path end = std::filesystem::canonical(path, error);
  if (error) throw_system_error("cannot read " + shown(path), error.value());
  return end.string();
}

}  // namespace

OpenKeyFile open_key_file(std::string_view text, const std::string& name) {
  try {
    check_is_one_key(text);
    return parse_asking(text, name);
  } catch (const Error& error) {
    throw Error(error.code(), shown(name) + ": " + error.what());
  }
}

SecretBytes paste_key() {
  std::optional<SecretBytes> pasted = Terminal().ask_paste(
      "Paste the private key here, from its first line to its last. It is not shown. If nothing happens then, press "
      "Enter; to give up, Ctrl-C.",
      limits::key_file_bytes, ends_key);
  if (!pasted) throw Error(Errc::cancelled, "nothing was pasted: nothing is done");
  return std::move(*pasted);
}

KeyFileInPlace key_file_in_place(const std::string& path) {
  KeyFileInPlace out;
  out.path = followed(path);
  PlainFile file = read_plain_file(out.path, limits::key_file_bytes);
  out.status = file.status;
  out.mode = (file.status.st_mode & S_IRWXU) | S_IRUSR;
  out.text = std::move(file.text);
  try {
    out.info = inspect_key_file(as_text(out.text));
    check_holds_nothing_else(as_text(out.text));
  } catch (const Error& fault) {
    throw Error(fault.code(), shown(path) + ": " + fault.what());
  }
  std::error_code error;
  if (std::filesystem::is_symlink(path, error)) {
    std::cerr << shown(path) << " is a link: " << shown(out.path) << " is changed.\n";
  }
  return out;
}

void warn_of_protection(const std::string& path, const PublicKey& key, KeyFileFormat format, bool encrypted) {
  if (is_sk(key.kind)) return;
  if (!encrypted) {
    std::cerr << shown(path) << " has no passphrase: whoever gets the file, or a copy of it, has the private key.\n";
  } else if (format == KeyFileFormat::pem) {
    std::cerr << "PEM protects its passphrase weakly, by one round of MD5: choose a long one, or another format where "
                 "that is taken.\n";
  }
}

}  // namespace fob::cli
