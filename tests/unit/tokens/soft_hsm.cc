#include "tests/unit/tokens/soft_hsm.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tokens/pkcs11/return_value.h"
#include "tokens/pkcs11/token_info.h"

extern char** environ;

namespace fob::test {
namespace {

void run_program(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1, 0);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (error != 0 || waitpid(pid, &status, 0) != pid || status != 0) {
    throw std::runtime_error(arguments[0] + " failed; is its package installed?");
  }
}

void in_session(const std::string& label, const std::function<void(const pkcs11::SessionRef&)>& action) {
  pkcs11::Library library(SoftHsm::library);
  library.initialize();
  for (const pkcs11::SlotToken& token : pkcs11::present_tokens(library)) {
    if (pkcs11::label_of(token.info) != label) continue;
    const pkcs11::Session session(library.functions(), token.slot, true);
    std::string pin = SoftHsm::pin;
    auto* const text = reinterpret_cast<CK_UTF8CHAR*>(pin.data());
    pkcs11::check(library.functions().C_Login(session.handle(), CKU_USER, text, pin.size()), "C_Login");
    return action(session.ref());
  }
  throw Error(Errc::not_found, "no token " + label);
}

}  // namespace

SoftHsm::SoftHsm() : folder_(std::filesystem::temp_directory_path() / "fob-softhsm-XXXXXX") {
  if (mkdtemp(folder_.data()) == nullptr) throw_system_error("mkdtemp", errno);
  std::filesystem::create_directory(folder_ + "/tokens");
  std::ofstream(folder_ + "/conf") << "directories.tokendir = " << folder_ << "/tokens\nlog.level = ERROR\n";
  setenv("SOFTHSM2_CONF", (folder_ + "/conf").c_str(), 1);
  // SoftHSM2 forgets its Ed25519 parameters. The hosts of other modules (pkcs11_piv_test.cc) are still watched.
  setenv("LSAN_OPTIONS", "detect_leaks=0", 1);
}

SoftHsm::~SoftHsm() {
  unsetenv("SOFTHSM2_CONF");
  unsetenv("LSAN_OPTIONS");
  std::filesystem::remove_all(folder_);
}

void SoftHsm::add_token(const std::string& label) const {
  run_program({"softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", officer_pin});
}

void SoftHsm::as_other_program(const std::string& label,
                               const std::function<void(const pkcs11::SessionRef&)>& action) const {
  in_session(label, action);
}

HsmBench::HsmBench() : host((hsm.add_token("work"), SoftHsm::host())) {}

Outcome HsmBench::generate(KeyKind kind, const std::string& label, unsigned rsa_bits) {
  Pkcs11NewKey wanted;
  wanted.token = "pkcs11:token=work";
  wanted.kind = kind;
  wanted.rsa_bits = kind == KeyKind::rsa ? rsa_bits : 0;
  wanted.label = label;
  return host(host::GenerateKey{wanted, {secret(SoftHsm::pin), {}}});
}

Pkcs11Key HsmBench::new_key(KeyKind kind, const std::string& label) {
  const auto made = generate(kind, label).as<host::KeyList>().keys;
  EXPECT_EQ(made.size(), 1U);
  return made.at(0);
}

Outcome HsmBench::sign(const Pkcs11Key& key, std::string_view data, std::string_view with_pin, bool stay_logged_in,
                       std::uint32_t flags) {
  return host(host::SignWithKey{key.uri, key.public_key.blob, flags, as_bytes(data), secret(with_pin), stay_logged_in});
}

Outcome HsmBench::list(const std::string& uri, std::string_view with_pin, bool stay_logged_in) {
  return host(host::ListKeys{uri, secret(with_pin), stay_logged_in});
}

std::vector<Pkcs11Key> HsmBench::keys(const std::string& uri, std::string_view with_pin) {
  return list(uri, with_pin).as<host::KeyList>().keys;
}

Pkcs11TokenInfo HsmBench::token_info(const std::string& uri) {
  const auto tokens = host(host::ListTokens{uri}).as<host::TokenList>().tokens;
  EXPECT_EQ(tokens.size(), 1U);
  return tokens.at(0);
}

pkcs11::Template pair_template(bool is_private, const std::string& label, ByteView id) {
  pkcs11::Template out;
  out.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, is_private).flag(is_private ? CKA_SIGN : CKA_VERIFY, true);
  out.text(CKA_LABEL, label).bytes(CKA_ID, id);
  return out;
}

}  // namespace fob::test
