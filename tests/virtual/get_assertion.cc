#include <algorithm>

#include "tests/virtual/commands.h"
#include "tests/virtual/ctap.h"

namespace fob::virt {
namespace {

constexpr auto next_assertion_timeout = std::chrono::seconds(30);

enum Parameter : std::int64_t {
  p_rp_id = 1,
  p_client_data_hash = 2,
  p_allow = 3,
  p_extensions = 4,
  p_options = 5,
  p_auth = 6,
  p_protocol = 7,
};

std::optional<SaltRequest> parse_salts(const Context& context, const Value* extensions) {
  const Value* input = extensions != nullptr ? extensions->find("hmac-secret") : nullptr;
  if (input == nullptr || !context.personality.hmac_secret) return std::nullopt;
  const unsigned protocol = input->find(4) != nullptr ? context.pin.protocol_of(*input, 4) : 1;
  SharedSecret secret = context.pin.agree(protocol, input->at(1));
  const Bytes& encrypted = input->at(2).bytes();
  if (!secret.verify(encrypted, input->at(3).bytes())) throw CtapError{Code::pin_auth_invalid};
  Bytes salts = secret.decrypt(encrypted);
  if (salts.size() != 32 && salts.size() != 64) throw CtapError{Code::invalid_length};
  return SaltRequest{std::move(secret), std::move(salts)};
}

AssertionRequest parse(const Context& context, const Value& request) {
  AssertionRequest out;
  out.rp_hash = sha256(as_bytes(request.at(p_rp_id).text()));
  out.client_data_hash = request.at(p_client_data_hash).bytes();
  const Value* options = request.find(p_options);
  out.up = option(options, "up", true);
  if (option(options, "uv", false)) throw CtapError{Code::invalid_option};
  if (options != nullptr && options->find("rk") != nullptr) throw CtapError{Code::unsupported_option};
  if (out.client_data_hash.size() != 32) throw CtapError{Code::invalid_length};
  out.salts = parse_salts(context, request.find(p_extensions));
  if (out.salts && !out.up) throw CtapError{Code::unsupported_option};
  return out;
}

/// The first of the list that may be used; or all residents, the newest first.
std::vector<Credential> applicable(const Context& context, const AssertionRequest& request,
                                   const std::vector<Bytes>& allowed) {
  std::vector<Credential> out;
  for (const Bytes& id : allowed) {
    const std::optional<Credential> found = context.store.open(request.rp_hash, id);
    if (found && (found->protection != 3 || request.uv)) return {*found};
  }
  if (!allowed.empty()) return out;
  for (const Credential& resident : context.store.residents()) {
    if (resident.rp_hash == request.rp_hash && (resident.protection == 1 || request.uv)) out.push_back(resident);
  }
  std::ranges::reverse(out);
  return out;
}

/// The encrypted secrets, one for each salt.
Bytes secrets_for(const Context& context, const AssertionRequest& request, const Credential& credential) {
  const Bytes key = context.store.credential_random(credential, request.uv);
  const ByteView salts = request.salts->salts;
  Bytes out = hmac_sha256(key, salts.first(32));
  out.resize(context.personality.secret_bytes);
  context.store.last_secret = out;
  if (salts.size() > 32) out = concat({out, hmac_sha256(key, salts.subspan(32))});
  return request.salts->secret.encrypt(out);
}

Value assertion(const Context& context, const AssertionRequest& request, const Credential& credential) {
  const bool extended = request.salts && credential.hmac_secret;
  const Personality& personality = context.personality;
  const unsigned true_flags =
      (request.up ? data_up : 0U) | (request.uv ? data_uv : 0U) | (extended ? data_extensions : 0U);
  const unsigned flags =
      (true_flags | personality.assertion_flags_set) & ~unsigned{personality.assertion_flags_cleared};
  Bytes data = data_head(request.rp_hash, flags, context.store.next_counter());
  if (extended) {
    const Value output = Value::map({{"hmac-secret", secrets_for(context, request, credential)}});
    data = concat({data, output.encode()});
  }
  const Bytes signature = credential.key_pair().sign(concat({data, request.client_data_hash}));
  Value out = Value::map({{1, Value::map({{"id", credential.id}, {"type", "public-key"}})}, {2, data}, {3, signature}});
  if (credential.resident) out.set(4, credential.user.value(request.uv));
  return out;
}

}  // namespace

Value get_assertion(Context& context, const Value& request) {
  answer_probe(context, request, p_auth);
  AssertionRequest parsed = parse(context, request);
  const std::vector<Bytes> allowed = handles(context, request.find(p_allow));
  parsed.uv = context.pin.authorize(request, p_auth, p_protocol, parsed.client_data_hash, may_get, &parsed.rp_hash);
  if (context.personality.always_uv && parsed.up && !parsed.uv) throw CtapError{Code::pin_required};
  std::vector<Credential> found = applicable(context, parsed, allowed);
  if (found.empty()) throw CtapError{Code::no_credentials};
  if (parsed.up) {
    context.require_touch();
    context.pin.spend();
  }
  Value out = assertion(context, parsed, found.front());
  if (found.size() > 1) {
    out.set(5, found.size());
    found.erase(found.begin());
    context.pending.assertions = std::move(found);
    context.pending.request = std::move(parsed);
    context.pending.since = Clock::now();
  }
  return out;
}

Value get_next_assertion(Context& context) {
  Pending& pending = context.pending;
  if (!pending.request || pending.assertions.empty() || Clock::now() - pending.since > next_assertion_timeout) {
    throw CtapError{Code::not_allowed};
  }
  Value out = assertion(context, *pending.request, pending.assertions.front());
  pending.assertions.erase(pending.assertions.begin());
  pending.since = Clock::now();
  return out;
}

}  // namespace fob::virt
