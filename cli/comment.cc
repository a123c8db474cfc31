#include <filesystem>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/file.h"
#include "cli/plain_file.h"
#include "cli/read_key_file.h"
#include "cli/text.h"
#include "protocol/key_file/public_key_file.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  std::string key;  ///< a name, or a file
  std::string comment;
};

bool is_file(const std::string& key) { return key.find('/') != std::string::npos; }

std::string check_key(const std::string& key) {
  if (is_file(key)) return {};
  const std::string fault = check_name_option(key);
  return fault.empty() ? fault : fault + "; a file is meant by a path with a slash: ./" + key;
}

void define(Command command, Options& options) {
  add_json(command, options.json);
  command
      .add_option("KEY", options.key, "the key's name, or a key file of OpenSSH or PuTTY, named with a slash: ./id_rsa")
      .required()
      .check(check_key);
  command.add_option("TEXT", options.comment, "its comment from now on").required().check(check_comment_option);
}

control::Key change(control::ChangeKey request) {
  const std::string name = request.name;
  try {
    return changed_key(std::move(request));
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
    throw Error(error.code(), std::string(error.what()) + "; a key file is named with a slash: ./" + name);
  }
}

void change_kept(const Options& options) {
  control::ChangeKey request;
  request.name = options.key;
  request.comment = options.comment;
  const control::Key key = change(std::move(request));
  std::cout << (options.json ? json_of(key) : "The comment of " + key.name + " is now: " + shown(key.comment) + '\n');
}

/// The one line of it, if that is what the file holds.
bool is_one_key(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return text.find('\n') == std::string_view::npos;
}

/// Returns whether there is a public key beside to change. Says so where it is another one.
bool change_public(const std::string& path, const PublicKey& key, const std::string& comment) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return false;
  const std::string stays = shown(path) + " stays as it is: ";
  try {
    const PlainFile file = read_plain_file(path, limits::key_file_bytes);
    const PublicKeyFile beside = parse_public_key_file(as_text(file.text));
    if (!equal(beside.key.plain_blob(), key.blob)) throw Error(Errc::refused, "it is of another key");
    if (beside.format != PublicKeyFormat::openssh) throw Error(Errc::unsupported, "it is not in OpenSSH's format");
    if (!is_one_key(as_text(file.text))) throw Error(Errc::refused, "it holds more than this key");
    const std::string options = beside.options + (beside.options.empty() ? "" : " ");
    const std::string changed = options + public_key_line(beside.key, comment) + '\n';
    rewrite_file(path, as_bytes(changed), file.status.st_mode & 0777, file.status);
    return true;
  } catch (const Error& fault) {
    std::cerr << stays << shown(fault.what()) << '\n';
    return false;
  }
}

void refuse_without_comments(const KeyFileInPlace& file, const std::string& named) {
  if (file.info.format == KeyFileFormat::openssh || file.info.format == KeyFileFormat::ppk) return;
  throw Error(Errc::unsupported, shown(named) + " is in the format " + std::string(name_of(file.info.format)) +
                                     ", which has no place for a comment; the line of its public key, in " +
                                     shown(named) + ".pub, has one");
}

void change_file(const Options& options) {
  const KeyFileInPlace file = key_file_in_place(options.key);
  refuse_without_comments(file, options.key);
  OpenKeyFile open = open_key_file(as_text(file.text), options.key);
  open.content.comment = options.comment;
  rewrite_file(file.path, rewrite_key_file(as_text(file.text), open.content, open.passphrase, KeyFileChange::comment),
               file.mode, file.status);
  const bool both = change_public(file.path + ".pub", open.content.key.public_key, options.comment);
  if (options.json) {
    std::cout << json_of_done("changed", options.key);
  } else {
    std::cout << "The comment in " << shown(file.path) << (both ? " and " + shown(file.path) + ".pub" : "")
              << " is now: " << options.comment << '\n';
  }
}

void run(const Options& options) { return is_file(options.key) ? change_file(options) : change_kept(options); }

}  // namespace

void add_comment(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "comment", "change the comment of a key, or of a key file", define, run);
}

}  // namespace fob::cli
