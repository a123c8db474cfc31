#include "tests/virtual/pkcs11/control.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <utility>

namespace fob::faulty {
namespace {

const std::map<std::string, CK_FLAGS, std::less<>> token_flags = {
    {"pin_count_low", CKF_USER_PIN_COUNT_LOW}, {"final_try", CKF_USER_PIN_FINAL_TRY},
    {"locked", CKF_USER_PIN_LOCKED},           {"pin_pad", CKF_PROTECTED_AUTHENTICATION_PATH},
    {"pin_set", CKF_USER_PIN_INITIALIZED},     {"login_required", CKF_LOGIN_REQUIRED},
    {"write_protected", CKF_WRITE_PROTECTED},
};
const std::map<std::string, CK_FLAGS, std::less<>> slot_flags = {
    {"removable", CKF_REMOVABLE_DEVICE},
    {"hardware", CKF_HW_SLOT},
};

[[noreturn]] void hang() {
  for (;;) ::pause();
}

[[noreturn]] void deadlock() {
  std::mutex mutex;
  mutex.lock();
  mutex.lock();
  hang();
}

void segfault() {
  void* page = ::mmap(nullptr, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *static_cast<volatile char*>(page) = 1;
}

bool set_flags(const std::vector<std::string>& words, const std::map<std::string, CK_FLAGS, std::less<>>& names,
               CK_FLAGS& set, CK_FLAGS& cleared) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto found = names.find(std::string_view(words[i]).substr(1));
    if (found == names.end() || (words[i][0] != '+' && words[i][0] != '-')) return false;
    (words[i][0] == '+' ? set : cleared) |= found->second;
  }
  return words.size() > 1;
}

const char* control_path() { return std::getenv("FOB_FAULTY_CONTROL"); }

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

void note(const char* variable, const std::string& line) {
  const char* path = std::getenv(variable);
  if (path == nullptr) return;
  const int fd = ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  const std::string text = line + '\n';
  if (fd < 0 || ::write(fd, text.data(), text.size()) < 0) std::perror(path);
  if (fd >= 0) ::close(fd);
}

Control& Control::instance() {
  static auto* control = new Control;  // for calls while the process ends
  return *control;
}

Behaviour Control::behaviour() {
  const std::lock_guard lock(mutex_);
  refresh();
  return behaviour_;
}

bool Control::take_removal() {
  const std::lock_guard lock(mutex_);
  refresh();
  return std::exchange(removal_due_, false);
}

std::optional<CK_RV> Control::strike(std::string_view function) {
  std::vector<Fault> due;
  {
    const std::lock_guard lock(mutex_);
    refresh();
    for (const Fault& fault : faults_) {
      if (fault.function == function && still_due(fault)) due.push_back(fault);
    }
  }
  for (const Fault& fault : due) {
    if (fault.kind == "hang") hang();
    if (fault.kind == "deadlock") deadlock();
    if (fault.kind == "abort") std::abort();
    if (fault.kind == "segfault") segfault();
    if (fault.kind == "return") return fault.number;
    std::this_thread::sleep_for(std::chrono::milliseconds(fault.number));
  }
  return std::nullopt;
}

void Control::refresh() {
  const char* path = control_path();
  struct stat now {};
  if (path == nullptr || ::stat(path, &now) != 0) now = {};
  if (same_file(now, seen_)) return;
  seen_ = now;
  const bool was_removed = behaviour_.removed;
  faults_.clear();
  behaviour_ = {};
  if (now.st_ino != 0) read(path);
  if (behaviour_.removed && !was_removed) removal_due_ = true;
}

void Control::read(const std::string& path) {
  std::ifstream file(path);
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) understand(line, ++number);
}

void Control::understand(const std::string& text, std::size_t line) {
  std::vector<std::string> words;
  std::istringstream in(text.substr(0, text.find('#')));
  for (std::string word; in >> word;) words.push_back(word);
  if (words.empty() || understand_behaviour(words) || understand_fault(words, line)) return;
  std::fprintf(stderr, "libfob-faulty-pkcs11: not understood: %s\n", text.c_str());
  std::abort();
}

bool Control::understand_behaviour(const std::vector<std::string>& words) {
  const std::string second = words.size() == 2 ? words[1] : "";
  if (words[0] == "token" && second == "removed") return behaviour_.removed = true;
  if (words[0] == "token" && second == "replugged") return removal_due_ = true;
  if (words[0] == "token") return set_flags(words, token_flags, behaviour_.token_set, behaviour_.token_cleared);
  if (words[0] == "slot") return set_flags(words, slot_flags, behaviour_.slot_set, behaviour_.slot_cleared);
  if (words[0] == "public_keys" && second == "hidden") return behaviour_.public_keys_hidden = true;
  if (words[0] == "always_authenticate" && second == "claimed") return behaviour_.always_authenticate = true;
  if (words[0] != "ec_point" || (second != "raw" && second != "wrapped")) return false;
  behaviour_.ec_point = second == "raw" ? Point::raw : Point::wrapped;
  return true;
}

bool Control::understand_fault(const std::vector<std::string>& words, std::size_t line) {
  if (!words[0].starts_with("C_") || words.size() < 2) return false;
  const bool has_number = words[1] == "sleep" || words[1] == "return";
  const bool known =
      has_number || words[1] == "hang" || words[1] == "deadlock" || words[1] == "abort" || words[1] == "segfault";
  const std::size_t plain = has_number ? 3 : 2;
  const bool once = words.size() == plain + 1 && words.back() == "once";
  if (!known || (words.size() != plain && !once)) return false;
  Fault fault{.function = words[0], .kind = words[1], .number = 0, .once = once, .line = line};
  if (has_number) {
    char* end = nullptr;
    fault.number = std::strtoul(words[2].c_str(), &end, 0);
    if (end == words[2].c_str() || *end != '\0') return false;
  }
  faults_.push_back(std::move(fault));
  return true;
}

/// Notes that a `once` is used up by this call, unless another call was first.
bool Control::still_due(const Fault& fault) const {
  if (!fault.once) return true;
  const std::string path = std::string(control_path()) + ".used";
  const int fd = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::flock(fd, LOCK_EX) != 0) {
    std::perror(path.c_str());
    std::abort();
  }
  std::ostringstream mark;
  mark << seen_.st_ino << ' ' << seen_.st_mtim.tv_sec << '.' << seen_.st_mtim.tv_nsec << ' ' << fault.line;
  std::ifstream used(path);
  bool due = true;
  for (std::string line; std::getline(used, line);) due = due && line != mark.str();
  const std::string line = mark.str() + '\n';
  if (due && ::write(fd, line.data(), line.size()) < 0) std::perror(path.c_str());
  ::close(fd);
  return due;
}

}  // namespace fob::faulty
