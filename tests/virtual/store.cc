#include "tests/virtual/store.h"

#include <algorithm>
#include <utility>

#include "protocol/error.h"
#include "tests/virtual/ctap.h"

namespace fob::virt {
namespace {

constexpr std::size_t max_user_id = 64;
constexpr std::size_t max_name = 64;

// A key handle: iv (16), AES of {head (16), key (32)}, HMAC (32).
constexpr std::size_t iv_bytes = 16;
constexpr std::size_t sealed_bytes = iv_bytes + 48;
constexpr std::size_t handle_bytes = sealed_bytes + 32;
enum Flag : std::uint8_t { flag_hmac_secret = 1, flag_resident = 2 };

std::string optional_text(const Value& map, std::string_view key) {
  const Value* found = map.find(key);
  return found != nullptr ? found->text().substr(0, max_name) : std::string();
}

bool same_account(const Credential& credential, ByteView rp_hash, ByteView user_id) {
  return equal(credential.rp_hash, rp_hash) && equal(credential.user.id, user_id);
}

Value save_credential(const Credential& credential) {
  return Value::map({{"handle", credential.id},
                     {"rp_hash", credential.rp_hash},
                     {"rp_id", credential.rp_id},
                     {"rp_name", credential.rp_name},
                     {"user", credential.user.value()}});
}

}  // namespace

UserEntity UserEntity::parse(const Value& map) {
  UserEntity out{map.at("id").bytes(), optional_text(map, "name"), optional_text(map, "displayName")};
  if (out.id.size() > max_user_id) throw CtapError{Code::invalid_length};
  return out;
}

Value UserEntity::value(bool identifiable) const {
  Value out = Value::map({{"id", id}});
  if (identifiable && !name.empty()) out.set("name", name);
  if (identifiable && !display_name.empty()) out.set("displayName", display_name);
  return out;
}

Value cose_key(const KeyPair& key) {
  const Bytes bytes = key.public_bytes();
  if (key.alg() == Alg::eddsa) return Value::map({{1, 1}, {3, -8}, {-1, 6}, {-2, bytes}});
  const ByteView point = bytes;
  return Value::map({{1, 2}, {3, -7}, {-1, 1}, {-2, point.subspan(1, 32)}, {-3, point.subspan(33)}});
}

Store::Store() : attestation_certificate_(virt::attestation_certificate(attestation_key_)) { reset(); }

void Store::reset() {
  master_ = random_bytes(32);
  residents_.clear();
  pin_hash.reset();
  pin_retries = full_retries;
  counter = 0;
}

Credential Store::create(Alg alg, ByteView rp_hash, unsigned protection, bool hmac_secret, bool resident) const {
  Credential out{.id = {},
                 .alg = alg,
                 .protection = protection,
                 .hmac_secret = hmac_secret,
                 .resident = resident,
                 .rp_hash = to_bytes(rp_hash),
                 .key = KeyPair::generate(alg).raw(),
                 .rp_id = {},
                 .rp_name = {},
                 .user = {}};
  Bytes head(16);
  head[0] = static_cast<std::uint8_t>(-static_cast<int>(alg));
  head[1] = static_cast<std::uint8_t>(protection);
  head[2] = static_cast<std::uint8_t>((hmac_secret ? flag_hmac_secret : 0) | (resident ? flag_resident : 0));
  const Bytes iv = random_bytes(iv_bytes);
  const Bytes sealed = concat({iv, aes_encrypt(master_, iv, concat({head, out.key}))});
  out.id = concat({sealed, hmac_sha256(master_, concat({out.rp_hash, sealed}))});
  return out;
}

Credential Store::unseal(ByteView rp_hash, ByteView id) const {
  const ByteView sealed = id.first(sealed_bytes);
  const Bytes opened = aes_decrypt(master_, sealed.first(iv_bytes), sealed.subspan(iv_bytes));
  return {.id = to_bytes(id),
          .alg = opened[0] == 8 ? Alg::eddsa : Alg::es256,
          .protection = opened[1],
          .hmac_secret = (opened[2] & flag_hmac_secret) != 0,
          .resident = (opened[2] & flag_resident) != 0,
          .rp_hash = to_bytes(rp_hash),
          .key = to_bytes(ByteView(opened).subspan(16)),
          .rp_id = {},
          .rp_name = {},
          .user = {}};
}

std::optional<Credential> Store::open(ByteView rp_hash, ByteView id) const {
  if (id.size() != handle_bytes) return std::nullopt;
  const ByteView sealed = id.first(sealed_bytes);
  if (!constant_time_equal(hmac_sha256(master_, concat({rp_hash, sealed})), id.subspan(sealed_bytes))) {
    return std::nullopt;
  }
  const Credential opened = unseal(rp_hash, id);
  if (!opened.resident) return opened;
  const Credential* kept = find(id);
  return kept != nullptr ? std::optional(*kept) : std::nullopt;
}

Bytes Store::credential_random(const Credential& credential, bool uv) const {
  const Bytes secret = hmac_sha256(master_, as_bytes(uv ? "CredRandomWithUV" : "CredRandomWithoutUV"));
  return hmac_sha256(secret, credential.id);
}

void Store::keep(Credential credential) {
  std::erase_if(residents_,
                [&](const Credential& old) { return same_account(old, credential.rp_hash, credential.user.id); });
  residents_.push_back(std::move(credential));
}

bool Store::has(ByteView rp_hash, ByteView user_id) const {
  return std::ranges::any_of(residents_, [&](const Credential& c) { return same_account(c, rp_hash, user_id); });
}

const Credential* Store::find(ByteView id) const {
  const auto found = std::ranges::find_if(residents_, [&](const Credential& c) { return equal(c.id, id); });
  return found != residents_.end() ? &*found : nullptr;
}

Credential* Store::find(ByteView id) { return const_cast<Credential*>(std::as_const(*this).find(id)); }

bool Store::remove(ByteView id) {
  return std::erase_if(residents_, [&](const Credential& c) { return equal(c.id, id); }) != 0;
}

Bytes Store::save() const {
  Value::Array kept;
  for (const Credential& credential : residents_) kept.push_back(save_credential(credential));
  Value out = Value::map({{"master", master_},
                          {"attestation", attestation_key_.raw()},
                          {"certificate", attestation_certificate_},
                          {"retries", pin_retries},
                          {"counter", counter},
                          {"residents", kept}});
  if (pin_hash) out.set("pin", *pin_hash);
  return out.encode();
}

void Store::load(ByteView saved) try {
  const Value map = Value::decode(saved);
  Store out;
  out.master_ = map.at("master").bytes();
  out.attestation_key_ = KeyPair::from_raw(Alg::es256, map.at("attestation").bytes());
  out.attestation_certificate_ = map.at("certificate").bytes();
  out.pin_retries = static_cast<unsigned>(map.at("retries").number());
  out.counter = static_cast<std::uint32_t>(map.at("counter").number());
  if (const Value* pin = map.find("pin")) out.pin_hash = pin->bytes();
  for (const Value& kept : map.at("residents").array()) {
    const Bytes& id = kept.at("handle").bytes();
    if (id.size() != handle_bytes) throw CtapError{Code::invalid_length};
    Credential credential = out.unseal(kept.at("rp_hash").bytes(), id);
    credential.rp_id = kept.at("rp_id").text();
    credential.rp_name = kept.at("rp_name").text();
    credential.user = UserEntity::parse(kept.at("user"));
    out.residents_.push_back(std::move(credential));
  }
  *this = std::move(out);
} catch (const CtapError&) {
  throw Error(Errc::malformed, "not a state of a virtual token");
}

}  // namespace fob::virt
