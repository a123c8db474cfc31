#include "protocol/base64.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <climits>

#include "protocol/error.h"
#include "protocol/wire.h"

namespace fob {
namespace {

constexpr int variant = sodium_base64_VARIANT_ORIGINAL;

}  // namespace

std::optional<Bytes> decode_base64(std::string_view text, const char* ignored) {
  Bytes out(text.size());
  std::size_t size = 0;
  // With `ignored`, libsodium passes over NUL as well.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  if (!text.empty() &&
      sodium_base642bin(out.data(), out.size(), text.data(), text.size(), ignored, &size, nullptr, variant) != 0) {
    return std::nullopt;
  }
  out.resize(size);
  return out;
}

std::string encode_base64(ByteView bytes) {
  if (bytes.size() > INT_MAX / 2) throw Error(Errc::too_large, "more than can be written in base64");
  // OpenSSL's takes a fifth of the time of libsodium's, which hides from other processes what it encodes.
  std::string out((bytes.size() + 2) / 3 * 4, '\0');
  EVP_EncodeBlock(reinterpret_cast<std::uint8_t*>(out.data()), bytes.data(), static_cast<int>(bytes.size()));
  return out;
}

Bytes encode_base64_lines(ByteView bytes, std::size_t columns) {
  Bytes text(sodium_base64_encoded_len(bytes.size(), variant));
  sodium_bin2base64(reinterpret_cast<char*>(text.data()), text.size(), bytes.data(), bytes.size(), variant);
  text.pop_back();  // the terminating NUL
  Writer out;
  for (ByteView rest = text; !rest.empty();) {
    const std::size_t taken = std::min(rest.size(), columns);
    out.raw(rest.first(taken)).u8('\n');
    rest = rest.subspan(taken);
  }
  return out.take();
}

}  // namespace fob
