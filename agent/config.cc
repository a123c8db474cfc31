#include "agent/config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "agent/command_line.h"
#include "agent/socket_path.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

/// Some files that are not TOML run into assertions of toml++ 3.3 instead of its errors.
[[noreturn]] void fail_in_parser() { throw Error(Errc::malformed, "its parser gave up"); }

}  // namespace
}  // namespace fob

// The agent has one file to parse: inlined here rather than loaded as one more library into the process with the keys.
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ASSERT(condition) ((condition) ? void() : fob::fail_in_parser())
// Else toml++ would have the compiler take its assertions for granted.
#undef NDEBUG
#include <toml++/toml.h>

namespace fob {
namespace {

constexpr std::size_t file_bytes = 64 * 1024;
/// toml++ recurses for each dot of a key.
constexpr std::size_t line_bytes = 4096;
constexpr mode_t group_or_other_writes = 022;

[[noreturn]] void fail(const std::string& path, const toml::source_region& where, const std::string& text) {
  throw Error(Errc::malformed, path + ":" + std::to_string(where.begin.line) + ": " + text);
}

/// One table of the file. Each call takes a key; what nobody took is unknown.
class Section {
 public:
  /// `name` as it stands between brackets; empty for the whole file.
  Section(const std::string& path, std::string name, const toml::table& table)
      : path_(path), name_(std::move(name)), table_(table) {}

  /// No control characters: such a text is a path or for people.
  void take(const char* key, std::string& value) {
    const toml::node* node = find(key, "a string in quotes", toml::node_type::string);
    if (node == nullptr) return;
    value = node->as_string()->get();
    if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; })) {
      fail(path_, node->source(), full_name(key) + " holds a control character");
    }
  }
  void take(const char* key, bool& value) {
    const toml::node* node = find(key, "true or false", toml::node_type::boolean);
    if (node != nullptr) value = node->as_boolean()->get();
  }
  void take_path(const char* key, std::string& value) {
    take(key, value);
    const toml::node* node = table_.get(key);
    if (node != nullptr && !value.starts_with('/')) {
      fail(path_, node->source(), full_name(key) + " is \"" + printable(value) + "\", wanted a path from /");
    }
  }
  void take_time(const char* key, std::chrono::seconds& value) {
    std::string text;
    take(key, text);
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    try {
      value = std::chrono::seconds(parse_seconds(text));
    } catch (const UsageError&) {
      fail(path_, node->source(), full_name(key) + " is \"" + printable(text) + "\", wanted a time such as \"5m\"");
    }
  }
  /// A list of "NAME=value".
  void take_environment(const char* key, std::vector<std::string>& value) {
    const std::string wanted = "a list of \"NAME=value\"";
    const toml::node* node = find(key, wanted, toml::node_type::array);
    if (node == nullptr) return;
    for (const toml::node& element : *node->as_array()) {
      const auto text = element.value<std::string>();
      const std::size_t equals = text ? text->find('=') : 0;
      if (equals == 0 || equals == std::string::npos || text->find('\0') != std::string::npos) {
        fail(path_, element.source(), full_name(key) + ": wanted " + wanted);
      }
      value.push_back(*text);
    }
  }
  /// A list of some of the words of `choices`, which say what is chosen.
  void take_choices(const char* key, const std::map<std::string_view, bool*>& choices) {
    std::string wanted = "a list of";
    for (const auto& [word, chosen] : choices) wanted += " \"" + std::string(word) + "\"";
    const toml::node* node = find(key, wanted, toml::node_type::array);
    if (node == nullptr) return;
    for (const auto& [word, chosen] : choices) *chosen = false;
    for (const toml::node& element : *node->as_array()) {
      const auto found = choices.find(element.value<std::string>().value_or(""));
      if (found == choices.end()) fail(path_, element.source(), full_name(key) + ": wanted " + wanted);
      *found->second = true;
    }
  }
  std::optional<Section> take_section(const char* key) {
    const toml::node* node = find(key, "a section [" + full_name(key) + "]", toml::node_type::table);
    if (node == nullptr) return std::nullopt;
    return Section(path_, full_name(key), *node->as_table());
  }
  std::vector<Section> take_sections(const char* key) {
    const std::string wanted = "sections [[" + full_name(key) + "]]";
    const toml::node* node = find(key, wanted, toml::node_type::array);
    std::vector<Section> out;
    if (node == nullptr) return out;
    for (const toml::node& element : *node->as_array()) {
      if (!element.is_table()) fail(path_, element.source(), full_name(key) + " is a list of values, wanted " + wanted);
      out.emplace_back(path_, full_name(key), *element.as_table());
    }
    return out;
  }

  /// Throws where there is more than was taken.
  void done() const {
    for (const auto& [key, node] : table_) {
      if (taken_.contains(key.str())) continue;
      fail(path_, key.source(), full_name(printable(key.str())) + " is unknown; see fob-agent.toml(5)");
    }
  }
  [[noreturn]] void complain(const char* key, const std::string& text) const {
    const toml::node* node = table_.get(key);
    fail(path_, node != nullptr ? node->source() : table_.source(), full_name(key) + " " + text);
  }

 private:
  std::string full_name(const std::string& key) const { return name_.empty() ? key : name_ + "." + key; }

  /// nullptr: not there.
  const toml::node* find(const char* key, const std::string& wanted, toml::node_type type) {
    taken_.insert(key);
    const toml::node* node = table_.get(key);
    if (node != nullptr && node->type() != type) fail(path_, node->source(), full_name(key) + ": wanted " + wanted);
    return node;
  }

  const std::string& path_;
  std::string name_;
  const toml::table& table_;
  std::set<std::string_view> taken_;
};

