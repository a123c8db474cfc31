#include "cli/services.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "cli/home.h"
#include "cli/plain_file.h"
#include "cli/text.h"
#include "protocol/control_request.h"
#include "protocol/error.h"

namespace fob::cli {
namespace {

/// The file of this folder.
constexpr std::string_view built_in =
#include "cli/services.inc"
    ;

constexpr std::size_t file_bytes = 64 * 1024;

/// Empty where there is none.
std::vector<Service> own_services() {
  const std::string path = config_file("services.toml");
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR)) return {};
  const PlainFile file = read_plain_file(path, file_bytes);
  return parse_services(path, as_text(file.text));
}

const Service* find(const std::vector<Service>& services, const std::string& name) {
  const auto found =
      std::find_if(services.begin(), services.end(), [&](const Service& each) { return each.name == name; });
  return found == services.end() ? nullptr : &*found;
}

}  // namespace

bool Service::accepts(KeyKind kind) const { return std::find(kinds.begin(), kinds.end(), kind) != kinds.end(); }

std::optional<KeyKind> Service::first_kind(bool of_fido2_token) const {
  const auto found =
      std::find_if(kinds.begin(), kinds.end(), [&](KeyKind kind) { return is_sk(kind) == of_fido2_token; });
  return found == kinds.end() ? std::nullopt : std::optional(*found);
}

Service service_named(const std::string& name) {
  const std::vector<Service> own = own_services();
  if (const Service* found = find(own, name)) return *found;
  const std::vector<Service> known = parse_services("services.toml", built_in);
  if (const Service* found = find(known, name)) return *found;
  std::set<std::string> names;
  for (const auto* services : {&known, &own}) {
    for (const Service& service : *services) names.insert(service.name);
  }
  throw Error(Errc::not_found, "no service " + shown(name) +
                                   " is known; there are: " + joined({names.begin(), names.end()}) +
                                   "; others go into " + shown(config_file("services.toml")));
}

void check_accepted(const Service& service, KeyKind kind, unsigned rsa_bits) {
  if (!service.accepts(kind)) {
    throw Error(Errc::unsupported, service.title + " takes no keys of the type " + type_word(kind) +
                                       ", but of: " + joined(type_words(service.kinds)));
  }
  if (kind == KeyKind::rsa && rsa_bits < service.rsa_min_bits) {
    throw Error(Errc::unsupported, service.title + " takes RSA keys from " + std::to_string(service.rsa_min_bits) +
                                       " bits on, and this one has " + std::to_string(rsa_bits));
  }
}

std::string place_at(const Service& service, const std::string& account) {
  std::string out = account.empty() ? service.name : service.name + "/" + account;
  control::check_services({out});
  return out;
}

std::string place_of_other_account(const control::Key& key, const Service& service, const std::string& account) {
  if (!service.one_account) return "";
  for (const std::string& place : key.services) {
    if (place.starts_with(service.name + "/") && place != place_at(service, account)) return place;
  }
  return "";
}

std::string label_for(const Service& service, const std::string& key_name) {
  std::string out = key_name;
  if (service.label_also) {
    const auto may_stand = [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             service.label_also->find(c) != std::string::npos;
    };
    std::replace_if(
        out.begin(), out.end(), [&](char c) { return !may_stand(c); },
        service.label_also->empty() ? '0' : service.label_also->front());
  }
  if (service.label_bytes != 0) out.resize(std::min(out.size(), service.label_bytes));
  return out;
}

}  // namespace fob::cli
