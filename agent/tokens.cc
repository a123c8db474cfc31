#include "agent/tokens.h"

#include <fcntl.h>

#include <algorithm>

#include "agent/helper_program.h"
#include "agent/log.h"
#include "agent/token_socket.h"
#include "agent/udev_monitor.h"
#include "protocol/error.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

constexpr std::string_view kind_prefix = "fido:";
constexpr char host_name[] = "fob-token-host";

int open_device(const std::string& node) {
  const int descriptor = open(node.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor >= 0) return descriptor;
  if (errno == EACCES || errno == EPERM) {
    throw Error(Errc::refused,
                "no permission to use " + node + ": udev's rules do not give it to you (fob's rules: udev/)");
  }
  if (errno == ENOENT || errno == ENODEV) throw Error(Errc::removed, "the token was unplugged");
  throw_system_error("cannot open " + node, errno);
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// The serial number is the better name; not every token has one, and some have the same.
/// What the device says of itself ends up in shells and tables: an id has plain characters only.
std::string id_of(const std::string& serial, const std::string& path) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  std::string name = serial.empty() ? last_part(path) : serial;
  for (char& c : name) {
    if (plain.find(c) == std::string_view::npos) c = '_';
  }
  return std::string(kind_prefix) + name;
}

std::string ids_of(const std::vector<Tokens::Shared>& tokens) {
  std::string out;
  for (const Tokens::Shared& token : tokens) out += (out.empty() ? "" : ", ") + token->names.id;
  return out;
}

}  // namespace

Tokens::Tokens(asio::io_context& io, const std::vector<Config::Fido::Socket>& sockets) : io_(io) {
  const TokenSocket::Listener listener{
      [this](const Config::Fido::Socket& socket, std::function<int()> open) {
        const std::string product = socket.name.empty() ? last_part(socket.path) : socket.name;
        AttachedToken::Names names{id_of(socket.serial, socket.path), product, socket.serial, socket.path};
        add(std::move(names), {{helper_program(host_name), "fido"}, std::move(open)});
      },
      [this](const Config::Fido::Socket& socket) { remove(socket.path); }};
  for (const Config::Fido::Socket& socket : sockets) {
    try {
      sockets_.push_back(std::make_unique<TokenSocket>(io, socket, listener));
    } catch (const Error& error) {
      log_error("no token can be plugged in at " + socket.path + ": " + error.what());
    }
  }
}

Tokens::~Tokens() = default;

const std::vector<Tokens::Shared>& Tokens::plugged_in() {
  begin();
  return plugged_in_;
}

/// At the first use.
void Tokens::begin() {
  if (std::exchange(begun_, true)) return;
  if (on_first_use) on_first_use();
  try {
    watch();
  } catch (const Error& error) {
    log_error("tokens that are plugged in are not noticed: " + std::string(error.what()));
  }
}

void Tokens::watch() {
  UdevMonitor::Listener listener{
      [this](const UdevMonitor::Device& device) {
        AttachedToken::Names names{id_of(device.serial, device.node), device.product, device.serial, device.node};
        add(std::move(names),
            {{helper_program(host_name), "fido"}, [node = device.node] { return open_device(node); }});
      },
      [this](const std::string& node) { remove(node); }};
  monitor_ = std::make_unique<UdevMonitor>(io_, std::move(listener));
}

Tokens::Shared Tokens::named(const std::string& name) {
  const std::vector<Shared>& all = plugged_in();
  if (all.empty()) throw Error(Errc::not_found, "no token is plugged in");
  if (name == "fido" || name.empty()) {
    if (all.size() == 1) return all.front();
    throw Error(Errc::refused, "several tokens are plugged in: name one of " + ids_of(all) + " (--on)");
  }
  const auto is_meant = [&](const Shared& token) { return token->names.id == name; };
  const auto found = std::find_if(all.begin(), all.end(), is_meant);
  if (found == all.end()) {
    throw Error(Errc::not_found, "no token " + printable(name) + " is plugged in; there is " + ids_of(all));
  }
  return *found;
}

Tokens::Shared Tokens::middleware(const std::string& path) {
  begin();
  Shared& token = middlewares_[path];
  if (!token) {
    // A library has no business with the agent's sockets, nor with the desktop.
    TokenClient::Launch launch{{helper_program(host_name), "sk", path}, nullptr};
    launch.environment = {"SSH_AUTH_SOCK=", "FOB_CONTROL_SOCK=", "DBUS_SESSION_BUS_ADDRESS="};
    token = std::make_shared<AttachedToken>(io_, AttachedToken::Names{path, path, "", path}, std::move(launch));
    token->is_middleware = true;
  }
  return token;
}

void Tokens::forget_pins() {
  for (const Shared& token : plugged_in_) token->pin.forget();
  for (const auto& [path, token] : middlewares_) token->pin.forget();
}

void Tokens::close_all() {
  for (const Shared& token : plugged_in_) token->remove();
  for (const auto& [path, token] : middlewares_) token->remove();
}

std::size_t Tokens::running_hosts() const {
  std::size_t out = 0;
  for (const Shared& token : plugged_in_) out += token->client.is_running() ? 1U : 0U;
  for (const auto& [path, token] : middlewares_) out += token->client.is_running() ? 1U : 0U;
  return out;
}

void Tokens::add(AttachedToken::Names names, TokenClient::Launch launch) {
  const auto has_path = [&](const Shared& token) { return token->names.path == names.path; };
  // It may come in between while those that are there already are listed.
  if (std::any_of(plugged_in_.begin(), plugged_in_.end(), has_path)) return;
  const auto has_id = [&](const Shared& token) { return token->names.id == names.id; };
  if (std::any_of(plugged_in_.begin(), plugged_in_.end(), has_id)) {
    names.id = std::string(kind_prefix) + last_part(names.path);  // two of the same serial number
  }
  log_info("token plugged in: " + names.id + " at " + names.path);
  plugged_in_.push_back(std::make_shared<AttachedToken>(io_, std::move(names), std::move(launch)));
}

void Tokens::remove(const std::string& path) {
  const auto has_path = [&](const Shared& token) { return token->names.path == path; };
  const auto found = std::find_if(plugged_in_.begin(), plugged_in_.end(), has_path);
  if (found == plugged_in_.end()) return;
  log_info("token unplugged: " + (*found)->names.id);
  const Shared token = *found;
  plugged_in_.erase(found);
  token->remove();
}

}  // namespace fob
