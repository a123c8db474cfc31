#include "protocol/signature.h"

#include <array>
#include <string_view>

#include "protocol/verify.h"
#include "tests/fuzz/fuzz.h"

using namespace fob;

namespace {

/// RFC 7748's, SEC 2's and RFC 8032's points stand in for keys: fixed, valid, and nobody here can sign with them.
Bytes from_hex(std::string_view text) {
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
  }
  return out;
}

Bytes ed25519_point() { return from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"); }

Bytes p256_point() {
  return from_hex(
      "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
}

Bytes p384_point() {
  return from_hex(
      "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
      "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f");
}

/// An odd number of 2,048 bits whose factors nobody looked for.
Bytes rsa_modulus() {
  Bytes out(256);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(0x9d + 77 * i * i);
  out.back() |= 1;
  return out;
}

std::array<PublicKey, 6> make_keys() {
  const auto parse = [](Writer& out) { return PublicKey::parse(out.bytes()); };
  return {
      parse(Writer().string("ssh-ed25519").string(ed25519_point())),
      parse(Writer().string("ecdsa-sha2-nistp256").string("nistp256").string(p256_point())),
      parse(Writer().string("ecdsa-sha2-nistp384").string("nistp384").string(p384_point())),
      parse(Writer().string("ssh-rsa").mpint(from_hex("010001")).mpint(rsa_modulus())),
      parse(
          Writer().string("sk-ecdsa-sha2-nistp256@openssh.com").string("nistp256").string(p256_point()).string("ssh:")),
      parse(Writer().string("sk-ssh-ed25519@openssh.com").string(ed25519_point()).string("ssh:"))};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<PublicKey, 6> keys = make_keys();
  const ByteView blob(data, size);
  const auto signature = fuzz::attempt([&] { return Signature::parse(blob); });
  if (signature) fuzz::require(equal(signature->write(), blob), "a signature is written as it was read");
  for (const PublicKey& key : keys) {
    const bool verifies = fuzz::passes([&] { verify_signature(key, blob, as_bytes("data")); });
    fuzz::require(!verifies, "no input is a signature by a key that nobody has");
  }
  return 0;
}
