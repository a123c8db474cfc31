#include "tests/daemon/random_messages.h"

#include "tests/daemon/client.h"
#include "tests/daemon/session.h"

namespace fob {
namespace {

constexpr std::string_view passphrases[] = {"one", "two", ""};
constexpr std::string_view sessions[] = {"session one", "session two", "session three"};
constexpr std::uint32_t lengths[] = {0, 1, 0x7f, 0xff, 0x3ffff, 0x40000, 0x7fffffff, 0x80000000, 0xffffffff};

Bytes without_length(const Request& request) {
  const Bytes framed = frame_request(request);
  return {framed.begin() + 4, framed.end()};
}

}  // namespace

RandomMessages::RandomMessages(std::uint64_t seed) : random_(seed) {
  for (const KeyKind kind : host_key_kinds) keys_.push_back(TestKey::make(kind));
  const TestKey authority = keys_[1];
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::ecdsa_p256, KeyKind::sk_ed25519}) {
    const TestKey key = TestKey::make(kind);
    keys_.push_back(key.with_certificate(certify(authority, key, {.host = true})));
  }
}

std::size_t RandomMessages::below(std::size_t count) { return random_() % count; }

Bytes RandomMessages::random_bytes(std::size_t max_bytes) {
  Bytes out(below(max_bytes + 1));
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random_());
  return out;
}

Bytes RandomMessages::data_to_sign(const TestKey& key) {
  switch (below(4)) {
    case 0: return login(key.public_key(), sessions[below(3)], "alice");
    case 1: return hostbound_login(key.public_key(), sessions[below(3)], "bob", some_key().public_key());
    case 2: return sshsig_message();
    default: return random_bytes(one_in(50) ? 100'000 : 100);
  }
}

Bytes RandomMessages::sign_request() {
  // RSA seldom: it takes its time.
  const TestKey* key = &some_key();
  if (key->kind() == KeyKind::rsa && !one_in(8)) key = &keys_[4];
  const Bytes data = data_to_sign(*key);
  return without_length(SignRequest{key->blob(), data, static_cast<std::uint32_t>(below(16))});
}

Constraints RandomMessages::constraints() {
  Constraints out;
  if (one_in(4)) out.lifetime_seconds = static_cast<std::uint32_t>(below(3) * 1000);
  if (one_in(4)) out.confirm = true;
  if (one_in(4)) out.sk_provider = one_in(2) ? "internal" : "/usr/lib/provider.so";
  while (one_in(3)) {
    const Hop from = one_in(2) ? Hop{} : host("near", some_key().public_key());
    out.destinations.push_back(via(from, host("far", some_key().public_key(), one_in(2) ? "ali*" : "")));
  }
  return out;
}

Bytes RandomMessages::add_request() {
  const Bytes comment = random_bytes(one_in(100) ? 10'000 : 20);
  return without_length(AddIdentity{some_key().private_key(), std::string(as_text(comment)), constraints()});
}

Bytes RandomMessages::extension() {
  switch (below(3)) {
    case 0: return without_length(Extension{"query", {}});
    case 1: {
      const Bytes contents = session_bind(some_key(), sessions[below(3)], one_in(2));
      return without_length(Extension{SessionBind::name, contents});
    }
    default: {
      const Bytes contents = random_bytes(100);
      return without_length(Extension{"unknown@example.org", contents});
    }
  }
}

Bytes RandomMessages::well_formed() {
  switch (below(16)) {
    case 0:
    case 1: return without_length(RequestIdentities{});
    case 2:
    case 3:
    case 4: return sign_request();
    case 5:
    case 6:
    case 7: return add_request();
    case 8: return without_length(RemoveIdentity{some_key().blob()});
    case 9: return one_in(10) ? without_length(RemoveAllIdentities{}) : message(MessageType::remove_all_rsa1, {});
    case 10: return without_length(AddSmartcardKey{"/usr/lib/provider.so", as_bytes("1234"), constraints()});
    case 11: return without_length(RemoveSmartcardKey{"/usr/lib/provider.so", as_bytes("1234")});
    case 12: return without_length(Lock{as_bytes(passphrases[below(3)])});
    case 13: return without_length(Unlock{as_bytes(passphrases[below(3)])});
    default: return extension();
  }
}

void RandomMessages::mutate(Bytes& message) {
  const std::size_t at = below(message.size());
  switch (below(7)) {
    case 0: message[at] ^= static_cast<std::uint8_t>(1U << below(8)); break;
    case 1: message[at] = static_cast<std::uint8_t>(random_()); break;
    case 2: message.resize(at + 1); break;
    case 3: {
      const Bytes more = random_bytes(30);
      message.insert(message.begin() + static_cast<std::ptrdiff_t>(at), more.begin(), more.end());
      break;
    }
    case 4: {
      const Bytes part(message.begin() + static_cast<std::ptrdiff_t>(at), message.end());
      message.insert(message.end(), part.begin(), part.end());
      break;
    }
    case 5: {
      Writer length;
      length.u32(lengths[below(std::size(lengths))]);
      for (std::size_t i = 0; i < 4 && at + i < message.size(); ++i) message[at + i] = length.bytes()[i];
      break;
    }
    default: message[0] = static_cast<std::uint8_t>(below(32)); break;
  }
}

Bytes RandomMessages::next() {
  if (one_in(16)) {
    Bytes out = random_bytes(one_in(100) ? 200'000 : 200);
    out.insert(out.begin(), static_cast<std::uint8_t>(below(32)));
    return out;
  }
  Bytes out = well_formed();
  if (one_in(2)) return out;
  for (std::size_t times = 1 + below(4); times > 0; --times) mutate(out);
  constexpr std::size_t message_bytes = 0x40000;
  if (out.size() > message_bytes) out.resize(message_bytes);
  return out;
}

}  // namespace fob
