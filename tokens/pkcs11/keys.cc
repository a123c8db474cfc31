#include <algorithm>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "tokens/pkcs11/verbs.h"

namespace fob::pkcs11 {
namespace {

/// Nothing where its names make no URI that is short enough.
std::optional<Pkcs11Key> as_key(const CK_TOKEN_INFO& token, FoundKey& found) {
  Pkcs11Key out;
  out.uri = Uri::of_key(token, found.id, found.label);
  if (out.uri.size() > limits::uri_bytes) out.uri = Uri::of_key(token, found.id, {});
  if (out.uri.size() > limits::uri_bytes) return std::nullopt;
  out.token_uri = Uri::of_token(token);
  out.label = std::move(found.shown_name);
  out.public_key = std::move(found.public_key);
  out.always_authenticate = found.always_authenticate;
  return out;
}

/// Those that serve `purpose`; nothing: all.
void append_keys(std::vector<Pkcs11Key>& out, Connection& connection, const OpenToken& token, const Uri& uri,
                 std::optional<Purpose> purpose) {
  const bool all_visible = token.logged_in || !token.has(CKF_LOGIN_REQUIRED);
  const Purpose first = purpose.value_or(Purpose::signing);
  for (FoundKey& found : find_keys(connection.session(token), uri, all_visible, first)) {
    if (out.size() == limits::pkcs11_keys) return;
    if (purpose && !(*purpose == Purpose::signing ? found.signs : found.opens)) continue;
    if (std::optional<Pkcs11Key> key = as_key(token.token.info, found)) out.push_back(std::move(*key));
  }
}

bool takes_pin(const SlotToken& token) { return (token.info.flags & CKF_LOGIN_REQUIRED) != 0; }

}  // namespace

std::vector<Pkcs11Key> list_keys(Connection& connection, const std::string& uri_text, const SecretBytes& pin,
                                 Purpose purpose) {
  const Uri uri(uri_text);
  std::vector<SlotToken> tokens = connection.tokens(uri);
  std::erase_if(tokens, [](const SlotToken& token) { return (token.info.flags & CKF_TOKEN_INITIALIZED) == 0; });
  const auto takers = std::count_if(tokens.begin(), tokens.end(), takes_pin);
  if (!pin.empty() && takers > 1) {
    throw Error(Errc::refused, "a PIN is for one token, and the URI names " + std::to_string(takers) +
                                   ": add what tells them apart, as serial=…");
  }
  if (tokens.empty()) throw Error(Errc::not_found, "no token is there that the URI names: " + uri_text);
  std::vector<Pkcs11Key> out;
  for (const SlotToken& token : tokens) {
    try {
      OpenToken& open = connection.open(token);
      connection.announce();
      if (!pin.empty() && takes_pin(token)) connection.login_anew(open, pin);
      append_keys(out, connection, open, uri, purpose);
    } catch (const Error&) {
      // One token that fails does not hide the others.
      if (tokens.size() == 1 || !pin.empty()) throw;
    }
  }
  return out;
}

Pkcs11Key listed_key(Connection& connection, OpenToken& token, ByteView key_blob) {
  std::vector<Pkcs11Key> keys;
  append_keys(keys, connection, token, Uri("pkcs11:"), std::nullopt);
  for (Pkcs11Key& key : keys) {
    if (equal(key.public_key.blob, key_blob)) return std::move(key);
  }
  throw Error(Errc::not_found, "the token does not list the key that was just put there");
}

}  // namespace fob::pkcs11
