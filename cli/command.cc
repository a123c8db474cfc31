#include "cli/command.h"

#include "cli/agent_connection.h"
#include "cli/pkcs11_uri.h"
#include "cli/text.h"
#include "protocol/limits.h"
#include "protocol/pkcs11_info.h"

namespace fob::cli {
std::string check_on_option(const std::string& on) {
  if (is_pkcs11_uri(on)) return check_uri_option(on);
  if (on.size() <= limits::token_id_bytes) return {};
  return "no token has a name of " + std::to_string(on.size()) + " bytes";
}

std::string check_name_option(const std::string& name) {
  try {
    control::check_key_name(name);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

std::string check_comment_option(const std::string& comment) {
  if (comment.size() > limits::comment_bytes) {
    return "a comment of " + std::to_string(comment.size()) + " bytes is too long, at most " +
           std::to_string(limits::comment_bytes) + " are kept";
  }
  if (shown(comment) != comment) return "a comment is one line, without control characters";
  return {};
}

void add_json(Command command, bool& json) { command.add_flag("--json", json, "print JSON"); }
void add_json(Command command) { command.add_flag("--json", "print JSON"); }
bool json_above(Command command) { return command.is_given_above("--json"); }

void add_on(Command command, std::string& on) {
  command
      .add_option(
          "--on", on,
          "the token: fido (the only FIDO2 token), an id that fob tokens shows, or a PKCS#11 URI that means one")
      .type_name("TOKEN")
      .check(check_on_option)
      .capture_default_str();
}

void add_confirm_and_service(Command command, bool& confirm, std::vector<std::string>& services) {
  command.add_flag("--confirm", confirm, "each use is to be confirmed by a person");
  const auto take = [&services](const std::vector<std::string>& names) {
    try {
      control::check_services(names);
    } catch (const Error& error) {
      throw UsageError(error.what());
    }
    services = names;
  };
  command
      .add_list_function("--service", take,
                         "where the public key will be given, as a note: github.com; may be given several times")
      .type_name("NAME");
}

control::Key key_named(const std::string& name) {
  return key_named(ask_agent_for<control::Keys>(control::ListKeys{}), name);
}

const control::Key& key_named(const control::Keys& keys, const std::string& name) {
  for (const control::Key& key : keys.keys) {
    if (key.name == name) return key;
  }
  throw Error(Errc::not_found, "no key is named " + name + ": fob list shows which there are");
}

control::Key changed_key(control::ChangeKey change) {
  auto reply = ask_agent_for<control::Keys>(std::move(change));
  if (reply.keys.size() == 1) return std::move(reply.keys[0]);
  throw Error(Errc::malformed, "the agent says " + std::to_string(reply.keys.size()) + " keys where it changed one");
}

}  // namespace fob::cli