void read_fido(Section section, Config::Fido& out) {
  section.take_time("pin_cache", out.pin_cache);
  for (Section& entry : section.take_sections("socket")) {
    Config::Fido::Socket socket;
    entry.take_path("path", socket.path);
    entry.take("name", socket.name);
    entry.take("serial", socket.serial);
    entry.done();
    if (socket.path.empty()) entry.complain("path", "is missing");
    const auto same_path = [&](const Config::Fido::Socket& other) { return other.path == socket.path; };
    if (std::any_of(out.sockets.begin(), out.sockets.end(), same_path)) entry.complain("path", "is given twice");
    out.sockets.push_back(std::move(socket));
  }
  section.done();
}

void read_pkcs11(Section section, Config::Pkcs11& out) {
  section.take_time("pin_cache", out.pin_cache);
  section.take("registered", out.registered);
  for (Section& entry : section.take_sections("module")) {
    Config::Pkcs11::Module module;
    entry.take_path("path", module.path);
    entry.take("name", module.name);
    entry.take("network", module.network);
    entry.take_environment("environment", module.environment);
    entry.done();
    if (module.path.empty()) entry.complain("path", "is missing");
    const auto same_path = [&](const Config::Pkcs11::Module& other) { return other.path == module.path; };
    if (std::any_of(out.modules.begin(), out.modules.end(), same_path)) entry.complain("path", "is given twice");
    if (out.modules.size() >= limits::pkcs11_modules) entry.complain("path", "is one module too many");
    out.modules.push_back(std::move(module));
  }
  section.done();
}

void read_prompt(Section section, Config::Prompt& out) {
  std::string program = "askpass";
  section.take("program", program);
  if (program != "askpass" && program != "pinentry") {
    section.complain("program", "is \"" + printable(program) + "\", wanted \"askpass\" or \"pinentry\"");
  }
  out.program = program == "askpass" ? Config::Prompt::Program::askpass : Config::Prompt::Program::pinentry;
  section.take_path("pinentry", out.pinentry);
  section.take("notifications", out.notifications);
  section.done();
}

void read_vault(Section section, Config::Vault& out) {
  section.take_path("path", out.path);
  section.take_time("lock_after", out.lock_after);
  const std::map<std::string_view, bool*> occasions{{"sleep", &out.lock_on_sleep},
                                                    {"screen-lock", &out.lock_on_screen_lock},
                                                    {"agent-lock", &out.lock_on_agent_lock},
                                                    {"SIGUSR1", &out.lock_on_sigusr1},
                                                    {"idle", &out.lock_on_idle}};
  section.take_choices("lock_on", occasions);
  section.done();
}

