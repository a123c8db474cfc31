#include <algorithm>

#include "tests/virtual/commands.h"
#include "tests/virtual/ctap.h"

namespace fob::virt {
namespace {

enum Parameter : std::int64_t {
  p_client_data_hash = 1,
  p_rp = 2,
  p_user = 3,
  p_algorithms = 4,
  p_exclude = 5,
  p_extensions = 6,
  p_options = 7,
  p_auth = 8,
  p_protocol = 9,
  p_enterprise = 10,
};

struct Registration {
  Bytes client_data_hash;
  std::string rp_id;
  std::string rp_name;
  Bytes rp_hash;
  UserEntity user;
  Alg alg = Alg::es256;
  std::vector<Bytes> exclude;
  bool resident = false;
  unsigned protection = 1;
  bool protection_asked = false;
  bool hmac_secret = false;
};

Alg first_supported(const Personality& personality, const Value& list) {
  for (const Value& entry : list.array()) {
    const std::int64_t alg = entry.at("alg").number();
    if (entry.at("type").text() != "public-key") continue;
    if (alg == -7) return Alg::es256;
    if (alg == -8 && personality.ed25519) return Alg::eddsa;
  }
  throw CtapError{Code::unsupported_algorithm};
}

void parse_extensions(const Personality& personality, const Value* extensions, Registration& out) {
  if (extensions == nullptr) return;
  const Value* protection = extensions->find("credProtect");
  if (protection != nullptr && personality.credential_protection) {
    const std::int64_t level = protection->number();
    if (level < 1 || level > 3) throw CtapError{Code::invalid_option};
    out.protection = static_cast<unsigned>(level);
    out.protection_asked = true;
  }
  const Value* hmac_secret = extensions->find("hmac-secret");
  out.hmac_secret =
      hmac_secret != nullptr && personality.hmac_secret && !personality.makes_no_secrets && hmac_secret->boolean();
}

Registration parse(const Context& context, const Value& request) {
  Registration out;
  out.client_data_hash = request.at(p_client_data_hash).bytes();
  out.rp_id = request.at(p_rp).at("id").text();
  if (const Value* name = request.at(p_rp).find("name")) out.rp_name = name->text();
  out.rp_hash = sha256(as_bytes(out.rp_id));
  out.user = UserEntity::parse(request.at(p_user));
  out.alg = first_supported(context.personality, request.at(p_algorithms));
  out.exclude = handles(context, request.find(p_exclude));
  parse_extensions(context.personality, request.find(p_extensions), out);
  const Value* options = request.find(p_options);
  out.resident = option(options, "rk", false);
  if (out.resident && !context.personality.resident_keys) throw CtapError{Code::unsupported_option};
  if (option(options, "uv", false) || !option(options, "up", true)) throw CtapError{Code::invalid_option};
  if (request.find(p_enterprise) != nullptr) throw CtapError{Code::invalid_parameter};
  if (out.client_data_hash.size() != 32) throw CtapError{Code::invalid_length};
  return out;
}

void refuse_without_uv(const Context& context, const Registration& registration) {
  const Personality& personality = context.personality;
  const bool lenient = personality.make_credential_without_uv && personality.ctap21 && !registration.resident;
  if (personality.always_uv || (context.pin.is_set() && !lenient)) throw CtapError{Code::pin_required};
}

bool excluded(const Context& context, const Registration& registration, bool uv) {
  return std::ranges::any_of(registration.exclude, [&](const Bytes& id) {
    const std::optional<Credential> known = context.store.open(registration.rp_hash, id);
    return known && (known->protection != 3 || uv);
  });
}

Credential create(Context& context, const Registration& registration) {
  Store& store = context.store;
  Credential out = store.create(registration.alg, registration.rp_hash, registration.protection,
                                registration.hmac_secret, registration.resident);
  if (!registration.resident) return out;
  if (!store.has(registration.rp_hash, registration.user.id) &&
      context.personality.slots_left(store.residents().size()) == 0) {
    throw CtapError{Code::key_store_full};
  }
  out.rp_id = registration.rp_id;
  out.rp_name = registration.rp_name;
  out.user = registration.user;
  store.keep(out);
  return out;
}

Bytes authenticator_data(const Context& context, const Registration& registration, const Credential& credential,
                         bool uv) {
  Value extensions = Value::map();
  if (registration.protection_asked) extensions.set("credProtect", registration.protection);
  if (registration.hmac_secret) extensions.set("hmac-secret", true);
  const bool extended = !extensions.entries().empty();
  const unsigned flags = data_up | data_key | (uv ? data_uv : 0U) | (extended ? data_extensions : 0U);
  const Bytes size{0, static_cast<std::uint8_t>(credential.id.size())};
  return concat({data_head(registration.rp_hash, flags, context.store.next_counter()), context.personality.aaguid, size,
                 credential.id, cose_key(credential.key_pair()).encode(), extended ? extensions.encode() : Bytes()});
}

}  // namespace

Value make_credential(Context& context, const Value& request) {
  answer_probe(context, request, p_auth);
  const Registration registration = parse(context, request);
  const bool uv = context.pin.authorize(request, p_auth, p_protocol, registration.client_data_hash, may_make,
                                        &registration.rp_hash);
  if (!uv) refuse_without_uv(context, registration);
  if (excluded(context, registration, uv)) {
    context.require_touch();
    throw CtapError{Code::credential_excluded};
  }
  context.require_touch();
  context.pin.spend();
  const Credential credential = create(context, registration);
  const Bytes data = authenticator_data(context, registration, credential, uv);
  const Bytes signature = context.store.attestation_key().sign(concat({data, registration.client_data_hash}));
  Value statement = Value::map({{"alg", -7}, {"sig", signature}});
  statement.set("x5c", Value::Array{context.store.attestation_certificate()});
  return Value::map({{1, "packed"}, {2, data}, {3, statement}});
}

}  // namespace fob::virt
