#include "protocol/allowed_signers.h"

#include "tests/fuzz/fuzz.h"

using namespace fob;

namespace {

/// RFC 8032's first public key, in no seed: nobody lets it in by name of alice.
PublicKey strangers_key() {
  Bytes point(32, 0x42);
  return PublicKey::parse(Writer().string("ssh-ed25519").string(point).bytes());
}

}  // namespace

/// A file of allowed signers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const PublicKey stranger = strangers_key();
  constexpr std::uint64_t now = 1'700'000'000;
  const std::string_view text = as_text({data, size});
  if (text.find("QkJCQkJC") == std::string_view::npos) {  // its base64
    fuzz::require(!fuzz::passes([&] { check_allowed_signer(text, stranger, "alice", "file", now); }),
                  "a key that is not in the file is not let in");
  }
  const auto signer = fuzz::attempt([&] { return parse_allowed_signer(text.substr(0, text.find('\n'))); });
  if (!signer || !*signer || (*signer)->authority) return 0;
  const AllowedSigner& line = **signer;
  const bool named = fuzz::passes([&] { check_allowed_signer(text, line.key, line.principals, "file", now); });
  const bool open = !line.namespaces && line.valid_after == 0 && line.valid_before == 0;
  const bool plain = line.principals.find_first_of("*?!,") == std::string::npos && !line.principals.empty();
  if (open && plain) fuzz::require(named, "a plain line lets in whom it names");
  return 0;
}
