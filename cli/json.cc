#include "cli/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>
#include <sstream>

#include "cli/json_object.h"
#include "cli/key_list.h"
#include "cli/rotated_key.h"
#include "cli/text.h"
#include "cli/token_names.h"
#include "protocol/base64.h"
#include "protocol/fingerprint.h"
#include "protocol/key_file/public_key_file.h"

namespace fob::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Bytes that are no UTF-8 become U+FFFD.
std::string dump(const Json& value) { return value.dump(2, ' ', true, nlohmann::detail::error_handler_t::replace); }
std::string dumped(const Json& value) { return dump(value) + "\n"; }

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
void add_public_key(JsonObject& out, const PublicKey& key, std::string_view comment) {
  out.text("type", key.type_name());
  out.text("public_key", public_key_line(key, comment));
  out.text("fingerprint", fingerprint(key));
  out.text("fingerprint_md5", fingerprint(key, Hash::md5));
  if (is_sk(key.kind)) out.text("application", key.application);
  if (!is_sk(key.kind)) out.null("application");
}

void add_flags(JsonObject& out, std::uint8_t sk_flags) {
  out.flag("touch", (sk_flags & flag_touch) != 0);
  out.flag("pin", (sk_flags & flag_pin) != 0);
  out.flag("resident", (sk_flags & flag_resident) != 0);
}

void add_key(JsonObject& out, const control::Key& key) {
  out.text_or_null("name", key.name);
  out.text("where", key.where);
  out.text_or_null("token", key.token);
  out.text_or_null("uri", key.uri);
  out.text("comment", key.comment);
  add_public_key(out, key.public_key, key.comment);
  add_flags(out, is_sk(key.public_key.kind) ? key.sk_flags : std::uint8_t{0});
  out.flag("confirm", key.confirm);
  out.flag("loaded", key.loaded);
  if (key.created != 0) out.number("created", key.created);
  if (key.created == 0) out.null("created");
  out.texts("services", key.services);
}

std::string key_json(const control::Key& key, const std::string& indent) {
  JsonObject out(indent);
  add_key(out, key);
  return out.take();
}

std::string file_json(const FolderKey& file, const std::string& indent) {
  JsonObject out(indent);
  const bool is_private = file.private_format.has_value();
  out.text("path", file.path);
  out.flag("private", is_private);
  out.text("format", file.format_name());
  out.value("encrypted", is_private ? dump(file.encrypted) : "null");
  out.text("comment", file.comment);
  out.text_or_null("type", file.key ? file.key->type_name() : "");
  out.value("bits", file.key ? std::to_string(file.key->bits()) : "null");
  out.text_or_null("fingerprint", file.key ? fingerprint(*file.key) : "");
  out.flag("certificate", file.key && file.key->is_certificate());
  out.value("in_agent", dump(value_or_null(file.in_agent)));
  return out.take();
}

std::string problem_json(const FolderProblem& problem, const std::string& indent) {
  JsonObject out(indent);
  out.text("path", problem.path);
  out.text("fault", problem.fault);
  out.text("remedy", problem.remedy);
  return out.take();
}

/// The code itself is put in when this is printed.
Json recovery_code_json(const SecretBytes& code) { return code.empty() ? Json(nullptr) : Json(""); }

/// `text` as it stands deeper in: its lines are those of dump, for texts in JSON have no line ends.
std::string indented(std::string_view text, const std::string& indent) {
  std::string out;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    out.append(text.substr(0, end + 1)).append(indent);
    text.remove_prefix(end + 1);
  }
  return out.append(text);
}

std::string kept_json(const control::Kept& kept, const std::string& indent) {
  JsonObject out(indent);
  add_key(out, kept.key);
  out.text("challenge", encode_base64(kept.challenge));
  Json attestation = nullptr;
  if (!kept.attestation_certificate.empty() || !kept.attestation_signature.empty()) {
    attestation = {{"certificate", encode_base64(kept.attestation_certificate)},
                   {"signature", encode_base64(kept.attestation_signature)},
                   {"authenticator_data", encode_base64(kept.authenticator_data)}};
  }
  out.value("attestation", indented(dump(attestation), out.inner_indent()));
  out.value("recovery_code", dump(recovery_code_json(kept.recovery_code)));
  return out.take();
}

Json slot_json(const control::Slot& slot) {
  return {{"id", slot.id},
          {"kind", name_of(slot.kind)},
          {"name", text_or_null(slot.name)},
          {"uri", text_or_null(slot.uri)},
          {"touch", slot.kind == KeyslotKind::fido},
          {"pin", slot.pin},
          {"created", slot.created == 0 ? Json(nullptr) : Json(slot.created)}};
}

std::string resident_json(const control::Resident& key, const std::string& indent) {
  JsonObject out(indent);
  if (!is_sk(key.public_key.kind)) {
    out.text("label", key.user);
    out.text("uri", as_text(key.key_handle));
    add_public_key(out, key.public_key, key.user);
    return out.take();
  }
  out.text("user", key.user);
  add_public_key(out, key.public_key, key.user);
  add_flags(out, key.sk_flags);
  out.text("key_handle", encode_base64(key.key_handle));
  return out.take();
}

