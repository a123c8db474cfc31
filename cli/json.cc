#include "cli/json.h"

#include <nlohmann/json.hpp>

#include "cli/text.h"
#include "cli/token_names.h"
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

Json pin_json(const TokenInfo& info) {
  return {{"possible", info.takes_pin},
          {"set", info.pin_set},
          {"tries_left", value_or_null(info.pin_tries)},
          {"min_length", info.min_pin_length},
          {"change_due", info.pin_change_due}};
}

void add_fido2(Json& out, const TokenInfo& info) {
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
}

/// PKCS#11 tells no number of tries but the last one and none.
Json pin_json(const Pkcs11TokenInfo& info) {
  Json tries = nullptr;
  if (info.pin_final_try) tries = 1;
  if (info.pin_locked) tries = 0;
  return {{"needed", info.login_required},
          {"set", info.pin_set},
          {"tries_left", tries},
          {"wrong_before", info.pin_count_low},
          {"locked", info.pin_locked},
          {"at_reader", info.pin_pad},
          {"min_length", info.min_pin_length},
          {"max_length", info.max_pin_length}};
}

void add_pkcs11(Json& out, const Pkcs11TokenInfo& info) {
  out["uri"] = info.uri;
  out["label"] = info.label;
  out["manufacturer"] = info.manufacturer;
  out["model"] = info.model;
  out["slot"] = info.slot;
  out["firmware"] = text_or_null(info.firmware);
  out["types"] = type_words(info.key_kinds);
  out["rsa_bits"] = {{"min", info.rsa_min_bits}, {"max", info.rsa_max_bits}};
  out["pin"] = pin_json(info);
  out["piv"] = info.is_piv;
  out["removable"] = info.removable;
  out["initialized"] = info.initialized;
  out["write_protected"] = info.write_protected;
}

Json token_json(const control::Token& token, const std::string& on_name) {
  Json out{{"id", token.id},     {"product", token.product},           {"serial", text_or_null(token.serial)},
           {"path", token.path}, {"fault", text_or_null(token.fault)}, {"kind", is_fido2(token) ? "fido2" : "pkcs11"},
           {"on", on_name}};
  if (!token.fault.empty()) return out;
  if (token.pkcs11) {
    add_pkcs11(out, *token.pkcs11);
  } else {
    add_fido2(out, token.info);
  }
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
           {"uri", text_or_null(key.uri)},
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
  if (!is_sk(key.public_key.kind)) {
    out["label"] = key.user;
    out["uri"] = std::string(as_text(key.key_handle));
    out.update(public_key_json(key.public_key, key.user));
    return out;
  }
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

std::string json_of(const control::Tokens& tokens) {
  const std::vector<std::string> names = on_names(tokens.tokens);
  Json out = Json::array();
  for (std::size_t i = 0; i < names.size(); ++i) out.push_back(token_json(tokens.tokens[i], names[i]));
  return dumped(out);
}

std::string json_of(const control::Keys& keys) { return list_of(keys.keys, key_json); }
std::string json_of(const control::Residents& residents) { return list_of(residents.keys, resident_json); }
std::string json_of(const control::Key& key) { return dumped(key_json(key)); }

std::string json_of(const control::Kept& kept) { return dumped(kept_json(kept)); }
std::string json_of(const std::vector<control::Kept>& kept) { return list_of(kept, kept_json); }

std::string json_of(const control::Attested& attested, const std::string& name) {
  Json certificates = Json::array();
  for (const Bytes& certificate : attested.certificates) certificates.push_back(to_base64(certificate));
  return dumped({{"name", name}, {"certificates", certificates}, {"issuers_checked", false}});
}

std::string json_of_done(const std::string& what, const std::string& name) {
  return dumped({{"done", true}, {what, name}});
}

std::string json_of_state(const std::string& socket, const std::string& fault, std::size_t tokens, std::size_t keys) {
  return dumped({{"agent", text_or_null(socket)}, {"fault", text_or_null(fault)}, {"tokens", tokens}, {"keys", keys}});
}

}  // namespace fob::cli
