#include "tests/unit/tokens/support.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <vector>

extern char** environ;

namespace fob::test {
namespace {

using Clock = std::chrono::steady_clock;

/// Out of the way of the numbers that a host gets its descriptors as.
Descriptor moved_up(int descriptor) {
  constexpr int first_free = 20;
  return Descriptor(fcntl(descriptor, F_DUPFD_CLOEXEC, first_free));
}

pid_t start(std::vector<std::string> arguments, int channel, int token) {
  const Descriptor channel_up = moved_up(channel);
  const Descriptor token_up = moved_up(token);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, channel_up.get(), 0);
  if (token >= 0) posix_spawn_file_actions_adddup2(&actions, token_up.get(), 3);
  std::string program = FOB_TOKEN_HOST;
  std::vector<char*> argv{program.data()};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw_system_error("posix_spawn", error);
  return pid;
}

/// Exactly `size` bytes; false at the end, or where they do not come in time.
bool read_exactly(int descriptor, Bytes& out, std::size_t size, Clock::time_point until) {
  while (size > 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd waiting{descriptor, POLLIN, 0};
    if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) <= 0) return false;
    Bytes part(size);
    const ssize_t got = read(descriptor, part.data(), part.size());
    if (got <= 0) return false;
    out.insert(out.end(), part.begin(), part.begin() + got);
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

void Descriptor::reset() {
  if (number_ >= 0) close(std::exchange(number_, -1));
}

std::pair<Descriptor, Descriptor> socket_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw_system_error("socketpair", errno);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

PluggedToken::PluggedToken(virt::Authenticator& token) {
  std::tie(token_end_, host_end_) = socket_pair();
  thread_ = std::thread([&token, end = token_end_.get()] { virt::serve_stream(end, token); });
}

PluggedToken::~PluggedToken() {
  shutdown(token_end_.get(), SHUT_RDWR);
  thread_.join();
}

std::optional<Errc> Outcome::error() const {
  const auto* failure = std::get_if<host::Failed>(&reply);
  return failure == nullptr ? std::nullopt : std::optional(failure->code);
}

std::string Outcome::text() const {
  const auto* failure = std::get_if<host::Failed>(&reply);
  return failure == nullptr ? "" : failure->text;
}

std::string Outcome::secret() const {
  const auto* found = std::get_if<host::Secret>(&reply);
  if (found == nullptr) throw std::runtime_error("no secret: " + text());
  return std::string(as_text(found->secret.view()));
}

HostProcess HostProcess::fido(int descriptor) {
  auto [ours, theirs] = socket_pair();
  const pid_t pid = start({"fido"}, theirs.get(), descriptor);
  return {std::move(ours), pid};
}

HostProcess HostProcess::middleware(const std::string& library) {
  auto [ours, theirs] = socket_pair();
  const pid_t pid = start({"sk", library}, theirs.get(), -1);
  return {std::move(ours), pid};
}

HostProcess HostProcess::pkcs11(const std::string& library) {
  auto [ours, theirs] = socket_pair();
  const pid_t pid = start({"pkcs11", library}, theirs.get(), -1);
  return {std::move(ours), pid};
}

HostProcess HostProcess::of_kind(const std::string& kind) {
  auto [ours, theirs] = socket_pair();
  const pid_t pid = start({kind}, theirs.get(), -1);
  return {std::move(ours), pid};
}

HostProcess::~HostProcess() {
  if (!pid_ || *pid_ < 0) return;
  leave();
  if (status()) return;
  ADD_FAILURE() << "the host does not end";
  kill(*pid_, SIGKILL);
  waitpid(*pid_, nullptr, 0);
}

void HostProcess::send(const host::Request& request) const { send_raw(host::frame_request(request)); }

void HostProcess::send_raw(ByteView bytes) const { ::send(channel_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }

std::optional<host::Reply> HostProcess::receive(std::chrono::milliseconds longest) const {
  const Clock::time_point until = Clock::now() + longest;
  Bytes length;
  Bytes body;
  if (!read_exactly(channel_.get(), length, 4, until)) return std::nullopt;
  if (!read_exactly(channel_.get(), body, Reader(length).u32(), until)) return std::nullopt;
  return host::parse_reply(body);
}

Outcome HostProcess::outcome() const {
  const Clock::time_point begun = Clock::now();
  for (unsigned touches = 0, openings = 0;;) {
    std::optional<host::Reply> reply = receive();
    if (!reply) throw std::runtime_error("the host does not reply");
    if (std::holds_alternative<host::TouchWanted>(*reply)) {
      ++touches;
    } else if (std::holds_alternative<host::Opened>(*reply)) {
      ++openings;
    } else {
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
      return {std::move(*reply), touches, openings, took};
    }
  }
}

std::optional<int> HostProcess::status(std::chrono::milliseconds longest) {
  const Clock::time_point until = Clock::now() + longest;
  int status = 0;
  for (;;) {
    if (waitpid(*pid_, &status, WNOHANG) == *pid_) break;
    if (Clock::now() > until) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  *pid_ = -1;
  // main.cc has a sanitizer of the host end it with 99; 23 is the leak checker's.
  EXPECT_TRUE(!WIFEXITED(status) || WEXITSTATUS(status) <= 2) << "the host ended with " << WEXITSTATUS(status);
  return status;
}

Bench::Bench(const virt::Personality& personality)
    : token(personality),
      plugged(std::make_unique<PluggedToken>(token)),
      host(HostProcess::fido(plugged->descriptor())) {}

void Bench::replug() {
  plugged.reset();
  plugged = std::make_unique<PluggedToken>(token);
  host.leave();
  host.status();
  host = HostProcess::fido(plugged->descriptor());
}

Outcome Bench::generate(const NewKeyRequest& request, std::string_view pin) {
  return host(host::Generate{request, secret(pin)});
}

Outcome Bench::sign(const NewKey& key, std::string_view data, std::string_view pin) {
  return host(host::Sign{key_ref(key), as_bytes(data), secret(pin)});
}

Outcome Bench::make_secret_credential(std::string_view pin) {
  return host(host::MakeSecretCredential{"fob:vault", secret(pin)});
}

Outcome Bench::derive(const Bytes& key_handle, const Bytes& salt, bool verify, std::string_view pin) {
  return host(host::DeriveSecret{"fob:vault", key_handle, salt, verify, secret(pin)});
}

Outcome Bench::list(std::string_view pin) { return host(host::ListResident{secret(pin)}); }
Outcome Bench::set_pin(std::string_view pin) { return host(host::SetPin{secret(pin)}); }

Outcome Bench::change_pin(std::string_view old_pin, std::string_view new_pin) {
  return host(host::ChangePin{secret(old_pin), secret(new_pin)});
}

KeyRef key_ref(const NewKey& key) {
  return {key.public_key.kind, key.public_key.application, key.key_handle, key.flags};
}

SecretBytes secret(std::string_view text) { return SecretBytes(as_bytes(text)); }

NewKeyRequest new_key(KeyKind kind, std::uint8_t flags) {
  NewKeyRequest out;
  out.kind = kind;
  out.flags = flags;
  return out;
}

}  // namespace fob::test
