#include "cli/remote_json.h"

#include <nlohmann/json.hpp>

#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/key_file/public_key_file.h"

namespace fob::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Bytes that are no UTF-8 become U+FFFD.
std::string dumped(const Json& value) {
  return value.dump(2, ' ', true, nlohmann::detail::error_handler_t::replace) + "\n";
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json signature_json(const Sshsig& sshsig, const std::string& key_name) {
  return {{"namespace", sshsig.signature_namespace}, {"hash", sshsig_hash_name(sshsig.hash)},
          {"key", text_or_null(key_name)},           {"type", sshsig.key.type_name()},
          {"fingerprint", fingerprint(sshsig.key)},  {"public_key", public_key_line(sshsig.key, "")}};
}

}  // namespace

std::string json_of_signed(const Sshsig& sshsig, const std::string& key_name, const std::string& path) {
  Json out = signature_json(sshsig, key_name);
  out["path"] = text_or_null(path);
  out["signature"] = sshsig.text();
  return dumped(out);
}

std::string json_of_verified(const Sshsig& sshsig, const std::string& key_name, const std::string& identity) {
  Json out = {{"good", true}};
  out.update(signature_json(sshsig, key_name));
  out["identity"] = text_or_null(identity);
  return dumped(out);
}

std::string json_of(const Authorized& authorized) {
  return dumped({{"key", authorized.key_name},
                 {"place", authorized.place},
                 {"added", authorized.added},
                 {"options", text_or_null(authorized.options)},
                 {"mended", authorized.mended},
                 {"login", authorized.fault.empty()},
                 {"also_wants", authorized.also_wants},
                 {"fault", text_or_null(authorized.fault)}});
}

std::string json_of_git(const std::string& key_name, const std::string& scope,
                        const std::vector<GitSetting>& settings) {
  Json changes = Json::array();
  for (const GitSetting& setting : settings) {
    changes.push_back({{"name", setting.name}, {"before", text_or_null(setting.before)}, {"now", setting.now}});
  }
  return dumped({{"key", key_name}, {"scope", scope}, {"settings", changes}});
}

std::string json_of(const std::vector<Finding>& findings, const std::string& host) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"id", finding.id}, {"what", finding.what}, {"remedy", finding.remedy}});
  }
  return dumped({{"host", text_or_null(host)}, {"findings", list}});
}

}  // namespace fob::cli
