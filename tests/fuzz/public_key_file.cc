#include "protocol/key_file/public_key_file.h"

#include "tests/fuzz/key_file_fuzz.h"

using namespace fob;

namespace {

void check(std::string_view text) {
  const auto file = fuzz::attempt([&] { return parse_public_key_file(text); });
  if (!file) return;
  if (!file->options.empty()) {
    // Not as the first line, before which the mark of UTF-8 is none of the text.
    const PublicKeyFile line =
        parse_public_key_file("#\n" + file->options + " " + public_key_line(file->key, file->comment));
    fuzz::require(line.options == file->options, "options are read as they were written");
    fuzz::require(equal(line.key.blob, file->key.blob), "a key behind options is read as it was written");
  }
  for (const PublicKeyFormat format : {PublicKeyFormat::openssh, PublicKeyFormat::rfc4716, PublicKeyFormat::pem}) {
    const auto again = fuzz::attempt([&] { return format_public_key(file->key, file->comment, format); });
    if (!again) continue;
    const PublicKeyFile second = parse_public_key_file(*again);
    fuzz::require(second.format == format, "a public key is written in the format asked for");
    fuzz::require(equal(second.key.blob, file->key.blob), "a public key is read as it was written");
  }
}

}  // namespace

/// As text, and as the DER in a PEM file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check(as_text({data, size}));
  if (size > 0) check(fuzz::armoured(data[0] % 2 == 0 ? "PUBLIC KEY" : "RSA PUBLIC KEY", {data + 1, size - 1}));
  return 0;
}
