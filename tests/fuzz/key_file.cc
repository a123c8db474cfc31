#include "cli/key_file.h"

#include <sodium.h>

#include "tests/fuzz/fuzz.h"

using namespace fob;

namespace {

/// Base64 between the first and last line, or the fuzzer would have to find those first.
std::string armoured(ByteView file) {
  std::string base64(sodium_base64_encoded_len(file.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(base64.data(), base64.size(), file.data(), file.size(), sodium_base64_VARIANT_ORIGINAL);
  base64.pop_back();
  return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64 + "\n-----END OPENSSH PRIVATE KEY-----\n";
}

void check(std::string_view text) {
  // No passphrase: bcrypt would take all the time there is.
  const auto file = fuzz::attempt([&] { return cli::parse_key_file(text, [] { return SecretBytes(); }); });
  if (!file) return;
  const Bytes again = cli::format_key_file(file->key, file->comment, SecretBytes());
  const cli::KeyFile second = cli::parse_key_file(as_text(again), [] { return SecretBytes(); });
  fuzz::require(equal(fuzz::written(second.key), fuzz::written(file->key)), "a key file is read as it was written");
  fuzz::require(second.comment == file->comment, "a comment is read as it was written");
}

}  // namespace

/// As text, and as what stands between a key file's first and last line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check(as_text({data, size}));
  check(armoured({data, size}));
  return 0;
}
