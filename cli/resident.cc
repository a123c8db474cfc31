#include <algorithm>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/pkcs11_uri.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/pkcs11_info.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  std::string on = "fido";
};

struct RemoveOptions : Options {
  bool yes = false;
  std::string key;
};

struct RenameOptions : Options {
  std::string key;
  std::string user;
};

void define(Command command, Options& options) {
  add_json(command, options.json);
  add_on(command, options.on);
}

void define_key(Command command, std::string& key) {
  command
      .add_option("KEY", key,
                  "its fingerprint (or how that begins), application or user; on a PKCS#11 token label or URI")
      .required();
}

void define_remove(Command command, RemoveOptions& options) {
  define(command, options);
  define_key(command, options.key);
  command.add_flag("-y,--yes", options.yes, "do not ask");
}

void define_rename(Command command, RenameOptions& options) {
  define(command, options);
  define_key(command, options.key);
  command.add_option("USER", options.user, "the new user name").required();
}

/// How a key of a PKCS#11 token is named to it.
std::string uri_of(const control::Resident& key) { return std::string(as_text(key.key_handle)); }

std::string described(const control::Resident& key) {
  if (!is_sk(key.public_key.kind)) {
    return (key.user.empty() ? "the key" : shown(key.user)) + " (" + fingerprint(key.public_key) + ")";
  }
  return shown(key.public_key.application) + (key.user.empty() ? "" : " of " + shown(key.user)) + " (" +
         fingerprint(key.public_key) + ")";
}

bool is_meant(const control::Resident& key, const std::string& by) {
  constexpr std::string_view prefix = "SHA256:";
  if (by.starts_with(prefix) && by.size() > prefix.size()) return fingerprint(key.public_key).starts_with(by);
  if (by.empty()) return false;
  if (is_pkcs11_uri(by)) return uri_means_key(by, uri_of(key));
  return key.public_key.application == by || key.user == by;
}

/// The one key that `by` means.
control::Resident find(const Options& options, const std::string& by) {
  control::Residents all = ask_agent_for<control::Residents>(control::ListResident{options.on});
  std::vector<control::Resident*> found;
  for (control::Resident& key : all.keys) {
    if (is_meant(key, by)) found.push_back(&key);
  }
  if (found.empty()) {
    throw Error(Errc::not_found, "no key on the token has that fingerprint or name: " + shown(by) +
                                     "; fob resident list shows which there are");
  }
  if (found.size() > 1) {
    throw Error(Errc::refused, std::to_string(found.size()) + " keys on the token are meant by " + shown(by) +
                                   ": name one by fingerprint");
  }
  return std::move(*found[0]);
}

/// A short one where that means this key only.
std::string uri_among(const control::Resident& key, const control::Residents& all) {
  const std::string uri = uri_of(key);
  const std::string candidate = short_key_uri(uri);
  const auto meant = std::count_if(all.keys.begin(), all.keys.end(), [&](const control::Resident& other) {
    return uri_means_key(candidate, uri_of(other));
  });
  return shown(meant == 1 ? candidate : uri);
}

void print_pkcs11(const control::Residents& reply) {
  Table table({"LABEL", "TYPE", "FINGERPRINT", "URI"});
  for (const control::Resident& key : reply.keys) {
    table.add({shown(key.user), key.public_key.display_type(), fingerprint(key.public_key), uri_among(key, reply)});
  }
  table.print(std::cout);
}

void print_fido2(const control::Residents& reply) {
  Table table({"APPLICATION", "USER", "TYPE", "NEEDS", "FINGERPRINT"});
  for (const control::Resident& key : reply.keys) {
    table.add({shown(key.public_key.application), shown(key.user), key.public_key.display_type(),
               needs_of(key.sk_flags), fingerprint(key.public_key)});
  }
  table.print(std::cout);
}

void run_list(const Options& options) {
  const auto reply = ask_agent_for<control::Residents>(control::ListResident{options.on});
  if (options.json) {
    write_json(std::cout, reply);
  } else if (reply.keys.empty()) {
    std::cerr << "The token holds no resident SSH keys.\n";
  } else if (is_pkcs11_uri(options.on)) {
    print_pkcs11(reply);
  } else {
    print_fido2(reply);
  }
}

void run_remove(const RemoveOptions& options) {
  const control::Resident key = find(options, options.key);
  const std::string what = described(key);
  if (!options.yes && !Terminal().confirms("It cannot be brought back. Delete " + what + " from the token? (yes/no)")) {
    throw Error(Errc::refused, what + " stays: no yes was typed");
  }
  ask_agent_for<control::Done>(control::RemoveResident{options.on, key.key_handle});
  std::cout << (options.json ? json_of_done("removed", fingerprint(key.public_key)) : what + " is deleted.\n");
}

void run_rename(const RenameOptions& options) {
  if (is_pkcs11_uri(options.on)) {
    throw Error(Errc::unsupported,
                "fob renames keys of FIDO2 tokens only: their user names; a PKCS#11 key has a label");
  }
  const control::Resident key = find(options, options.key);
  ask_agent_for<control::Done>(control::RenameResident{options.on, key.key_handle, options.user});
  std::cout << (options.json ? json_of_done("renamed", fingerprint(key.public_key))
                             : described(key) + " is now of " + shown(options.user) + ".\n");
}

}  // namespace

void add_resident(Command fob, Action& chosen) {
  const Command resident =
      fob.add_subcommand("resident", "list, delete or rename the SSH keys stored on a token itself");
  resident.require_subcommand(1, 1);
  add_json(resident);
  add_command<Options>(resident, chosen, "list", "list them", define, run_list);
  add_command<RemoveOptions>(resident, chosen, "remove", "delete one", define_remove, run_remove);
  add_command<RenameOptions>(resident, chosen, "rename", "give one another user name", define_rename, run_rename);
}

}  // namespace fob::cli
