#include "tests/faults/tracer.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "protocol/error.h"
#include "tests/faults/registers.h"

namespace fob::faults {
namespace {

constexpr int cannot_be_traced = 77;
constexpr int cannot_be_run = 127;
constexpr unsigned longest_run_seconds = 60;
constexpr int system_call_stop = SIGTRAP | 0x80;  // PTRACE_O_TRACESYSGOOD

/// What the child wrote, kept in memory.
class Output {
 public:
  Output() : file_(memfd_create("output", MFD_CLOEXEC)) {
    if (file_ < 0) throw_system_error("memfd_create", errno);
  }
  ~Output() { close(file_); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  int file() const { return file_; }
  std::string text() const {
    std::string out;
    char buffer[4096];
    for (ssize_t got = 0; (got = pread(file_, buffer, sizeof(buffer), static_cast<off_t>(out.size()))) > 0;) {
      out.append(buffer, static_cast<std::size_t>(got));
    }
    return out;
  }

 private:
  int file_;
};

/// What it throws ends it by SIGABRT, and goes no further up: those are the parent's frames.
[[noreturn]] void be_child(const Program& program, int output, bool traced) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  alarm(longest_run_seconds);
  if (traced) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(cannot_be_traced);
    raise(SIGSTOP);
  }
  const int status = program();
  fflush(nullptr);
  _exit(status);
}

pid_t start(const Program& program, int output, bool traced) {
  fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw_system_error("fork", errno);
  if (child == 0) be_child(program, output, traced);
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, __WALL) < 0) {
    if (errno != EINTR) throw_system_error("waitpid", errno);
  }
  return status;
}

/// Follows a child and all that it starts until none of them is left.
class Tracer {
 public:
  Tracer(pid_t child, bool marked, const Fault& fault) : child_(child), marked_(marked), fault_(fault) {}

  Run follow();

 private:
  /// What is to be done when a thread's system call is over.
  struct AtItsEnd {
    bool kill = false;
    int error = 0;
  };

  void attach();
  void stopped(pid_t thread, int status);
  void at_system_call(pid_t thread);
  void entered(pid_t thread, const Call& call);
  void inject(pid_t thread, const Call& call);
  void make_fail(pid_t thread, const Call& call);
  void left(pid_t thread);
  void kill_all();

  const pid_t child_;
  const bool marked_;
  const Fault fault_;
  bool counting_ = false;
  bool failing_on_ = false;
  std::set<pid_t> threads_;
  std::map<pid_t, AtItsEnd> at_end_;
  Run run_;
};

void Tracer::attach() {
  const int status = wait_for(child_);
  if (!WIFSTOPPED(status)) throw Error(Errc::unsupported, "ptrace(2) may not be used here");
  constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                           PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
  if (ptrace(PTRACE_SETOPTIONS, child_, nullptr, options) != 0) throw_system_error("PTRACE_SETOPTIONS", errno);
  threads_.insert(child_);
  ptrace(PTRACE_SYSCALL, child_, nullptr, nullptr);
}

Run Tracer::follow() {
  attach();
  for (;;) {
    int status = 0;
    const pid_t thread = waitpid(-1, &status, __WALL);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0 && errno == ECHILD) return std::move(run_);
    if (thread < 0) throw_system_error("waitpid", errno);
    if (WIFSTOPPED(status)) {
      stopped(thread, status);
    } else {
      threads_.erase(thread);
      if (thread == child_) run_.status = status;
    }
  }
}

void Tracer::stopped(pid_t thread, int status) {
  const bool is_new = threads_.insert(thread).second;
  const int signal = WSTOPSIG(status);
  const int event = status >> 16;
  long deliver = 0;
  if (signal == system_call_stop) {
    at_system_call(thread);
  } else if (event == PTRACE_EVENT_EXEC) {
    counting_ = counting_ || !marked_;
  } else if (event == 0 && !(is_new && signal == SIGSTOP)) {
    deliver = signal;
  }
  // Fails where it was just killed.
  ptrace(PTRACE_SYSCALL, thread, nullptr, deliver);
}

