#include "tokens/fido_token.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "protocol/limits.h"
#include "protocol/signature.h"
#include "tests/fuzz/fuzz.h"

using namespace fob;

/// libfido2's nonces must be the seeds', and its pauses between two questions to a U2F token are not worth waiting for.
extern "C" void arc4random_buf(void* to, size_t size) noexcept { std::memset(to, 'n', size); }
extern "C" int usleep(useconds_t) { return 0; }

/// As RLIMIT_AS does for the host: a token may announce a billion credentials.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1:max_allocation_size_mb=64"; }

namespace {

void use(Token& token, unsigned verb) {
  const KeyRef key{verb % 2 == 0 ? KeyKind::sk_ecdsa_p256 : KeyKind::sk_ed25519, "ssh:", {1, 2, 3, 4}, 1};
  NewKeyRequest wanted;
  wanted.kind = key.kind;
  const SecretRequest secret{"fob:vault", key.key_handle, Bytes(limits::fido_salt_bytes, 's'), false};
  switch (verb / 2 % 6) {
    case 0: token.describe(); break;
    case 1: token.has_key(key); break;
    case 2: fuzz::require(Signature::parse(token.sign(key, {}, nullptr)).sk.has_value(), "an sk signature"); break;
    case 3: fuzz::require(token.generate(wanted, nullptr).public_key.kind == key.kind, "the kind asked for"); break;
    case 4: fuzz::require(!token.make_secret_credential("fob:vault", nullptr).empty(), "a key handle"); break;
    default:
      fuzz::require(token.derive_secret(secret, nullptr).size() == limits::fido_secret_bytes, "a secret's size");
      break;
  }
}

/// A token that has said all it will ever say by the time that it is first asked; before that it would be thrown away
/// as some other program's.
TokenWatch speaking(int token_end, ByteView stream) {
  TokenWatch out;
  out.cancelled = [token_end, stream, begun = false]() mutable {
    if (std::exchange(begun, true)) return false;
    send(token_end, stream.data(), stream.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(token_end, SHUT_WR);
    return false;
  };
  return out;
}

}  // namespace

/// The first byte chooses what is asked of the token, the rest is all that the token says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool started = (fido_init(0), true);
  int ends[2];
  if (!started || size == 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 0;
  {
    FidoToken token(ends[0], speaking(ends[1], {data + 1, size - 1}));
    fuzz::passes([&] { use(token, data[0]); });
  }
  close(ends[0]);
  close(ends[1]);
  return 0;
}
