#include "tests/faults/campaign.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "protocol/error.h"

namespace fob::faults {
namespace {

constexpr int attempts = 5;
constexpr unsigned jobs = 2;  // processes at once

/// In memory where that can be had: thousands of runs that wait for a disk would take hours.
class Scratch {
 public:
  Scratch() : path_(std::filesystem::exists("/dev/shm") ? "/dev/shm/fobf.XXXXXX" : "/tmp/fobf.XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) throw_system_error("mkdtemp", errno);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Runs one operation in a folder of its own, again and again.
class Bench {
 public:
  Bench(const Campaign& campaign, std::string folder)
      : campaign_(campaign),
        folder_(std::move(folder)),
        operation_(campaign.operation(folder_)),
        check_(campaign.check(folder_)) {}

  void restore() const {
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(campaign_.fixture, folder_, std::filesystem::copy_options::recursive);
  }
  Run run(const Fault& fault) const { return run_traced(operation_, campaign_.marked, fault); }
  /// What the check says.
  std::string state() const {
    Run check = run_plainly(check_);
    while (check.output.ends_with('\n')) check.output.pop_back();
    if (!check.succeeded()) return "lost: the check failed: " + check.output;
    return check.output;
  }

 private:
  const Campaign& campaign_;
  std::string folder_;
  Program operation_;
  Program check_;
};

std::vector<Fault> faults_of(const std::vector<Call>& calls) {
  using Kind = Fault::Kind;
  std::vector<Fault> out;
  for (std::size_t at = 0; at < calls.size(); ++at) {
    out.push_back({Kind::kill_before, at, 0});
    out.push_back({Kind::kill_after, at, 0});
    if (can_be_cut(calls[at])) {
      out.push_back({Kind::kill_torn, at, 0});
      out.push_back({Kind::fail_torn, at, ENOSPC});
    }
    for (const int error : errors_of(calls[at])) {
      out.push_back({Kind::fail, at, error});
      out.push_back({Kind::fail_on, at, error});
    }
  }
  return out;
}

Verdict judge(const Fault& fault, const Run& run, const std::string& state) {
  if (state.starts_with("half")) return Verdict::half;
  if (state != "old" && state != "new") return Verdict::lost;
  if (fault.kills()) return Verdict::sound;
  if (run.succeeded()) return state == "new" ? Verdict::sound : Verdict::untrue;
  if (run.failed()) return state == "old" ? Verdict::sound : Verdict::late;
  return Verdict::crashed;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// The part of one process: every `step`th fault, its verdicts written to `report`, one in a line: number, call, what.
void work_off(const Bench& bench, const std::vector<Call>& calls, const std::vector<Fault>& faults, std::size_t first,
              std::size_t step, const std::string& report) {
  std::ofstream out(report);
  for (std::size_t i = first; i < faults.size(); i += step) {
    const Fault& fault = faults[i];
    Verdict verdict = Verdict::missed;
    Run run;
    std::string state;
    for (int attempt = 0; attempt < attempts && verdict == Verdict::missed; ++attempt) {
      bench.restore();
      run = bench.run(fault);
      if (!run.injected || run.calls[fault.at].number != calls[fault.at].number) continue;
      state = bench.state();
      verdict = judge(fault, run, state);
    }
    const std::string name = name_of(calls[fault.at]);
    out << static_cast<int>(verdict) << ' ' << (fault.kills() ? 1 : 0) << ' ' << fault.at << ' ' << name << ' '
        << "call " << fault.at + 1 << ", " << name << ", " << description(fault) << ": " << first_line(state) << " ("
        << first_line(run.output) << ")\n";
  }
  if (!out.flush()) throw Error(Errc::system, "cannot write " + report);
}

constexpr std::array<const char*, verdicts> verdict_names{"sound", "late",    "untrue", "half",
                                                          "lost",  "crashed", "missed"};

void count_line(const Campaign& campaign, std::istream& line, Tally& tally) {
  std::size_t number = 0;
  int killed = 0;
  std::size_t at = 0;
  std::string call;
  std::string text;
  line >> number >> killed >> at >> call;
  std::getline(line, text);
  const auto verdict = static_cast<Verdict>(number);
  ++tally.count.at(number);
  ++(killed != 0 ? tally.kills : tally.failures);
  if (verdict == Verdict::late && !campaign.late_calls.contains(call)) ++tally.too_late;
  if (verdict == Verdict::lost) tally.losing_calls.insert(at);
  if (verdict != Verdict::sound) tally.details.push_back(std::string(verdict_names[number]) + ":" + text);
}

/// Each in a process of its own: a tracer is one thread, and waits for one child.
void start_workers(const Campaign& campaign, const Scratch& scratch, const std::vector<Call>& calls,
                   const std::vector<Fault>& faults) {
  std::vector<pid_t> workers;
  for (unsigned i = 0; i < jobs; ++i) {
    const pid_t worker = fork();
    if (worker < 0) throw_system_error("fork", errno);
    if (worker > 0) {
      workers.push_back(worker);
      continue;
    }
    const std::string name = scratch.path() + "/" + std::to_string(i);
    try {
      work_off(Bench(campaign, name), calls, faults, i, jobs, name + ".report");
      _exit(0);
    } catch (const std::exception& error) {
      fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
  }
  bool well = true;
  for (const pid_t worker : workers) {
    int status = 0;
    well = waitpid(worker, &status, 0) == worker && status == 0 && well;
  }
  if (!well) throw Error(Errc::system, "a worker failed");
}

std::vector<Call> calls_without_fault(const Bench& bench) {
  bench.restore();
  if (const std::string state = bench.state(); state != "old") {
    throw Error(Errc::malformed, "the fixture is not the old state: " + state);
  }
  bench.restore();
  Run run = bench.run({});
  const std::string state = bench.state();
  if (run.succeeded() && state == "new" && !run.calls.empty()) return std::move(run.calls);
  throw Error(Errc::malformed, "without a fault: " + state + ", " + std::to_string(run.calls.size()) +
                                   " system calls, status " + std::to_string(run.status) + ": " + run.output);
}

bool same_numbers(const std::vector<Call>& a, const std::vector<Call>& b) {
  const auto same = [](const Call& x, const Call& y) { return x.number == y.number; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

/// Those of three runs that were alike: mkstemp(3) asks for random bits once more now and then.
std::vector<Call> usual_calls(const Bench& bench) {
  std::vector<Call> usual = calls_without_fault(bench);
  for (int alike = 1, run = 1; alike < 3; ++run) {
    if (run > 20) throw Error(Errc::malformed, "no two runs make the same system calls");
    std::vector<Call> calls = calls_without_fault(bench);
    alike = same_numbers(usual, calls) ? alike + 1 : 1;
    usual = std::move(calls);
  }
  return usual;
}

}  // namespace

bool Tally::all_sound() const {
  return count[static_cast<std::size_t>(Verdict::sound)] + of(Verdict::late) == kills + failures && too_late == 0;
}

Tally carry_out(const Campaign& campaign) {
  const Scratch scratch;
  const std::vector<Call> calls = usual_calls(Bench(campaign, scratch.path() + "/first"));
  const std::vector<Fault> faults = faults_of(calls);
  start_workers(campaign, scratch, calls, faults);
  Tally out;
  out.calls = calls.size();
  for (unsigned i = 0; i < jobs; ++i) {
    std::ifstream report(scratch.path() + "/" + std::to_string(i) + ".report");
    while (report.peek() != std::ifstream::traits_type::eof()) count_line(campaign, report, out);
  }
  if (out.kills + out.failures != faults.size()) throw Error(Errc::system, "not every fault was counted");
  return out;
}

void print_heading() {
  printf("%-24s %6s %6s %6s %6s %6s %6s %6s %6s\n", "operation", "calls", "kills", "errors", "lost", "half", "untrue",
         "late", "other");
}

void print(const std::string& name, const Tally& tally) {
  printf("%-24s %6zu %6zu %6zu %6zu %6zu %6zu %6zu %6zu\n", name.c_str(), tally.calls, tally.kills, tally.failures,
         tally.of(Verdict::lost), tally.of(Verdict::half), tally.of(Verdict::untrue), tally.of(Verdict::late),
         tally.of(Verdict::crashed) + tally.of(Verdict::missed));
  if (!tally.losing_calls.empty()) {
    printf("    lost at %zu of %zu system calls\n", tally.losing_calls.size(), tally.calls);
  }
  for (const std::string& detail : tally.details) printf("    %s\n", detail.c_str());
}

}  // namespace fob::faults
