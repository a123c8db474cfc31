#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/doctor.h"
#include "cli/file.h"
#include "cli/pkcs11_uri.h"
#include "cli/text.h"
#include "cli/token_names.h"
#include "protocol/error.h"

namespace fob::cli {
namespace {

namespace fs = std::filesystem;

/// USB HID usage page of FIDO tokens (CTAP 2.1 §11.2.8.2).
constexpr std::uint32_t fido_usage_page = 0xf1d0;
/// HID_MAX_DESCRIPTOR_SIZE of the kernel.
constexpr std::size_t descriptor_bytes = 4096;

/// A card that another program has for itself looks like one that cannot be used, or like none.
std::string close_holder() {
  const int scdaemon = process_named("/proc", "scdaemon");
  if (scdaemon == 0) return "If another program uses the card (as gpg does), close it: gpgconf --kill scdaemon";
  return "gpg's scdaemon (pid " + std::to_string(scdaemon) + ") may hold the card: gpgconf --kill scdaemon";
}

bool is_held(const control::Token& token) {
  return token.fault.find("another program holds the card") != std::string::npos;
}

Findings check_fault(const control::Token& token, bool modules_matter) {
  const std::string fault = shown(token.fault);
  if (fault.find("no permission to use /dev/") != std::string::npos) return {};  // check_hidraw says it
  if (fault.starts_with("in use:")) return {};
  const bool held = is_held(token);
  if (!is_there(token) && !held) {
    // Distributions register modules for hardware that is not there: they stand in the way of nothing.
    if (!modules_matter) return {};
    return {{"module-fault", "The PKCS#11 module " + shown(token.id) + " cannot be used: " + fault + ".",
             "See whether its reader or device is there; one that is not needed can be left out (fob-agent.toml(5))."}};
  }
  if (!held) {
    return {{"token-fault", "The token " + title_of(token) + " cannot be used: " + fault + ".",
             "Pull it out and put it in again; fob tokens -v shows whether it is there."}};
  }
  const std::size_t end = fault.find(": ", fault.find("another program"));
  return {{"card-held", "A card cannot be used: " + fault.substr(0, end) + ".", close_holder()}};
}

Findings check_pin(const control::Token& token, const std::string& on) {
  const std::string title = title_of(token);
  if (token.pkcs11) {
    if (token.pkcs11->pin_locked) {
      return {{"pin-blocked", "The PIN of " + title + " is blocked.",
               "Set a new one with the PUK or SO PIN: fob pin unblock --on " + shown(on)}};
    }
    if (!token.pkcs11->pin_final_try) return {};
  } else {
    if (!token.info.takes_pin || !token.info.pin_set) return {};
    if (token.info.pin_tries == 0U) {
      return {{"pin-blocked", "The PIN of " + title + " is blocked: a wrong one was typed too often.",
               "Use a key that is elsewhere, and put that in at your servers. Only a reset makes the token usable "
               "again, which erases every key on it: fob reset --on " +
                   shown(on)}};
    }
    if (token.info.pin_tries != 1U) return {};
  }
  return {{"pin-last-try", "One more wrong PIN blocks " + title + ".",
           "Type the right one with care, which sets the count back: fob pin status shows it."}};
}

bool is_pkcs11_key(const control::Key& key) { return key.where == "pkcs11"; }

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

/// Serial numbers decide; a token that shows none may be any of its maker's, for what it calls itself goes with what is
/// switched on in it.
bool may_be(const control::Token& token, const std::string& title) {
  if (title.empty()) return true;
  if (title.ends_with(')') && !token.serial.empty()) return title.ends_with(" (" + shown(token.serial) + ")");
  return first_word(title) == first_word(title_of(token));
}

bool may_hold(const control::Token& token, const control::Key& key) {
  if (!is_there(token)) return false;
  if (is_pkcs11_key(key)) return token.pkcs11 && uri_means_token(key.uri, token.id);
  return is_fido2(token) && may_be(token, key.token);
}

/// Kept keys of FIDO2 tokens, or of the others, whose token is not there.
std::vector<const control::Key*> keys_without_token(const AgentView& agent, const char* where) {
  std::vector<const control::Key*> out;
  for (const control::Key& key : agent.keys.keys) {
    if (!key.name.empty() && key.where == where && token_of(key, agent) == nullptr) out.push_back(&key);
  }
  return out;
}

Findings check_absent(const std::vector<const control::Key*>& keys, const std::string& kind, const std::string& more) {
  std::vector<std::string> names;
  std::vector<std::string> tokens;
  for (const control::Key* key : keys) {
    names.push_back(key->name);
    const std::string token = key->token.empty() ? "the one that made it" : key->token;
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
  }
  if (names.empty()) return {};
  const std::string what = names.size() == 1
                               ? "The " + kind + " of the key " + shown(names[0]) + " is not there."
                               : "The " + kind + " of each of these keys is not there: " + joined(names) + ".";
  return {{"token-absent", what, "Plug in " + joined(tokens) + "; fob tokens shows what is noticed." + more}};
}

/// Whether a HID report descriptor (USB HID 1.11 §6.2.2) begins a collection of FIDO's usage page.
bool is_fido(ByteView descriptor) {
  while (!descriptor.empty()) {
    const std::uint8_t prefix = descriptor[0];
    const bool is_long = prefix == 0xfe;
    if (is_long && descriptor.size() < 2) return false;
    const std::size_t size = is_long ? 2U + descriptor[1] : ((prefix & 3U) == 3U ? 4U : prefix & 3U);
    if (descriptor.size() < 1 + size) return false;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(size, 4); ++i) {
      value |= static_cast<std::uint32_t>(descriptor[1 + i]) << (8 * i);
    }
    constexpr unsigned usage_page = 0x04;  // a global item with tag 0; the low two bits are the size
    if (!is_long && (prefix & 0xfcU) == usage_page && value == fido_usage_page) return true;
    descriptor = descriptor.subspan(1 + size);
  }
  return false;
}

Findings check_device(const fs::path& entry, const std::string& devices) {
  try {
    if (!is_fido(read_file(entry / "device" / "report_descriptor", descriptor_bytes))) return {};
  } catch (const Error&) {
    return {};  // unplugged meanwhile, or not to be looked at
  }
  const std::string node = devices + "/" + entry.filename().string();
  if (access(node.c_str(), R_OK | W_OK) == 0) return {};
  if (errno == ENOENT) {
    return {{"hidraw-missing", "A FIDO2 token is plugged in, but here is no " + shown(node) + " to reach it by.",
             "In a container or sandbox, pass that device in; on the machine itself, udev makes it: sudo udevadm "
             "trigger"}};
  }
  return {
      {"hidraw-permission",
       "A FIDO2 token is plugged in, but you may not use it: " + shown(node) + ": " + std::strerror(errno) + ".",
       "Log in at the machine itself, whose user gets it from udev; for others, or where udev does not know the "
       "token: sudo cp 70-fob.rules /etc/udev/rules.d/ (from fob's udev folder), then sudo udevadm control --reload "
       "&& sudo udevadm trigger, and plug it in again."}};
}

}  // namespace