void Tracer::at_system_call(pid_t thread) {
  __ptrace_syscall_info info{};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) <= 0) {
    if (errno == ESRCH) return;
    throw Error(Errc::unsupported, "this kernel does not tell system calls (PTRACE_GET_SYSCALL_INFO, Linux 5.3)");
  }
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    Call call;
    call.number = info.entry.nr;
    std::copy(std::begin(info.entry.args), std::end(info.entry.args), call.arguments.begin());
    entered(thread, call);
  } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
    left(thread);
  }
}

void Tracer::entered(pid_t thread, const Call& call) {
  if (marked_ && call.number == SYS_close) {
    if (call.arguments[0] == begin_mark) counting_ = true;
    if (call.arguments[0] == end_mark) counting_ = false;
    if (call.arguments[0] == begin_mark || call.arguments[0] == end_mark) return;
  }
  if (!counting_) return;
  const std::size_t index = run_.calls.size();
  run_.calls.push_back(call);
  if (fault_.kind != Fault::Kind::none && index == fault_.at) {
    run_.injected = true;
    inject(thread, call);
  } else if (failing_on_ && can_fail_with(call, fault_.error)) {
    make_fail(thread, call);
  }
}

void Tracer::inject(pid_t thread, const Call& call) {
  const std::uint64_t half = call.arguments[2] / 2;
  switch (fault_.kind) {
    case Fault::Kind::none: return;
    case Fault::Kind::kill_before: skip_call(thread); return kill_all();
    case Fault::Kind::kill_after: at_end_[thread].kill = true; return;
    case Fault::Kind::kill_torn:
      set_third_argument(thread, half);
      at_end_[thread].kill = true;
      return;
    case Fault::Kind::fail: return make_fail(thread, call);
    case Fault::Kind::fail_on: failing_on_ = true; return make_fail(thread, call);
    case Fault::Kind::fail_torn: failing_on_ = true; return set_third_argument(thread, half);
  }
}

void Tracer::make_fail(pid_t thread, const Call& call) {
  if (!acts_though_it_fails(call)) skip_call(thread);
  at_end_[thread].error = fault_.error;
}

void Tracer::left(pid_t thread) {
  const auto found = at_end_.find(thread);
  if (found == at_end_.end()) return;
  const AtItsEnd wanted = found->second;
  at_end_.erase(found);
  if (wanted.error != 0) set_result(thread, -wanted.error);
  if (wanted.kill) kill_all();
}

/// All of them are our own, and not reaped yet: no number of theirs can belong to another process.
void Tracer::kill_all() {
  for (const pid_t thread : threads_) kill(thread, SIGKILL);
}

}  // namespace

std::string description(const Fault& fault) {
  switch (fault.kind) {
    case Fault::Kind::none: return "nothing";
    case Fault::Kind::kill_before: return "killed before";
    case Fault::Kind::kill_after: return "killed after";
    case Fault::Kind::kill_torn: return "killed in the middle";
    case Fault::Kind::fail: return name_of_error(fault.error) + " once";
    case Fault::Kind::fail_on: return name_of_error(fault.error) + " from then on";
    case Fault::Kind::fail_torn: return name_of_error(fault.error) + " in the middle and from then on";
  }
  return "";
}

bool Run::succeeded() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

bool Run::failed() const { return WIFEXITED(status) && WEXITSTATUS(status) != 0; }

Program command(std::vector<std::string> words) {
  return [words = std::move(words)] {
    std::vector<char*> pointers;
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    execvp(pointers[0], pointers.data());
    return cannot_be_run;
  };
}

Run run_traced(const Program& program, bool marked, const Fault& fault) {
  if (!knows_registers()) throw Error(Errc::unsupported, "the registers of this machine are not known");
  const Output output;
  Run out = Tracer(start(program, output.file(), true), marked, fault).follow();
  out.output = output.text();
  return out;
}

Run run_plainly(const Program& program) {
  const Output output;
  Run out;
  out.status = wait_for(start(program, output.file(), false));
  out.output = output.text();
  return out;
}

}  // namespace fob::faults
