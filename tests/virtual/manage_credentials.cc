#include <algorithm>

#include "tests/virtual/commands.h"
#include "tests/virtual/ctap.h"

namespace fob::virt {
namespace {

enum Subcommand : std::int64_t {
  metadata = 1,
  first_rp = 2,
  next_rp = 3,
  first_credential = 4,
  next_credential = 5,
  delete_credential = 6,
  update_user = 7,
};

enum Parameter : std::int64_t { p_subcommand = 1, p_parameters = 2, p_protocol = 3, p_auth = 4 };

Credential take_first(std::vector<Credential>& from) {
  Credential out = std::move(from.front());
  from.erase(from.begin());
  return out;
}

void authorize(Context& context, const Value& request, std::int64_t subcommand, const Bytes* rp_hash) {
  const Value* parameters = request.find(p_parameters);
  const Bytes head{static_cast<std::uint8_t>(subcommand)};
  const Bytes message = concat({head, parameters != nullptr ? parameters->encode() : Bytes()});
  if (!context.pin.authorize(request, p_auth, p_protocol, message, may_manage, rp_hash)) {
    throw CtapError{Code::pin_required};
  }
}

Value relying_party(Context& context, bool first) {
  std::vector<Credential>& left = context.pending.relying_parties;
  if (left.empty()) throw CtapError{first ? Code::no_credentials : Code::not_allowed};
  const std::size_t total = left.size();
  const Credential credential = take_first(left);
  Value rp = Value::map({{"id", credential.rp_id}});
  if (!credential.rp_name.empty()) rp.set("name", credential.rp_name);
  Value out = Value::map({{3, rp}, {4, credential.rp_hash}});
  if (first) out.set(5, total);
  return out;
}

Value begin_relying_parties(Context& context) {
  std::vector<Credential> found;
  for (const Credential& credential : context.store.residents()) {
    const bool known =
        std::ranges::any_of(found, [&](const Credential& other) { return other.rp_hash == credential.rp_hash; });
    if (!known) found.push_back(credential);
  }
  context.pending.relying_parties = std::move(found);
  return relying_party(context, true);
}

Value credential(Context& context, bool first) {
  std::vector<Credential>& left = context.pending.credentials;
  if (left.empty()) throw CtapError{first ? Code::no_credentials : Code::not_allowed};
  const std::size_t total = left.size();
  const Credential found = take_first(left);
  Value out = Value::map({{6, found.user.value()},
                          {7, Value::map({{"id", found.id}, {"type", "public-key"}})},
                          {8, cose_key(found.key_pair())}});
  if (first) out.set(9, total);
  if (context.personality.credential_protection) out.set(10, found.protection);
  return out;
}

Value begin_credentials(Context& context, const Bytes& rp_hash) {
  std::vector<Credential> found;
  std::ranges::copy_if(context.store.residents(), std::back_inserter(found),
                       [&](const Credential& other) { return other.rp_hash == rp_hash; });
  context.pending.credentials = std::move(found);
  return credential(context, true);
}

/// Deletes a resident credential or renames its user.
Value change(Context& context, const Value& request, std::int64_t subcommand) {
  const Value& parameters = request.at(p_parameters);
  const Bytes& id = parameters.at(2).at("id").bytes();
  const Credential* found = context.store.find(id);
  const Bytes none;
  authorize(context, request, subcommand, found != nullptr ? &found->rp_hash : &none);
  if (found == nullptr) throw CtapError{Code::no_credentials};
  if (subcommand == delete_credential) {
    context.store.remove(id);
    return {};
  }
  UserEntity user = UserEntity::parse(parameters.at(3));
  if (user.id != found->user.id) throw CtapError{Code::invalid_parameter};
  context.store.find(id)->user = std::move(user);
  return {};
}

}  // namespace

Value manage_credentials(Context& context, const Value& request) {
  const std::int64_t subcommand = request.at(p_subcommand).number();
  switch (subcommand) {
    case metadata: {
      authorize(context, request, subcommand, nullptr);
      const std::size_t used = context.store.residents().size();
      return Value::map({{1, used}, {2, context.personality.slots_left(used)}});
    }
    case first_rp: authorize(context, request, subcommand, nullptr); return begin_relying_parties(context);
    case next_rp: return relying_party(context, false);
    case first_credential: {
      const Bytes& rp_hash = request.at(p_parameters).at(1).bytes();
      authorize(context, request, subcommand, &rp_hash);
      return begin_credentials(context, rp_hash);
    }
    case next_credential: return credential(context, false);
    case delete_credential:
    case update_user: return change(context, request, subcommand);
    default: throw CtapError{Code::invalid_subcommand};
  }
}

}  // namespace fob::virt
