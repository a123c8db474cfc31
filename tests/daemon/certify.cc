#include <sodium.h>

#include <stdexcept>

#include "tests/daemon/temp_dir.h"
#include "tests/daemon/test_key.h"

namespace fob {
namespace {

std::string base64(ByteView bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // the terminating NUL
  return out;
}

Bytes from_base64(std::string_view text) {
  Bytes out(text.size());
  std::size_t size = 0;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0) {
    throw std::runtime_error("not base64");
  }
  out.resize(size);
  return out;
}

std::string public_key_line(const PublicKey& key) {
  return std::string(key.type_name()) + " " + base64(key.blob) + " test\n";
}

/// PROTOCOL.key, unencrypted.
std::string private_key_file(const TestKey& key) {
  constexpr std::size_t block_bytes = 8;
  Writer secret;
  secret.u32(1).u32(1);  // the check words
  key.private_key().write(secret);
  secret.string("");
  for (std::uint8_t pad = 1; secret.bytes().size() % block_bytes != 0; ++pad) secret.u8(pad);
  Writer out;
  out.raw(as_bytes(std::string_view("openssh-key-v1\0", 15)));
  out.string("none").string("none").string("").u32(1).string(key.blob()).string(secret.bytes());
  return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64(out.bytes()) + "\n-----END OPENSSH PRIVATE KEY-----\n";
}

}  // namespace

Bytes certify(const TestKey& authority, const TestKey& subject, const CertificateWish& wish) {
  return certify(authority, subject.public_key(), wish);
}

Bytes certify(const TestKey& authority, const PublicKey& subject, const CertificateWish& wish) {
  const TempDir directory;
  write_file(directory.file("ca"), private_key_file(authority));
  write_file(directory.file("subject.pub"), public_key_line(subject));
  std::vector<std::string> command{"ssh-keygen",       "-q", "-s",         directory.file("ca"), "-I",
                                   "test certificate", "-V", wish.validity};
  if (wish.host) command.emplace_back("-h");
  if (!wish.principals.empty()) command.insert(command.end(), {"-n", wish.principals});
  command.push_back(directory.file("subject.pub"));
  const Outcome outcome = run(command);
  if (outcome.exit_status != 0) throw std::runtime_error("ssh-keygen: " + outcome.output);
  const std::string line = read_file(directory.file("subject-cert.pub"));
  const std::size_t start = line.find(' ') + 1;
  return from_base64(std::string_view(line).substr(start, line.find(' ', start) - start));
}

}  // namespace fob
