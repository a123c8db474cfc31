#include "protocol/base64.h"
#include "protocol/key_file/ppk_crypto.h"
#include "tests/fuzz/key_file_fuzz.h"

using namespace fob;

namespace {

std::string lines(ByteView blob) {
  const Bytes base64 = encode_base64_lines(blob, 64);
  return std::to_string(std::count(base64.begin(), base64.end(), std::uint8_t{'\n'})) + "\n" +
         std::string(as_text(base64));
}

/// A file that is not encrypted, its MAC as it must be: the fuzzer could not guess that.
std::string with_mac(std::string_view type, std::string_view comment, ByteView public_blob, ByteView private_blob) {
  ppk::Keys keys;
  keys.mac_hash = Hash::sha256;
  const Bytes mac = ppk::mac_of(keys, {type, "none", comment, public_blob, private_blob});
  return "PuTTY-User-Key-File-3: " + std::string(type) + "\nEncryption: none\nComment: " + std::string(comment) +
         "\nPublic-Lines: " + lines(public_blob) + "Private-Lines: " + lines(private_blob) +
         "Private-MAC: " + std::string(as_text(format_hex(mac))) + "\n";
}

/// Type and comment, public blob, private blob, each a string of the wire.
std::string composed(ByteView fields) {
  Reader in(fields);
  const std::string_view type = in.text();
  const std::string_view comment = in.text();
  const ByteView public_blob = in.string();
  return with_mac(type, comment, public_blob, in.string());
}

}  // namespace

/// As text, and as the fields of a file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::check_key_file(as_text({data, size}));
  if (const auto text = fuzz::attempt([&] { return composed({data, size}); })) fuzz::check_key_file(*text);
  return 0;
}