Config read_config(const std::string& path, const toml::table& table) {
  Config out;
  Section all(path, "", table);
  if (const auto section = all.take_section("fido")) read_fido(*section, out.fido);
  if (const auto section = all.take_section("pkcs11")) read_pkcs11(*section, out.pkcs11);
  if (const auto section = all.take_section("prompt")) read_prompt(*section, out.prompt);
  if (const auto section = all.take_section("vault")) read_vault(*section, out.vault);
  all.done();
  return out;
}

void check_lines(const std::string& path, std::string_view text) {
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t size = std::min(text.find('\n'), text.size());
    if (size > line_bytes) {
      throw Error(Errc::malformed, path + ":" + std::to_string(line) + ": line of " + std::to_string(size) +
                                       " bytes, at most " + std::to_string(line_bytes) + " are allowed");
    }
    text.remove_prefix(std::min(size + 1, text.size()));
  }
}

toml::table parse(const std::string& path, const std::string& text) {
  check_lines(path, text);
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    fail(path, error.source(), "not TOML: " + printable(error.description()));
  } catch (const Error& error) {
    throw Error(error.code(), path + ": not TOML: " + error.what());
  }
}

/// Whoever can write the file can have the agent run a program of theirs.
void check_file(const std::string& path, const struct stat& status) {
  if (!S_ISREG(status.st_mode)) throw Error(Errc::refused, path + " is not a regular file");
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    throw Error(Errc::refused, path + " is owned by user " + std::to_string(status.st_uid) + ", wanted " +
                                   std::to_string(geteuid()) + ", who runs this agent, or root");
  }
  if ((status.st_mode & group_or_other_writes) != 0) {
    throw Error(Errc::refused, "others can write to " + path + ": check it, then chmod go-w " + path);
  }
  if (static_cast<std::uint64_t>(status.st_size) > file_bytes) {
    throw Error(Errc::too_large, path + " has " + std::to_string(status.st_size) + " bytes, at most " +
                                     std::to_string(file_bytes) + " are allowed");
  }
}

/// Closes the descriptor in any case.
std::string read_file(const std::string& path, int descriptor) {
  std::string out(file_bytes, '\0');
  std::size_t size = 0;
  try {
    struct stat status {};
    if (fstat(descriptor, &status) != 0) throw_system_error("cannot read " + path, errno);
    check_file(path, status);
    for (ssize_t got = 1; got > 0; size += static_cast<std::size_t>(got)) {
      got = read(descriptor, out.data() + size, out.size() - size);
      if (got < 0) throw_system_error("cannot read " + path, errno);
    }
  } catch (const Error&) {
    close(descriptor);
    throw;
  }
  close(descriptor);
  out.resize(size);
  return out;
}

/// Empty where there is no home.
std::string default_path() {
  const char* base = getenv("XDG_CONFIG_HOME");
  // The XDG Base Directory Specification: a relative path is to be ignored.
  if (base != nullptr && *base == '/') return std::string(base) + "/fob/agent.toml";
  try {
    return home_directory() + "/.config/fob/agent.toml";
  } catch (const Error&) {
    return "";
  }
}

/// Whether there is none, and none could be meant for this user: its folder may be another's (HOME kept by sudo -E).
bool is_missing(const std::string& path, int error) {
  struct stat status {};
  if (error == EACCES) return lstat(path.c_str(), &status) != 0;
  return error == ENOENT || error == ENOTDIR;
}

}  // namespace

Config load_config(const std::string& explicit_path) {
  const std::string path = explicit_path.empty() ? default_path() : explicit_path;
  if (path.empty()) return {};
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (descriptor < 0) {
    const int error = errno;
    if (explicit_path.empty() && is_missing(path, error)) return {};
    throw_system_error("cannot read the configuration " + path, error);
  }
  return read_config(path, parse(path, read_file(path, descriptor)));
}

}  // namespace fob
