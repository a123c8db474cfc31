#include "cli/json.h"

#include <nlohmann/json.hpp>

#include "cli/text.h"
#include "protocol/fingerprint.h"

namespace fob::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Bytes that are no UTF-8 become U+FFFD.
std::string dumped(const Json& value) {
  return value.dump(2, ' ', true, nlohmann::detail::error_handler_t::replace) + "\n";
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

template <class T>
Json value_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json type_words(const std::vector<KeyKind>& kinds) {
  Json out = Json::array();
  for (const KeyKind kind : kinds) out.push_back(type_word(kind));
  return out;
}

Json pin_json(const TokenInfo& info) {
  return {{"possible", info.takes_pin},
          {"set", info.pin_set},
          {"tries_left", value_or_null(info.pin_tries)},
          {"min_length", info.min_pin_length},
          {"change_due", info.pin_change_due}};
}

Json token_json(const control::Token& token) {
  Json out{{"id", token.id},
           {"product", token.product},
           {"serial", text_or_null(token.serial)},
           {"path", token.path},
           {"fault", text_or_null(token.fault)}};
  if (!token.fault.empty()) return out;
  const TokenInfo& info = token.info;
  out["aaguid"] = aaguid_text(info.aaguid);
  out["firmware"] = text_or_null(firmware_text(info.firmware));
  out["versions"] = info.versions;
  out["extensions"] = info.extensions;
  out["transports"] = info.transports;
  out["types"] = type_words(info.key_kinds);
  out["pin"] = pin_json(info);
  out["fido2"] = info.is_fido2;
  out["always_uv"] = info.always_uv;
  out["built_in_uv"] = info.built_in_uv;
  out["resident_keys"] = info.resident_keys;
  out["resident_keys_left"] = value_or_null(info.resident_left);
  out["credential_management"] = info.credential_management;
  out["cred_protect"] = info.cred_protect;
  return out;
}

/// What any kind of list says of a public key.
Json public_key_json(const PublicKey& key, std::string_view comment) {
  return {{"type", key.type_name()},
          {"public_key", public_key_line(key, comment)},
          {"fingerprint", fingerprint(key)},
          {"fingerprint_md5", fingerprint(key, Hash::md5)},
          {"application", is_sk(key.kind) ? Json(key.application) : Json(nullptr)}};
}

void add_flags(Json& out, std::uint8_t sk_flags) {
  out["touch"] = (sk_flags & flag_touch) != 0;
  out["pin"] = (sk_flags & flag_pin) != 0;
  out["resident"] = (sk_flags & flag_resident) != 0;
}

Json key_json(const control::Key& key) {
  Json out{{"name", text_or_null(key.name)},
           {"where", key.where},
           {"token", text_or_null(key.token)},
           {"comment", key.comment}};
  out.update(public_key_json(key.public_key, key.comment));
  add_flags(out, is_sk(key.public_key.kind) ? key.sk_flags : std::uint8_t{0});
  out["confirm"] = key.confirm;
  out["loaded"] = key.loaded;
  out["created"] = key.created == 0 ? Json(nullptr) : Json(key.created);
  return out;
}

Json kept_json(const control::Kept& kept) {
  Json out = key_json(kept.key);
  out["challenge"] = to_base64(kept.challenge);
  out["attestation"] = nullptr;
  if (!kept.attestation_certificate.empty() || !kept.attestation_signature.empty()) {
    out["attestation"] = {{"certificate", to_base64(kept.attestation_certificate)},
                          {"signature", to_base64(kept.attestation_signature)},
                          {"authenticator_data", to_base64(kept.authenticator_data)}};
  }
  return out;
}

Json resident_json(const control::Resident& key) {
  Json out;
  out["user"] = key.user;
  out.update(public_key_json(key.public_key, key.user));
  add_flags(out, key.sk_flags);
  out["key_handle"] = to_base64(key.key_handle);
  return out;
}

template <class Entry>
std::string list_of(const std::vector<Entry>& entries, Json (*to_json)(const Entry&)) {
  Json out = Json::array();
  for (const Entry& entry : entries) out.push_back(to_json(entry));
  return dumped(out);
}

}  // namespace

std::string json_of(const control::Tokens& tokens) { return list_of(tokens.tokens, token_json); }
std::string json_of(const control::Keys& keys) { return list_of(keys.keys, key_json); }
std::string json_of(const control::Residents& residents) { return list_of(residents.keys, resident_json); }
std::string json_of(const control::Key& key) { return dumped(key_json(key)); }

std::string json_of(const control::Kept& kept) { return dumped(kept_json(kept)); }
std::string json_of(const std::vector<control::Kept>& kept) { return list_of(kept, kept_json); }

std::string json_of_done(const std::string& what, const std::string& name) {
  return dumped({{"done", true}, {what, name}});
}

std::string json_of_state(const std::string& socket, const std::string& fault, std::size_t tokens, std::size_t keys) {
  return dumped({{"agent", text_or_null(socket)}, {"fault", text_or_null(fault)}, {"tokens", tokens}, {"keys", keys}});
}

}  // namespace fob::cli
