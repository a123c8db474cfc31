#include "tests/pkcs11/rig.h"

#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "protocol/verify.h"

namespace fob {

Pkcs11Rig::Pkcs11Rig(Options options) : options_(std::move(options)) {
  // A copy of its own in a folder that nobody else can write to, as the allow-list wants it.
  mkdir(directory_.file("lib").c_str(), 0700);
  module_ = directory_.file("lib") + "/module.so";
  std::filesystem::copy_file(FOB_FAULTY_PKCS11, module_);
  set_askpass("exit 1");
}

void Pkcs11Rig::start() {
  write_file(directory_.file("agent.toml"),
             options_.config + (options_.registered || options_.config.find("[pkcs11]") != std::string::npos
                                    ? "\n"
                                    : "\n[pkcs11]\nregistered = false\n"));
  DaemonOptions how;
  how.arguments = options_.arguments;
  how.arguments.insert(how.arguments.end(), {"-O", "config=" + directory_.file("agent.toml")});
  if (options_.allow_module) how.arguments.insert(how.arguments.end(), {"-P", directory_.file("lib") + "/*"});
  how.environment = {"SSH_ASKPASS=" + directory_.file("askpass"),
                     "SSH_ASKPASS_REQUIRE=force",
                     "XDG_DATA_HOME=" + (options_.data_home.empty() ? directory_.file("data") : options_.data_home),
                     hsm_.environment(),
                     "FOB_FAULTY_MODULE=" + SoftHsm::library(),
                     "FOB_FAULTY_CONTROL=" + directory_.file("control"),
                     "FOB_FAULTY_LOG=" + directory_.file("calls"),
                     "FOB_FAULTY_TELLTALE=" + directory_.file("telltale")};
  daemon_ = std::make_unique<Daemon>(how);
}

void Pkcs11Rig::control(const std::string& lines) {
  write_file(directory_.file("control.new"), lines + "\n");
  std::filesystem::rename(directory_.file("control.new"), directory_.file("control"));
}

std::size_t Pkcs11Rig::calls(const std::string& function) const {
  const std::string log = read_file(directory_.file("calls"));
  const std::string wanted = "\n" + function + " ";
  std::size_t out = log.starts_with(function + " ") ? 1 : 0;
  for (std::size_t at = log.find(wanted); at != std::string::npos; at = log.find(wanted, at + 1)) ++out;
  return out;
}

void Pkcs11Rig::set_askpass(const std::string& script) {
  const std::string text = "#!/bin/sh\nDIR=" + directory_.path() +
                           "\nprintf '%s: %s\\n' \"$SSH_ASKPASS_PROMPT\" \"$1\" >> \"$DIR/dialogs\"\n" +
                           "[ \"$SSH_ASKPASS_PROMPT\" = none ] && exec sleep 60\n" + script + "\n";
  write_file(directory_.file("askpass.new"), text, 0700);
  std::filesystem::rename(directory_.file("askpass.new"), directory_.file("askpass"));
}

std::size_t Pkcs11Rig::pin_dialogs() const {
  const std::string text = dialogs();
  std::size_t count = 0;
  for (std::size_t at = text.find(": Enter PIN"); at != std::string::npos; at = text.find(": Enter PIN", at + 1)) {
    ++count;
  }
  return count;
}

bool Pkcs11Rig::add(Client& client, const std::string& path, const std::string& pin, Constraints constraints) {
  return client.succeeds(AddSmartcardKey{path, as_bytes(pin), std::move(constraints)});
}

bool Pkcs11Rig::add(const std::string& pin, Constraints constraints) {
  Client client(daemon());
  return add(client, module_, pin, std::move(constraints));
}

bool Pkcs11Rig::remove() {
  Client client(daemon());
  return client.succeeds(RemoveSmartcardKey{module_, {}});
}

std::vector<IdentitiesAnswer::Identity> Pkcs11Rig::list() { return Client(daemon()).list(); }

PublicKey Pkcs11Rig::key(const std::string& comment) {
  for (const auto& identity : list()) {
    if (identity.comment == comment) return PublicKey::parse(identity.key_blob);
  }
  throw std::runtime_error("no key is listed as " + comment);
}

bool Pkcs11Rig::signs(const std::string& comment, std::uint32_t flags) {
  const PublicKey public_key = key(comment);
  const std::string data = "what is signed with " + comment;
  Client client(daemon());
  const auto signature = client.sign(public_key.blob, as_bytes(data), flags);
  if (signature) verify_signature(public_key, *signature, as_bytes(data));
  return signature.has_value();
}

void Pkcs11Rig::kill_host() const {
  const pid_t process = host();
  if (process > 1) kill(process, SIGKILL);
}

bool Pkcs11Rig::host_is_ended() const {
  return eventually([this] { return host() < 0; }, std::chrono::seconds(2));
}

pid_t Pkcs11Rig::host() const {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string command = read_file(entry.path() / "cmdline");
    const std::string wanted = std::string("pkcs11") + '\0' + module_;
    if (command.find(wanted) == std::string::npos) continue;
    // What was killed and not yet reaped has no command line any more.
    return std::stoi(name);
  }
  return -1;
}

}  // namespace fob