std::string title_of(const control::Token& token) {
  return shown(token.product.empty() ? token.id : token.product) +
         (token.serial.empty() ? "" : " (" + shown(token.serial) + ")");
}

const control::Token* token_of(const control::Key& key, const AgentView& agent) {
  const std::vector<control::Token>& all = agent.tokens.tokens;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const control::Token& token) { return may_hold(token, key); });
  return found == all.end() ? nullptr : &*found;
}

Findings check_tokens(const AgentView& agent) {
  Findings out;
  const auto add = [&](Findings more) {
    for (Finding& finding : more) out.push_back(std::move(finding));
  };
  const std::vector<control::Token>& tokens = agent.tokens.tokens;
  const std::vector<const control::Key*> without_card = keys_without_token(agent, "pkcs11");
  const std::vector<std::string> names = on_names(tokens);
  for (std::size_t i = 0; i < names.size(); ++i) {
    add(tokens[i].fault.empty() ? check_pin(tokens[i], names[i]) : check_fault(tokens[i], !without_card.empty()));
  }
  add(check_absent(keys_without_token(agent, "fido"), "FIDO2 token", ""));
  // A card that is held is probably the one.
  if (std::none_of(tokens.begin(), tokens.end(), is_held)) {
    add(check_absent(without_card, "PKCS#11 token (card, HSM, TPM)", " " + close_holder()));
  }
  return out;
}

Findings check_hidraw(const std::string& sysfs, const std::string& devices) {
  Findings out;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(sysfs, error)) {
    for (Finding& finding : check_device(entry.path(), devices)) out.push_back(std::move(finding));
  }
  return out;
}

Findings check_pcscd(const std::string& socket) {
  struct stat status {};
  if (stat(socket.c_str(), &status) != 0 || access(socket.c_str(), W_OK) == 0) return {};
  return {
      {"pcscd-permission",
       "You may not talk to pcscd, which has the card readers: " + shown(socket) + ": " + std::strerror(errno) + ".",
       "Its packages let everybody do so: sudo systemctl restart pcscd.socket; else ask who set it up otherwise."}};
}

int process_named(const std::string& proc, const std::string& name) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(proc, error)) {
    const std::string number = entry.path().filename().string();
    if (number.size() > 9 || number.find_first_not_of("0123456789") != std::string::npos) continue;
    struct stat status {};
    if (stat(entry.path().c_str(), &status) != 0 || status.st_uid != geteuid()) continue;
    std::string found;
    std::getline(std::ifstream(entry.path() / "comm"), found);
    if (found == name) return std::stoi(number);
  }
  return 0;
}

}  // namespace fob::cli
