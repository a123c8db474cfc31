#include "cli/recovery_code.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>

#include "protocol/error.h"

namespace fob::cli {
namespace {

bool may_stand_in_code(std::uint8_t byte) {
  return (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '-';
}

void check(const SecretBytes& code) {
  if (std::all_of(code.view().begin(), code.view().end(), may_stand_in_code)) return;
  throw Error(Errc::malformed, "the agent gives something that is no recovery code; fob slot add recovery makes one");
}

[[noreturn]] void throw_unwritten() {
  throw Error(Errc::system,
              "cannot write to standard output, so the recovery code is lost: make another one with fob slot add "
              "recovery, and remove the lost one with fob slot remove");
}

/// Not by std::cout, whose buffer would keep a copy.
void write_secret(const SecretBytes& code) {
  if (!std::cout.flush()) throw_unwritten();
  ByteView rest = code.view();
  while (!rest.empty()) {
    const ssize_t written = write(STDOUT_FILENO, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) throw_unwritten();
    if (written > 0) rest = rest.subspan(static_cast<std::size_t>(written));
  }
}

}  // namespace

void print_recovery_code(const SecretBytes& code) {
  if (code.empty()) return;
  check(code);
  std::cout << "\nRecovery code:  ";
  write_secret(code);
  std::cout << "\n\nIt opens the vault when passphrase and tokens are lost. Keep it on paper: it is not shown again.\n";
}

void print_json(std::string_view json, const std::vector<const SecretBytes*>& codes) {
  for (const SecretBytes* code : codes) {
    if (code->empty()) continue;
    check(*code);
    const std::size_t end = json.find(recovery_code_place) + recovery_code_place.size() - 1;
    std::cout << json.substr(0, end);
    write_secret(*code);
    json.remove_prefix(end);
  }
  std::cout << json;
  const bool any = std::any_of(codes.begin(), codes.end(), [](const SecretBytes* code) { return !code->empty(); });
  if (any) std::cerr << "recovery_code opens the vault when passphrase and tokens are lost; it is not shown again.\n";
}

}  // namespace fob::cli
