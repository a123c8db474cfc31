#include "agent/key_ref.h"

#include "protocol/limits.h"

namespace fob {

KeyRef sk_key_ref(const PublicKey& key, const SecretBytes& secret) {
  Reader in(secret.view());
  KeyRef out;
  out.kind = key.kind;
  out.application = key.application;
  out.flags = in.u8();
  out.key_handle = to_bytes(in.string(limits::key_handle_bytes));
  in.string();  // reserved
  in.done();
  return out;
}

PrivateKey sk_private_key(const PublicKey& key, std::uint8_t flags, ByteView key_handle) {
  Writer out;
  out.u8(flags).string(key_handle).string(ByteView());
  return {key, SecretBytes(out.bytes())};
}

}  // namespace fob
