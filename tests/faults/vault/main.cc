// fob-vault-operation: makes, changes and checks vaults, and has all of it go wrong.
#include <malloc.h>
#include <sodium.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "protocol/error.h"
#include "tests/daemon/temp_dir.h"
#include "tests/faults/campaign.h"
#include "tests/faults/vault/operations.h"

namespace fob::faults {
namespace {

constexpr int skipped = 77;

constexpr char usage[] =
    "usage: fob-vault-operation prepare OPERATION DIR | run OPERATION DIR | verify OPERATION DIR\n"
    "       fob-vault-operation faults [OPERATION]...\n"
    "The latter does what fob-syscall-faults does, with every operation or those that are named.\n";

/// From here on malloc(3) has what it needs: when it asks for more memory depends on all that was before, and each run
/// has to make the same system calls.
void begin() {
  constexpr int plenty_bytes = 16 << 20;
  mallopt(M_MMAP_THRESHOLD, plenty_bytes);
  mallopt(M_TRIM_THRESHOLD, 2 * plenty_bytes);
  void* volatile taken = malloc(plenty_bytes / 2);  // volatile: else the compiler leaves both out
  free(taken);
  close(begin_mark);
}
void end() { close(end_mark); }

int run_in(const Operation& operation, const std::string& folder) {
  try {
    carry_out(operation, Places(folder), begin, end);
    return 0;
  } catch (const Error& error) {
    fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

int verify_in(const Operation& operation, const std::string& folder) {
  printf("%s\n", verify(operation, Places(folder)).c_str());
  return 0;
}

/// Whether all went as it should. Once a change is made, all that can still fail is to make sure that it is on the
/// disk: SQLite syncs the journal that it has emptied, and a folder is synced in which a file was renamed. Nobody knows
/// then what a power cut would leave, so an error is told, and the new state is there (docs/vault.md).
bool survives(const Operation& operation) {
  const TempDir fixture;
  // In a process of its own: all that follow start from this one, which has never used SQLite.
  const Run prepared = run_plainly([&] {
    prepare(operation, Places(fixture.path()));
    return 0;
  });
  if (!prepared.succeeded()) throw Error(Errc::system, "cannot prepare " + operation.name + ": " + prepared.output);
  Campaign campaign;
  campaign.name = operation.name;
  campaign.fixture = fixture.path();
  campaign.late_calls = {"fdatasync", "fsync"};
  campaign.operation = [&](const std::string& folder) { return [&, folder] { return run_in(operation, folder); }; };
  campaign.check = [&](const std::string& folder) { return [&, folder] { return verify_in(operation, folder); }; };
  const Tally tally = carry_out(campaign);
  print(operation.name, tally);
  return tally.all_sound();
}

int run_faults(const std::vector<std::string>& names) {
  print_heading();
  bool well = true;
  for (const Operation& operation : operations()) {
    const bool wanted = names.empty() || std::find(names.begin(), names.end(), operation.name) != names.end();
    if (wanted) well = survives(operation) && well;
  }
  return well ? 0 : 1;
}

int run(const std::vector<std::string>& words) {
  if (!words.empty() && words[0] == "faults") return run_faults({words.begin() + 1, words.end()});
  if (words.size() != 3) {
    fputs(usage, stderr);
    return 2;
  }
  const Operation& operation = find_operation(words[1]);
  if (words[0] == "run") return run_in(operation, words[2]);
  if (words[0] == "verify") return verify_in(operation, words[2]);
  prepare(operation, Places(words[2]));
  return 0;
}

}  // namespace
}  // namespace fob::faults

int main(int count, char** words) {
  if (sodium_init() < 0) return 1;
  try {
    return fob::faults::run({words + 1, words + count});
  } catch (const fob::Error& error) {
    fprintf(stderr, "fob-vault-operation: %s\n", error.what());
    return error.code() == fob::Errc::unsupported ? fob::faults::skipped : 1;
  }
}
