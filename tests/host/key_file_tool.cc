#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

#include "protocol/key_file/key_file.h"
#include "protocol/key_file/public_key_file.h"

/// For tests/host/key_files.sh: fob-key-file FORMAT IN OUT converts a key file. Private formats are openssh, pem, pkcs8
/// and ppk; public ones have "public-" before them. Standard input has IN's passphrase, and in a second line OUT's.
namespace fob {
namespace {

constexpr std::pair<const char*, KeyFileFormat> private_formats[] = {{"openssh", KeyFileFormat::openssh},
                                                                     {"pem", KeyFileFormat::pem},
                                                                     {"pkcs8", KeyFileFormat::pkcs8},
                                                                     {"ppk", KeyFileFormat::ppk}};
constexpr std::pair<const char*, PublicKeyFormat> public_formats[] = {{"public-openssh", PublicKeyFormat::openssh},
                                                                      {"public-rfc4716", PublicKeyFormat::rfc4716},
                                                                      {"public-pem", PublicKeyFormat::pem}};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(Errc::not_found, "cannot read " + path);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

SecretBytes read_passphrase() {
  std::string line;
  std::getline(std::cin, line);
  return SecretBytes(as_bytes(line));
}

std::string convert(const std::string& format, const std::string& text) {
  for (const auto& [name, value] : public_formats) {
    if (format != name) continue;
    const PublicKeyFile file = parse_public_key_file(text);
    return format_public_key(file.key, file.comment, value);
  }
  SecretBytes old_passphrase = read_passphrase();
  const SecretBytes new_passphrase = read_passphrase();
  for (const auto& [name, value] : private_formats) {
    if (format != name) continue;
    const KeyFile file = parse_key_file(text, [&] { return std::move(old_passphrase); });
    return std::string(as_text(format_key_file(file.key, file.comment, new_passphrase, value)));
  }
  throw Error(Errc::unsupported, "no format " + format);
}

}  // namespace
}  // namespace fob

int main(int count, char** arguments) {
  if (count != 4) return 2;
  try {
    const std::string text = fob::convert(arguments[1], fob::read_file(arguments[2]));
    std::ofstream out(arguments[3], std::ios::binary);
    out << text;
    out.close();
    return out.fail() ? 1 : 0;
  } catch (const fob::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
