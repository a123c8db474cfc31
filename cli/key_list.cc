#include "cli/key_list.h"

#include <iostream>
#include <unordered_map>

#include "cli/agent_connection.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "protocol/error.h"
#include "protocol/fingerprint.h"

namespace fob::cli {
namespace {

/// The agent's keys, found by their blobs.
class ByBlob {
 public:
  explicit ByBlob(const std::optional<control::Keys>& keys) {
    if (!keys) return;
    keys_.reserve(keys->keys.size());
    for (const control::Key& key : keys->keys) keys_.emplace(as_text(key.public_key.blob), &key);
  }

  bool has(const PublicKey& key) const { return keys_.contains(as_text(key.blob)); }
  /// What the agent calls it; "yes" where it has no name; "no".
  std::string name_of(const std::optional<PublicKey>& key) const {
    if (!key) return "";
    const auto found = keys_.find(as_text(key->blob));
    if (found == keys_.end()) return "no";
    return found->second->name.empty() ? "yes" : shown(found->second->name);
  }

 private:
  std::unordered_map<std::string_view, const control::Key*> keys_;
};

AllKeys find_all_keys() {
  AllKeys out;
  try {
    out.agent = ask_agent_for<control::Keys>(control::ListKeys{});
  } catch (const Error& error) {
    out.fault = error.what();
  }
  const ByBlob known(out.agent);
  // Without an agent nobody knows whether it has the private key.
  out.folder = look_into_ssh_folder([&](const PublicKey& key) { return !out.agent || known.has(key); });
  for (FolderKey& file : out.folder.keys) {
    if (out.agent && file.key) file.in_agent = known.has(*file.key);
  }
  return out;
}

std::string where_of(const control::Key& key) {
  const std::string where = shown(key.where) + (key.token.empty() ? "" : " " + shown(key.token));
  return key.loaded ? where : where + " (not loaded)";
}

void print_folder(const AllKeys& all) {
  const SshFolder& folder = all.folder;
  if (folder.keys.empty()) {
    std::cout << (folder.exists ? "No keys in " : "There is no ") << shown(folder.path) << '\n';
    return;
  }
  std::cout << bold("In " + shown(folder.path)) << '\n';
  const ByBlob known(all.agent);
  Table table({"FILE", "TYPE", "BITS", "FORMAT", "ENCRYPTED", "IN AGENT", "FINGERPRINT", "COMMENT"});
  for (const FolderKey& file : folder.keys) {
    const bool is_private = file.private_format.has_value();
    table.add({shown(file.path.substr(folder.path.size() + 1)), file.key ? file.key->display_type() : "",
               file.key ? std::to_string(file.key->bits()) : "", file.format_name() + (is_private ? "" : ", public"),
               is_private ? (file.encrypted ? "yes" : "no") : "", all.agent ? known.name_of(file.key) : "",
               file.key ? fingerprint(*file.key) : "", shown(file.comment)});
  }
  table.print(std::cout);
}

void print_problems(const SshFolder& folder) {
  if (folder.problems.empty()) return;
  std::cout << '\n' << bold("What is wrong") << '\n';
  for (const FolderProblem& problem : folder.problems) {
    std::cout << problem.path << ": " << problem.fault << "\n    " << problem.remedy << '\n';
  }
}

}  // namespace

void print_keys(const control::Keys& keys) {
  if (keys.keys.empty()) {
    std::cerr << "There are no keys yet: fob new NAME makes one.\n";
    return;
  }
  Table table({"NAME", "TYPE", "WHERE", "NEEDS", "FINGERPRINT", "COMMENT"});
  for (const control::Key& key : keys.keys) {
    table.add({shown(key.name), key.public_key.display_type(), where_of(key), needs_of(key),
               fingerprint(key.public_key), shown(key.comment)});
  }
  table.print(std::cout);
  if (keys.vault_locked) std::cerr << "The vault is locked: the first use asks for it, or: fob unlock\n";
}

void show_all_keys(bool json) {
  const AllKeys all = find_all_keys();
  if (json) {
    write_json(std::cout, all);
    return;
  }
  if (all.agent) {
    std::cout << bold("In the agent") << '\n' << std::flush;
    print_keys(*all.agent);
  } else {
    std::cout << "No agent: " << shown(all.fault) << '\n';
  }
  std::cout << '\n';
  print_folder(all);
  print_problems(all.folder);
}

}  // namespace fob::cli
