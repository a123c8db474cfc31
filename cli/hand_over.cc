#include "cli/hand_over.h"

#include <sys/stat.h>

#include <cerrno>
#include <sstream>

#include "cli/agent_connection.h"
#include "cli/file.h"
#include "cli/home.h"
#include "cli/read_key_file.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "protocol/error.h"

namespace fob::cli {
namespace {

constexpr mode_t folder_mode = 0700;
constexpr std::size_t heading_columns = 8;
constexpr std::size_t line_columns = 100;

bool is_standard_output(const PrivateFile& file) { return file.path == "-"; }

/// As ssh-keygen does.
void make_ssh_folder() {
  const std::string folder = home_directory() + "/.ssh";
  if (mkdir(folder.c_str(), folder_mode) != 0 && errno != EEXIST) {
    throw_system_error("cannot make " + shown(folder), errno);
  }
}

SecretBytes ask_passphrase(const Service& service, const std::string& path, bool no_passphrase) {
  if (no_passphrase || service.passphrase == Service::Passphrase::none) return {};
  const std::string target = path == "-" ? "the private key on standard output" : "the key file " + path;
  std::optional<SecretBytes> typed = Terminal().ask_new("New passphrase for " + target);
  if (typed) return std::move(*typed);
  throw Error(Errc::refused, service.passphrase == Service::Passphrase::required
                                 ? "no passphrase was typed, and " + service.title + " wants one: no key is made"
                                 : "no passphrase was typed: no key is made; --no-passphrase makes a file without one");
}

/// Under a heading of its own, in lines of a readable length.
void print_step(std::ostream& out, const char* heading, const std::string& text) {
  if (text.empty()) return;
  std::string line = heading;
  line.resize(heading_columns, ' ');
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (line.size() + word.size() >= line_columns && line.size() > heading_columns) {
      out << "  " << line << '\n';
      line.assign(heading_columns, ' ');
    }
    line += (line.size() > heading_columns ? " " : "") + word;
  }
  out << "  " << line << '\n';
}

std::string given(const Service& service, const PrivateFile* file) {
  if (!service.hands_over || file == nullptr) return "the public key above, the whole line";
  const std::string where = is_standard_output(*file) ? "on standard output" : "in " + shown(file->path);
  return "the whole private key " + where +
         (file->passphrase.empty() ? ", which has no passphrase" : ", and its passphrase");
}

}  // namespace

std::string usual_file(const Service& service, const std::string& key_name) {
  constexpr std::string_view place = "{name}";
  std::string out = with_home(service.file);
  const std::size_t at = out.find(place);
  if (at != std::string::npos) out.replace(at, place.size(), key_name);
  return out;
}

PrivateFile prepare_private_file(const Service& service, const std::string& wanted, const std::string& key_name,
                                 bool no_passphrase) {
  PrivateFile out;
  out.path = wanted.empty() ? usual_file(service, key_name) : wanted;
  if (wanted.empty() && out.path.starts_with(home_directory() + "/.ssh/")) make_ssh_folder();
  if (!is_standard_output(out)) check_can_create({out.path, out.path + ".pub"});
  out.passphrase = ask_passphrase(service, out.path, no_passphrase);
  return out;
}

void write_private_file(const Service& service, const PrivateFile& file, const std::string& key_name) {
  const auto exported = ask_agent_for<control::Exported>(control::ExportKey{key_name});
  const KeyFileFormat format = *service.private_format;
  const std::string name = is_standard_output(file) ? "what goes to standard output" : file.path;
  warn_of_protection(name, exported.key.public_key, format, !file.passphrase.empty());
  if (is_standard_output(file)) {
    write_standard_output(format_key_file(exported.key, exported.comment, file.passphrase, format));
  } else {
    write_key_pair(file.path, exported.key, exported.comment, file.passphrase, format);
  }
}

std::string export_command(const Service& service, const std::string& key_name, const std::string& path,
                           bool no_passphrase) {
  std::string out = "fob export " + shell_word(key_name);
  const KeyFileFormat format = service.private_format.value_or(KeyFileFormat::openssh);
  if (format != KeyFileFormat::openssh) out += " --format " + format_word(format);
  return out + (no_passphrase ? " --no-passphrase" : "") + " -o " + shell_word(path);
}

void print_next_steps(std::ostream& out, const Service& service, const control::Key& key, const PrivateFile* file) {
  const std::string label = label_for(service, key.name);
  out << "\nNext, for " << service.title << ":\n";
  print_step(out, "Give", given(service, file));
  print_step(out, "Where", service.paste);
  print_step(out, "Name", service.label_also || service.label_bytes != 0 ? label : "");
  print_step(out, "Test", service.test);
  print_step(out, "Note", service.notes);
  if (file == nullptr || is_standard_output(*file)) return;
  const std::string path = shown(file->path);
  if (service.hands_over) {
    print_step(out, "Then", "remove " + path + "; this writes it again:");
    // Not broken into lines: it is to be typed.
    out << "  " << std::string(heading_columns, ' ')
        << export_command(service, key.name, file->path, file->passphrase.empty()) << '\n';
  } else {
    print_step(out, "File", path + " is for programs that do not ask the agent, which has the key, too");
  }
}

}  // namespace fob::cli