/// As many bytes of a list are written at a time: a list of ten thousand keys takes seven megabytes.
constexpr std::size_t chunk_bytes = 64 * 1024;

template <class Entry>
void write_array(std::ostream& out, const std::vector<Entry>& entries,
                 std::string (*to_json)(const Entry&, const std::string& indent), const std::string& indent = "") {
  const std::string inner = indent + "  ";
  std::string chunk = "[";
  for (const Entry& entry : entries) {
    chunk.append(&entry == entries.data() ? "\n" : ",\n").append(inner).append(to_json(entry, inner));
    if (chunk.size() >= chunk_bytes) {
      out << chunk;
      chunk.clear();
    }
  }
  out << chunk << (entries.empty() ? "]" : "\n" + indent + "]");
}

}  // namespace

std::string json_of(const control::Tokens& tokens) {
  const std::vector<std::string> names = on_names(tokens.tokens);
  Json out = Json::array();
  for (std::size_t i = 0; i < names.size(); ++i) out.push_back(token_json(tokens.tokens[i], names[i]));
  return dumped(out);
}

void write_json(std::ostream& out, const control::Keys& keys) {
  write_array(out, keys.keys, key_json);
  out << '\n';
}

void write_json(std::ostream& out, const control::Residents& residents) {
  write_array(out, residents.keys, resident_json);
  out << '\n';
}

std::string json_of(const control::Key& key) { return key_json(key, "") + "\n"; }

void write_json(std::ostream& out, const AllKeys& all) {
  out << "{\n  \"fault\": " << dump(text_or_null(all.fault))
      << ",\n  \"vault_locked\": " << dump(all.agent ? Json(all.agent->vault_locked) : Json(nullptr))
      << ",\n  \"keys\": ";
  if (all.agent) write_array(out, all.agent->keys, key_json, "  ");
  if (!all.agent) out << "null";
  out << ",\n  \"folder\": " << dump(all.folder.path) << ",\n  \"files\": ";
  write_array(out, all.folder.keys, file_json, "  ");
  out << ",\n  \"problems\": ";
  write_array(out, all.folder.problems, problem_json, "  ");
  out << "\n}\n";
}

std::string json_of(const control::Kept& kept) { return kept_json(kept, "") + "\n"; }
std::string json_of(const std::vector<control::Kept>& kept) {
  std::ostringstream out;
  write_array(out, kept, kept_json);
  return out.str() + "\n";
}

std::string json_of(const control::Attested& attested, const std::string& name) {
  Json certificates = Json::array();
  for (const Bytes& certificate : attested.certificates) certificates.push_back(encode_base64(certificate));
  return dumped({{"name", name}, {"certificates", certificates}, {"issuers_checked", false}});
}

std::string json_of(const control::Slots& slots) {
  Json list = Json::array();
  for (const control::Slot& slot : slots.slots) list.push_back(slot_json(slot));
  return dumped({{"exists", slots.exists}, {"locked", slots.locked}, {"path", slots.path}, {"slots", list}});
}

std::string json_of(const control::SlotAdded& added) {
  Json out = slot_json(added.slot);
  out["recovery_code"] = recovery_code_json(added.recovery_code);
  return dumped(out);
}

std::string json_of(const control::BackedUp& backed_up, const std::string& path) {
  return dumped({{"done", true}, {"backed_up", path}, {"keys", backed_up.key_count}});
}

std::string json_of_done(const std::string& what, const std::string& name) {
  return dumped({{"done", true}, {what, name}});
}

std::string json_of(const RotatedKey& rotated) {
  Json places = Json::array();
  for (const KnownPlace& place : rotated.places) {
    places.push_back({{"name", place.name},
                      {"paste", text_or_null(place.paste)},
                      {"test", text_or_null(place.test)},
                      {"file", text_or_null(place.file)}});
  }
  JsonObject out;
  out.value("old", key_json(rotated.old, out.inner_indent()));
  out.value("new", kept_json(rotated.fresh, out.inner_indent()));
  out.value("places", indented(dump(places), out.inner_indent()));
  out.text("then", rotated.ending());
  return out.take() + "\n";
}

std::string json_line_of(const control::Activity& activity) {
  Json uses = Json::array();
  for (const control::KeyUse& use : activity.uses) {
    uses.push_back({{"time", use.time},
                    {"key", use.key},
                    {"purpose", use.purpose},
                    {"programs", text_or_null(use.programs)},
                    {"fault", text_or_null(use.fault)}});
  }
  const Json out = {{"agent_locked", activity.agent_locked},
                    {"vault_locked", activity.vault_locked},
                    {"keys", activity.keys},
                    {"tokens", activity.tokens},
                    {"waiting", activity.waiting},
                    {"uses", uses}};
  return out.dump(-1, ' ', true, nlohmann::detail::error_handler_t::replace) + "\n";
}

std::string json_of_state(const std::string& socket, const std::string& fault, std::size_t tokens, std::size_t keys,
                          const std::string& vault) {
  return dumped({{"agent", text_or_null(socket)},
                 {"fault", text_or_null(fault)},
                 {"tokens", tokens},
                 {"keys", keys},
                 {"vault", text_or_null(vault)}});
}

}  // namespace fob::cli
