#include "cli/rotated_key.h"

#include <algorithm>
#include <iostream>

#include "cli/hand_over.h"
#include "cli/services.h"
#include "cli/table.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/key_file/public_key_file.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

bool is_taken(const control::Keys& keys, const std::string& name) {
  return std::any_of(keys.keys.begin(), keys.keys.end(), [&](const control::Key& key) { return key.name == name; });
}

/// Notes are free text, of which some begin with the name of a service.
KnownPlace known_place(const std::string& note, const std::string& name) {
  KnownPlace out{note, "", "", ""};
  try {
    const Service service = service_named(note.substr(0, note.find('/')));
    out.paste = service.paste;
    out.test = service.test;
    if (service.private_format) {
      const bool no_passphrase = service.passphrase == Service::Passphrase::none;
      out.file = export_command(service, name, usual_file(service, name), no_passphrase);
    }
  } catch (const Error&) {
    // Nothing is known of it but its name.
  }
  return out;
}

void print_line(const char* what, const std::string& text) {
  if (!text.empty()) std::cout << "    " << what << "  " << shown(text) << '\n';
}

void print_places(const std::vector<KnownPlace>& places) {
  if (places.empty()) {
    std::cout << "\nfob knows of no place that has the old key: put the new public key wherever that is, then\n";
    return;
  }
  std::cout << "\nPut the new public key in the place of the old one at\n";
  for (const KnownPlace& place : places) {
    std::cout << "  " << shown(place.name) << '\n';
    print_line("Where", place.paste);
    if (!place.file.empty()) print_line("File ", "once the old file is away: " + place.file);
    print_line("Test ", place.test);
  }
  std::cout << "then\n";
}

}  // namespace

std::vector<KnownPlace> known_places(const control::Key& old, const std::string& name) {
  std::vector<KnownPlace> out;
  out.reserve(old.services.size());
  for (const std::string& note : old.services) out.push_back(known_place(note, name));
  return out;
}

std::string RotatedKey::ending() const {
  const bool on_token = !old.uri.empty() || (is_sk(old.public_key.kind) && (old.sk_flags & flag_resident) != 0);
  return std::string("fob remove ") + (on_token ? "--from-token " : "") + old.name;
}

std::string free_name(const control::Keys& keys, const std::string& name, const std::string& end) {
  for (unsigned number = 1;; ++number) {
    const std::string tail = end + (number == 1 ? "" : "-" + std::to_string(number));
    const std::string out = name.substr(0, limits::key_name_bytes - tail.size()) + tail;
    if (!is_taken(keys, out)) return out;
  }
}

void print(const RotatedKey& rotated) {
  const control::Key& fresh = rotated.fresh.key;
  Table table({"KEY", "NAME", "TYPE", "FINGERPRINT"});
  table.add({"new", shown(fresh.name), fresh.public_key.display_type(), fingerprint(fresh.public_key)});
  table.add(
      {"old", shown(rotated.old.name), rotated.old.public_key.display_type(), fingerprint(rotated.old.public_key)});
  table.print(std::cout);
  std::cout << '\n' << public_key_line(fresh.public_key, fresh.comment) << '\n';
  print_places(rotated.places);
  std::cout << "  " << rotated.ending() << "\nUntil then both can be used.\n";
}

}  // namespace fob::cli
