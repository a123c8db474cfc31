#include "wire.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace fob {
namespace {

constexpr std::uint32_t flag_rsa_sha2_512 = 4;
constexpr char constrain_confirm = 2;
constexpr std::size_t session_id_bytes = 64;  // of a SHA-512 key exchange

Bytes u32(std::size_t value) {
  Bytes out(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<char>(value >> (24 - 8 * i));
  return out;
}

/// RFC 4251 `string`.
Bytes string(ByteView text) { return u32(text.size()).append(text); }

template <std::size_t N>
ByteView view(const std::array<unsigned char, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

const unsigned char* octets(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

Bytes frame(Message type, const Bytes& body = {}) { return string(Bytes(1, static_cast<char>(type)).append(body)); }

class Cursor {
 public:
  explicit Cursor(ByteView rest) : rest_(rest) {}

  ByteView take(std::size_t size_bytes) {
    if (rest_.size() < size_bytes) throw std::runtime_error("answer ends too early");
    const ByteView taken = rest_.substr(0, size_bytes);
    rest_.remove_prefix(size_bytes);
    return taken;
  }
  std::uint32_t u32() {
    std::uint32_t value = 0;
    for (const char c : take(4)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  ByteView string() { return take(u32()); }
  bool done() const { return rest_.empty(); }

 private:
  ByteView rest_;
};

Bytes signature_algorithm(const PublicKey& key) {
  const Bytes type = key.type();
  return type == "ssh-rsa" ? "rsa-sha2-512" : type;
}

/// RFC 4252 §7, as OpenSSH extends it by the host's key.
Bytes user_auth_data(const PublicKey& key) {
  constexpr char userauth_request = 50;
  constexpr char has_signature = 1;
  return string(Bytes(session_id_bytes, '\x5a')) + userauth_request + string("alice") + string("ssh-connection") +
         string("publickey-hostbound-v00@openssh.com") + has_signature + string(signature_algorithm(key)) +
         string(key.blob) + string(OwnKey::numbered(0).blob());
}

struct Range {
  std::size_t min;
  std::size_t max;
};

/// Length of the signature proper. ECDSA's two integers vary with their leading zeros; that both
/// have more than 8 zero octets will not happen.
Range raw_signature_bytes(const PublicKey& key) {
  const Bytes type = key.type();
  const auto two_integers = [](std::size_t size) { return Range{2 * (4 + size - 8), 2 * (4 + size + 1)}; };
  if (type == "ssh-ed25519") return {crypto_sign_BYTES, crypto_sign_BYTES};
  if (type == "ssh-rsa") return {(key.rsa_bits() + 7) / 8, (key.rsa_bits() + 7) / 8};
  if (type == "ecdsa-sha2-nistp256") return two_integers(32);
  if (type == "ecdsa-sha2-nistp384") return two_integers(48);
  if (type == "ecdsa-sha2-nistp521") return two_integers(66);
  throw std::runtime_error("cannot sign with a key of type " + type);
}

}  // namespace

Bytes PublicKey::type() const { return Bytes(Cursor(blob).string()); }

std::size_t PublicKey::rsa_bits() const {
  if (type() != "ssh-rsa") return 0;
  Cursor cursor(blob);
  cursor.string();  // type
  cursor.string();  // public exponent
  const ByteView modulus = cursor.string();
  return 8 * (modulus.size() - 1);  // a leading zero octet keeps the integer positive
}

OwnKey OwnKey::numbered(std::uint32_t number) {
  std::array<unsigned char, crypto_sign_SEEDBYTES> seed{};
  std::ranges::copy(u32(number), seed.begin());
  OwnKey key;
  crypto_sign_seed_keypair(key.public_half.data(), key.secret.data(), seed.data());
  return key;
}

Bytes OwnKey::blob() const { return string("ssh-ed25519") + string(view(public_half)); }

bool Expected::matches(ByteView reply) const {
  if (reply.size() < min_bytes || reply.size() > max_bytes) return false;
  if (reply.front() != static_cast<char>(type)) return false;
  constexpr std::size_t algorithm_offset = 1 + 4 + 4;  // type, signature blob, algorithm name
  return algorithm.empty() || reply.substr(algorithm_offset, algorithm.size()) == algorithm;
}

Exchange list_exchange() {
  return {frame(Message::request_identities),
          {Message::identities_answer, 1 + 4, std::numeric_limits<std::size_t>::max(), {}}};
}

Exchange sign_exchange(const PublicKey& key) {
  const Bytes algorithm = signature_algorithm(key);
  const std::uint32_t flags = key.type() == "ssh-rsa" ? flag_rsa_sha2_512 : 0;
  const std::size_t around_bytes = 1 + 4 + 4 + algorithm.size() + 4;
  const Range raw = raw_signature_bytes(key);
  return {frame(Message::sign_request, string(key.blob) + string(user_auth_data(key)) + u32(flags)),
          {Message::sign_response, around_bytes + raw.min, around_bytes + raw.max, algorithm}};
}

Exchange add_exchange(const OwnKey& key, bool confirm) {
  const Bytes body =
      string("ssh-ed25519") + string(view(key.public_half)) + string(view(key.secret)) + string("fob-load");
  const Expected expected{Message::success, 1, 1, {}};
  if (confirm) return {frame(Message::add_id_constrained, body + constrain_confirm), expected};
  return {frame(Message::add_identity, body), expected};
}

std::vector<PublicKey> parse_list(ByteView reply) {
  Cursor cursor(reply);
  if (cursor.take(1).front() != static_cast<char>(Message::identities_answer)) {
    throw std::runtime_error("agent refuses to list its keys");
  }
  std::vector<PublicKey> keys;
  for (std::uint32_t left = cursor.u32(); left > 0; --left) {
    keys.push_back({Bytes(cursor.string())});
    cursor.string();  // comment
  }
  if (!cursor.done()) throw std::runtime_error("list of keys has bytes left over");
  return keys;
}

bool ed25519_verifies(ByteView request, ByteView reply) {
  Cursor asked(request);
  asked.take(4 + 1);  // length of the frame, message number
  Cursor blob(asked.string());
  const ByteView data = asked.string();
  blob.string();
  const ByteView public_half = blob.string();

  Cursor answered(reply);
  answered.take(1);
  Cursor signature(answered.string());
  signature.string();
  const ByteView raw = signature.string();
  return public_half.size() == crypto_sign_PUBLICKEYBYTES && raw.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(octets(raw), octets(data), data.size(), octets(public_half)) == 0;
}

}  // namespace fob
