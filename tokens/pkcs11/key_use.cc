#include "tokens/pkcs11/key_use.h"

#include <optional>

#include "protocol/error.h"

namespace fob::pkcs11 {
namespace {

/// What a token shows of the key that is wanted.
enum class Sight { nothing, another, hidden, ready };

/// Under which a key is remembered: for each purpose another object may be the right one.
std::string remembered_name(const WantedKey& wanted) {
  return wanted.purpose == Purpose::signing ? wanted.uri : "opening " + wanted.uri;
}

class Resolver {
 public:
  Resolver(Connection& connection, const WantedKey& wanted)
      : connection_(connection), wanted_(wanted), uri_(wanted.uri) {}

  ReadyKey& run() {
    std::vector<CK_SLOT_ID> hidden;
    std::vector<CK_SLOT_ID> unseen;
    for (const SlotToken& token : connection_.tokens(uri_)) {
      if ((token.info.flags & CKF_TOKEN_INITIALIZED) == 0) continue;
      std::optional<Error> failure;
      try {
        OpenToken& open = connection_.open(token);
        const Sight sight = look(open);
        if (sight == Sight::ready) return remember();
        any_other_ = any_other_ || sight == Sight::another;
        const bool may_show_more = open.has(CKF_LOGIN_REQUIRED) && !open.logged_in;
        if (may_show_more && sight == Sight::hidden) hidden.push_back(token.slot);
        if (may_show_more && sight == Sight::nothing) unseen.push_back(token.slot);
      } catch (const Error& error) {
        failure = error;
      }
      // Another token may be the right one.
      if (failure) failure_ = failure;
    }
    if (failure_ && hidden.empty()) throw *failure_;
    return log_in_and_look(hidden.empty() ? unseen : hidden);
  }

 private:
  ReadyKey& remember() { return connection_.remember(remembered_name(wanted_), std::move(found_)); }

  Sight look(const OpenToken& token) {
    Sight out = Sight::nothing;
    for (FoundKey& key : find_keys(connection_.session(token), uri_, false, wanted_.purpose)) {
      if (!equal(key.public_key.blob, wanted_.key_blob)) {
        if (out == Sight::nothing) out = Sight::another;
        continue;
      }
      if (wanted_.purpose == Purpose::opening && !key.opens) {
        throw Error(Errc::unsupported, "the token lets this key neither decrypt nor derive: " + wanted_.uri);
      }
      if (key.private_objects.empty()) {
        out = Sight::hidden;
        continue;
      }
      found_ = {token.token.slot, key.private_objects[0], std::move(key.public_key), key.always_authenticate};
      return Sight::ready;
    }
    return out;
  }

  ReadyKey& log_in_and_look(const std::vector<CK_SLOT_ID>& slots) {
    if (slots.empty()) {
      if (any_other_) throw Error(Errc::refused, "another key is there now: " + wanted_.uri);
      throw Error(Errc::not_found, "no such key on a token that is there; plug it in: " + wanted_.uri);
    }
    if (slots.size() > 1) {
      throw Error(Errc::refused, "the URI names " + std::to_string(slots.size()) +
                                     " tokens that want their PIN: add what tells them apart, as serial=…");
    }
    OpenToken& token = connection_.opened(slots[0]);
    connection_.login(token, wanted_.pin);
    const Sight sight = look(token);
    if (sight == Sight::ready) return remember();
    if (sight == Sight::another) throw Error(Errc::refused, "another key is there now: " + wanted_.uri);
    throw Error(Errc::not_found, "the token has no such private key: " + wanted_.uri);
  }

  Connection& connection_;
  const WantedKey& wanted_;
  const Uri uri_;
  ReadyKey found_;
  bool any_other_ = false;
  std::optional<Error> failure_;
};

ReadyKey& ready_key(Connection& connection, const WantedKey& wanted) {
  ReadyKey* const known = connection.find_ready(remembered_name(wanted));
  if (known != nullptr && equal(known->public_key.blob, wanted.key_blob)) return *known;
  return Resolver(connection, wanted).run();
}

void use_once(Connection& connection, const WantedKey& wanted, const KeyOperation& operation, const ReadyKey& key,
              bool with_login) {
  const OpenToken& token = connection.opened(key.slot);
  connection.announce();
  if (!with_login) return operation(connection.session(token), key, {});
  const bool pin_pad = token.has(CKF_PROTECTED_AUTHENTICATION_PATH);
  if (!pin_pad && wanted.pin.empty()) throw Error(Errc::pin_required, "the key wants the PIN for each use");
  // A session of its own: an operation that a wrong PIN leaves unfinished ends with it.
  const Session session(connection.functions(), key.slot, false);
  operation(session.ref(), key, [&] { connection.login_for_operation(token, session.handle(), wanted.pin); });
}

}  // namespace

void use_key(Connection& connection, const WantedKey& wanted, const KeyOperation& operation) {
  ReadyKey* key = &ready_key(connection, wanted);
  OpenToken& token = connection.opened(key->slot);
  if (!wanted.pin.empty() && !token.logged_in && token.has(CKF_LOGIN_REQUIRED)) {
    connection.login(token, wanted.pin);
    key = &ready_key(connection, wanted);
  }
  bool with_login = key->always_authenticate;
  try {
    return use_once(connection, wanted, operation, *key, with_login);
  } catch (const Error& error) {
    if (error.code() != Errc::pin_required) throw;
    // It wants a login that it has not told of: of the user, or for each use.
    if (connection.check_login(token)) {
      if (with_login) throw;
      with_login = true;
    }
  }
  if (!token.logged_in) {
    connection.login(token, wanted.pin);
    key = &ready_key(connection, wanted);
    with_login = key->always_authenticate;
  }
  return use_once(connection, wanted, operation, *key, with_login);
}

}  // namespace fob::pkcs11
