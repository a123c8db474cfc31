#include "tests/tokens/token_rig.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "protocol/wire.h"
#include "tests/virtual/transport.h"

namespace fob {
namespace {

int connect_to(const std::string& path) {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    close(descriptor);
    throw_system_error("connect to " + path, error);
  }
  return descriptor;
}

void read_exactly(int fd, std::uint8_t* out, std::size_t bytes) {
  while (bytes > 0) {
    pollfd readable{fd, POLLIN, 0};
    if (poll(&readable, 1, static_cast<int>(std::chrono::milliseconds(reply_timeout).count())) != 1) {
      throw std::runtime_error("no answer on the control socket");
    }
    const ssize_t got = read(fd, out, bytes);
    if (got <= 0) throw std::runtime_error("the control connection was closed");
    out += got;
    bytes -= static_cast<std::size_t>(got);
  }
}

}  // namespace

Stick::Stick(std::string socket, virt::Personality personality)
    : socket_(std::move(socket)), token_(std::move(personality)) {}

Stick::~Stick() { unplug(); }

void Stick::plug_in() {
  unplug();
  const int fd = connect_to(socket_);
  thread_ = std::thread([this, fd] {
    virt::serve_stream(fd, token_);
    close(fd);
  });
}

void Stick::unplug() {
  if (!thread_.joinable()) return;
  // It may be so early that the thread does not serve yet.
  eventually([this] { return token_.unplug() || !status().plugged; });
  thread_.join();
}

bool Stick::waits_for_touch(bool wanted) const {
  return eventually([&] { return status().waiting == wanted; }, std::chrono::seconds(10), std::chrono::milliseconds(1));
}

ControlClient::ControlClient(const Daemon& daemon) : fd_(connect_to(daemon.socket() + ".control")) {}

ControlClient::~ControlClient() { close(); }

void ControlClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void ControlClient::send(const control::Request& request) {
  const Bytes frame = control::frame_request(request);
  if (::send(fd_, frame.data(), frame.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame.size())) {
    throw_system_error("send to the control socket", errno);
  }
}

control::Reply ControlClient::receive() {
  std::array<std::uint8_t, 4> head{};
  read_exactly(fd_, head.data(), head.size());
  Bytes body(Reader(head).u32());
  read_exactly(fd_, body.data(), body.size());
  return control::parse_reply(body);
}

control::Reply ControlClient::last_reply() {
  for (;;) {
    control::Reply reply = receive();
    if (const auto* notice = std::get_if<control::Notice>(&reply)) {
      notices.push_back(notice->text);
    } else if (const auto* question = std::get_if<control::Question>(&reply)) {
      questions.push_back(*question);
      control::Answer answer;
      if (!typed_.empty()) {
        answer.given = true;
        answer.text = SecretBytes(as_bytes(typed_.front()));
        typed_.pop_front();
      }
      send(std::move(answer));
    } else {
      return reply;
    }
  }
}

control::Reply ControlClient::request(const control::Request& request) {
  send(request);
  return last_reply();
}

std::string ControlClient::failure(const control::Request& asked) {
  const control::Reply reply = request(asked);
  const auto* failed = std::get_if<control::Failed>(&reply);
  return failed == nullptr ? "" : failed->text;
}

TokenRig::TokenRig(Options options) {
  set_askpass("exit 1");
  start(options);
  for (std::size_t i = 0; i < options.sticks; ++i) {
    virt::Personality personality;
    if (i < options.personalities.size()) personality = options.personalities[i];
    sticks_.push_back(std::make_unique<Stick>(directory_.file("token" + std::to_string(i)), std::move(personality)));
    if (options.plugged_in) sticks_.back()->plug_in();
  }
  if (options.plugged_in && !has_tokens(options.sticks)) throw std::runtime_error("the tokens were not noticed");
}

TokenRig::~TokenRig() {
  daemon_.reset();
  sticks_.clear();
}

void TokenRig::start(const Options& options) {
  // What p11-kit registers on this machine is none of these tests' business.
  std::string toml = options.config + "\n[pkcs11]\nregistered = false\n";
  for (std::size_t i = 0; i < options.sticks; ++i) {
    const std::string number = std::to_string(i);
    toml += "[[fido.socket]]\npath = \"" + directory_.file("token" + number) + "\"\nname = \"stick " + number +
            "\"\nserial = \"" + number + "\"\n";
  }
  write_file(directory_.file("agent.toml"), toml);
  DaemonOptions how;
  how.without_memfd_secret = options.without_memfd_secret;
  how.arguments = options.arguments;
  how.arguments.insert(how.arguments.end(), {"-O", "config=" + directory_.file("agent.toml")});
  how.environment = {"SSH_ASKPASS=" + directory_.file("askpass"), "SSH_ASKPASS_REQUIRE=force",
                     "XDG_DATA_HOME=" + (options.data_home.empty() ? directory_.file("data") : options.data_home)};
  daemon_ = std::make_unique<Daemon>(how);
}

void TokenRig::set_askpass(const std::string& script) {
  const std::string text = "#!/bin/sh\nDIR=" + directory_.path() +
                           "\nprintf '%s: %s\\n' \"$SSH_ASKPASS_PROMPT\" \"$1\" >> \"$DIR/dialogs\"\n" +
                           "[ \"$SSH_ASKPASS_PROMPT\" = none ] && exec sleep 60\n" + script + "\n";
  // Renamed into place: the agent may be about to run it.
  write_file(directory_.file("askpass.new"), text, 0700);
  rename(directory_.file("askpass.new").c_str(), directory_.file("askpass").c_str());
}

bool TokenRig::has_tokens(std::size_t count) {
  return eventually([&] {
    ControlClient client(*daemon_);
    const auto tokens = client.expect<control::Tokens>(control::ListTokens()).tokens;
    const auto is_fido = [](const control::Token& token) { return !token.pkcs11; };
    return static_cast<std::size_t>(std::count_if(tokens.begin(), tokens.end(), is_fido)) == count;
  });
}

control::NewKey TokenRig::wish(const std::string& name) const {
  control::NewKey out;
  out.name = name;
  out.on = "fido";
  out.application = "ssh:";
  out.comment = name + " comment";
  return out;
}

PublicKey TokenRig::generate(const control::NewKey& wish, const std::string& pin) {
  ControlClient client(*daemon_);
  if (!pin.empty()) client.will_type(pin);
  return client.expect<control::Kept>(wish).key.public_key;
}

void TokenRig::set_pin(const std::string& pin, const std::string& on) {
  ControlClient client(*daemon_);
  client.will_type(pin);
  client.expect<control::Done>(control::SetPin{on});
}

}  // namespace fob
