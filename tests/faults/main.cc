// fob-syscall-faults: runs a program once for every system call it makes and everything that can go wrong there.
#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "protocol/error.h"
#include "tests/faults/campaign.h"

namespace fob::faults {
namespace {

constexpr int skipped = 77;

constexpr char usage[] =
    "usage: fob-syscall-faults [OPTION]... --fixture DIR -- COMMAND [WORD]... -- CHECK [WORD]...\n"
    "Runs COMMAND in fresh copies of DIR ({} in its words), once for every fault at every system call, and CHECK "
    "after\n"
    "each, which prints \"old\" or \"new\" (or \"half\", \"lost\" and why). Prints a table. Ends with 0 "
    "where\n"
    "nothing else ever was there, 1 where it was, 77 where processes may not be traced.\n"
    "  --name TEXT         of the line\n"
    "  --unmarked          count calls from COMMAND's first instruction on, not between its marks (tracer.h)\n"
    "  --late CALL[,CALL]  their failure may be told although COMMAND's change was made\n"
    "  --expect-loss       end with 0 where there was at least one loss, else with 1\n";

struct Options {
  Campaign campaign;
  std::vector<std::string> operation;
  std::vector<std::string> check;
  bool expect_loss = false;
};

[[noreturn]] void refuse_words() {
  fputs(usage, stderr);
  exit(2);
}

std::set<std::string> split(const std::string& text) {
  std::set<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) out.insert(part);
  return out;
}

Options parse(int count, char** words) {
  const option known[] = {{"name", required_argument, nullptr, 'n'},    {"unmarked", no_argument, nullptr, 'u'},
                          {"late", required_argument, nullptr, 'l'},    {"expect-loss", no_argument, nullptr, 'e'},
                          {"fixture", required_argument, nullptr, 'f'}, {nullptr, 0, nullptr, 0}};
  Options out;
  for (int letter = 0; (letter = getopt_long(count, words, "+", known, nullptr)) != -1;) {
    switch (letter) {
      case 'n': out.campaign.name = optarg; break;
      case 'u': out.campaign.marked = false; break;
      case 'l': out.campaign.late_calls = split(optarg); break;
      case 'e': out.expect_loss = true; break;
      case 'f': out.campaign.fixture = optarg; break;
      default: refuse_words();
    }
  }
  std::vector<std::string>* part = &out.operation;
  for (int i = optind; i < count; ++i) {
    if (std::string_view(words[i]) == "--") {
      part = &out.check;
    } else {
      part->emplace_back(words[i]);
    }
  }
  if (out.campaign.fixture.empty() || out.operation.empty() || out.check.empty()) refuse_words();
  return out;
}

std::vector<std::string> filled_in(std::vector<std::string> words, const std::string& folder) {
  for (std::string& word : words) {
    for (std::size_t at = 0; (at = word.find("{}", at)) != std::string::npos; at += folder.size()) {
      word.replace(at, 2, folder);
    }
  }
  return words;
}

int run(int count, char** words) {
  const Options options = parse(count, words);
  Campaign campaign = options.campaign;
  campaign.operation = [&](const std::string& folder) { return command(filled_in(options.operation, folder)); };
  campaign.check = [&](const std::string& folder) { return command(filled_in(options.check, folder)); };
  const Tally tally = carry_out(campaign);
  print_heading();
  print(campaign.name, tally);
  const bool well = options.expect_loss ? tally.of(Verdict::lost) > 0 : tally.all_sound();
  return well ? 0 : 1;
}

}  // namespace
}  // namespace fob::faults

int main(int count, char** words) {
  try {
    return fob::faults::run(count, words);
  } catch (const fob::Error& error) {
    fprintf(stderr, "fob-syscall-faults: %s\n", error.what());
    return error.code() == fob::Errc::unsupported ? fob::faults::skipped : 1;
  }
}
