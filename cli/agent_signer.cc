#include "cli/agent_signer.h"

#include <cerrno>
#include <ctime>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/agent_socket.h"
#include "cli/command.h"
#include "cli/frame_socket.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "protocol/limits.h"
#include "protocol/reply.h"

namespace fob::cli {
namespace {

bool wants_touch(const control::Key& key) { return is_sk(key.public_key.kind) && (key.sk_flags & flag_touch) != 0; }

std::string touch_text(const control::Key& key) {
  return "The key " + key.name + " wants a touch: when the token" + (key.token.empty() ? "" : " " + key.token) +
         " blinks, touch it.";
}

std::string names_of(const control::Keys& keys) {
  std::vector<std::string> names;
  for (const control::Key& key : keys.keys) {
    if (!key.name.empty()) names.push_back(key.name);
  }
  return joined(names);
}

control::Key choose(control::Keys& keys, const std::string& name) {
  control::Key* chosen = nullptr;
  std::size_t kept = 0;
  for (control::Key& key : keys.keys) {
    if (key.name.empty()) continue;
    ++kept;
    if (name.empty() || key.name == name) chosen = &key;
  }
  if (kept == 0) throw Error(Errc::not_found, "the agent keeps no key yet: fob new NAME makes one");
  if (chosen == nullptr) throw Error(Errc::not_found, "no key is named " + name + ": there are " + names_of(keys));
  if (name.empty() && kept > 1) {
    throw Error(Errc::not_found, "there are several keys: say which with --key (" + names_of(keys) + ")");
  }
  return std::move(*chosen);
}

Bytes exchange(const Bytes& request, const control::Key& key) {
  const std::string path = agent_socket_path();
  const Descriptor socket = try_connect(path);
  if (socket.get() < 0) throw_system_error("cannot reach the agent at " + shown(path), errno);
  Terminal terminal;
  FrameSocket frames(socket.get(), terminal);
  if (wants_touch(key)) {
    terminal.notice(touch_text(key));
    frames.set_noticing(true);
  }
  frames.send(request);
  Bytes out = frames.receive(limits::message_bytes);
  terminal.notice({});
  return out;
}

std::uint64_t now() { return static_cast<std::uint64_t>(time(nullptr)); }

}  // namespace

control::Key key_to_use(const std::string& name) {
  auto keys = ask_agent_for<control::Keys>(control::ListKeys{});
  control::Key out = choose(keys, name);
  if (out.where == "vault" && keys.vault_locked) ask_agent_for<control::Done>(control::UnlockVault{});
  return out;
}

Bytes sign_by_agent(const control::Key& key, ByteView data) {
  SignRequest request;
  request.key_blob = key.public_key.blob;
  request.data = data;
  request.flags = key.public_key.kind == KeyKind::rsa ? SignRequest::flag_rsa_sha2_512 : 0;
  const std::uint64_t started = now();
  Reply reply = parse_reply(exchange(frame_request(request), key));
  if (auto* signed_ = std::get_if<SignResponse>(&reply)) return std::move(signed_->signature);
  const std::string why = last_refusal(started);
  throw Error(Errc::refused, "the agent refused to sign with the key " + key.name + ": " +
                                 (why.empty() ? "its log says why; fob doctor may, too" : why));
}

std::string last_refusal(std::uint64_t since) {
  try {
    const auto activity = ask_agent_for<control::Activity>(control::Watch{});
    if (activity.uses.empty() || activity.uses.front().time < since) return "";
    return shown(activity.uses.front().fault);
  } catch (const Error&) {
    return "";  // an agent of before does not know what was asked
  }
}

void announce_touch(const control::Key& key) {
  if (wants_touch(key)) std::cerr << shown(touch_text(key)) << '\n';
}

}  // namespace fob::cli
