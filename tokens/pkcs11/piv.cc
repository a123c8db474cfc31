#include "tokens/pkcs11/piv.h"

#include <algorithm>

#include "protocol/error.h"
#include "tokens/pkcs11/piv_card.h"
#include "tokens/pkcs11/piv_slot.h"
#include "tokens/pkcs11/token_info.h"
#include "tokens/pkcs11/verbs.h"

namespace fob::pkcs11 {
namespace {

std::optional<PivModule> piv_module_of(const SlotToken& token) {
  return pkcs11::piv_module_of(manufacturer_of(token.info), model_of(token.info));
}

std::string reader_of(const SlotToken& token) {
  const std::optional<std::string> reader = reader_of_slot(slot_of(token.slot_info));
  if (reader) return *reader;
  throw Error(Errc::refused, "it is not clear which reader holds the card; leave only the right one plugged in");
}

/// A YubiKey's module tells its serial number: what gets the PIN and the management key must be that card.
void refuse_another_card(PivCard& card, const SlotToken& token) {
  const std::string wanted = serial_of(token.info);
  const std::optional<std::uint32_t> found = card.serial();
  const bool is_number = !wanted.empty() && wanted.find_first_not_of("0123456789") == std::string::npos;
  if (!found || !is_number || wanted.find_first_not_of('0') == std::string::npos) return;
  if (wanted.substr(wanted.find_first_not_of('0')) == std::to_string(*found)) return;
  throw Error(Errc::refused, "the card in the reader has another serial number now: " + std::to_string(*found));
}

/// What it is about: the token, and the PIV slot of the key that a URI names.
struct Place {
  SlotToken token;
  std::string slot;
};

/// Refused unless the slot holds the key of this blob.
Place place_of(Connection& connection, const std::string& text, ByteView key_blob) {
  Place out;
  out.token = connection.one_token(text);
  std::vector<FoundKey> found = find_keys(connection.session(connection.open(out.token)), Uri(text), false);
  std::erase_if(found, [&](const FoundKey& key) { return !equal(key.public_key.blob, key_blob); });
  if (found.empty()) throw Error(Errc::refused, "another key is there now, or none; nothing was done");
  const std::optional<std::string> slot = piv_slot_of_id(*piv_module_of(out.token), found[0].id);
  if (!slot) throw Error(Errc::not_found, "the card has no slot of this id");
  out.slot = *slot;
  return out;
}

/// The card, with the library out of the way.
PivCard freed_card(Connection& connection, const SlotToken& token) {
  connection.pin_is_sent();  // nothing of this is tried again by itself
  connection.close();
  PivCard card(reader_of(token), [&connection] { connection.announce_card(); });
  refuse_another_card(card, token);
  return card;
}

/// The module's view of a key that has just come onto a card: it is in the same reader, but may have another label.
Pkcs11Key seen_by_module(Connection& connection, const SlotToken& before, const PublicKey& key) try {
  for (const SlotToken& token : connection.tokens(Uri("pkcs11:"))) {
    if (slot_of(token.slot_info) == slot_of(before.slot_info) && piv_module_of(token)) {
      return listed_key(connection, connection.open(token), key.blob);
    }
  }
  throw Error(Errc::removed, "the card is gone");
} catch (const Error& error) {
  throw Error(error.code(),
              std::string("key and certificate are on the card, but its module does not show them: ") + error.what());
}

void check_slot(const Pkcs11NewKey& wanted) {
  if (wanted.slot.empty()) throw Error(Errc::refused, "a PIV card wants a slot: 9a, 9c, 9d, 9e, or 82 to 95");
}

}  // namespace

bool is_piv(Connection& connection, const std::string& uri) {
  return piv_module_of(connection.one_token(uri)).has_value();
}

Pkcs11Key generate_on_piv(Connection& connection, const Pkcs11NewKey& wanted, const Pkcs11Secrets& secrets) {
  Pkcs11NewKey placed = wanted;
  // Its slot for key management (SP 800-73-4 part 1 table 4b).
  if (placed.opens_secrets && placed.slot.empty()) placed.slot = "9d";
  check_slot(placed);
  const SlotToken token = connection.one_token(placed.token);
  const PublicKey made = freed_card(connection, token).generate(placed, secrets);
  return seen_by_module(connection, token, made);
}

Pkcs11Key store_on_piv(Connection& connection, const Pkcs11NewKey& wanted, const PrivateKey& key,
                       const Pkcs11Secrets& secrets) {
  check_slot(wanted);
  const SlotToken token = connection.one_token(wanted.token);
  const PublicKey stored = freed_card(connection, token).store(wanted, key, secrets);
  return seen_by_module(connection, token, stored);
}

void remove_from_piv(Connection& connection, const std::string& uri, ByteView key_blob, const Pkcs11Secrets& secrets) {
  const Place place = place_of(connection, uri, key_blob);
  freed_card(connection, place.token).remove(place.slot, secrets);
}

std::vector<Bytes> attest_on_piv(Connection& connection, const std::string& uri, ByteView key_blob) {
  const Place place = place_of(connection, uri, key_blob);
  return freed_card(connection, place.token).attest(place.slot);
}

void unblock_piv(Connection& connection, const std::string& uri, const SecretBytes& puk, const SecretBytes& new_pin) {
  const SlotToken token = connection.one_token(uri);
  freed_card(connection, token).unblock_pin(puk, new_pin);
}

}  // namespace fob::pkcs11
