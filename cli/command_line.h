#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace fob::cli {

/// The command line as the commands define it: CLI11 behind a header that is quick to compile, for every command's
/// file includes it. `Option` and `Command` are handles, to be passed by value; what they mean lives as long as the
/// CommandLine, and so must the variables that options set.

/// What is wrong with the command line, for the person who typed it.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Empty, or why `value` is refused.
using CheckValue = std::function<std::string(const std::string& value)>;

class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option required(bool is = true) const;
  /// What help calls the value.
  Option type_name(const std::string& name) const;
  Option check(const CheckValue& check) const;
  /// Takes one of these only.
  Option words(const std::vector<std::string>& words) const;
  Option range(unsigned least, unsigned most) const;
  /// What it was given becomes what `change` gives, which may throw UsageError.
  Option transform(const std::function<std::string(std::string)>& change) const;
  /// Help shows the value that is in the variable now.
  Option capture_default_str() const;
  Option needs(Option other) const;
  Option excludes(Option other) const;

 private:
  CLI::Option* option_;
};

class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  /// `names`: "-o,--output", or "FILE" of one that goes by its place. Each sets its variable while the line is parsed.
  Option add_option(const std::string& names, std::string& value, const std::string& description) const;
  Option add_option(const std::string& names, std::optional<std::string>& value, const std::string& description) const;
  Option add_option(const std::string& names, std::vector<std::string>& values, const std::string& description) const;
  Option add_option(const std::string& names, std::uint32_t& value, const std::string& description) const;
  Option add_option_function(const std::string& names, const std::function<void(const std::string&)>& take,
                             const std::string& description) const;
  /// May be given several times, with a value each; `take` gets them all.
  Option add_list_function(const std::string& names, const std::function<void(const std::vector<std::string>&)>& take,
                           const std::string& description) const;
  Option add_flag(const std::string& names, bool& value, const std::string& description) const;
  /// One that is_given and is_given_above tell of.
  Option add_flag(const std::string& names, const std::string& description) const;

  Command add_subcommand(const std::string& name, const std::string& description) const;
  void require_subcommand(unsigned least, unsigned most) const;
  /// In the order in which they were added.
  std::vector<Command> subcommands() const;

  std::string name() const;
  /// Under which title help lists it.
  std::string group() const;
  void set_group(const std::string& title) const;

  /// Whether the line had that option of this command's, or of a command above it.
  bool is_given(const std::string& option) const;
  bool is_given_above(const std::string& option) const;
  /// The options that the line had, each by its long name.
  std::vector<std::string> given() const;

  /// What looks at the options once all are there; may throw UsageError.
  void when_parsed(const std::function<void()>& check) const;
  /// What is done when the line names this command, and none below it.
  void when_chosen(const std::function<void()>& choose) const;

 private:
  CLI::App* app_;
};

class CommandLine {
 public:
  CommandLine(const std::string& description, const std::string& name, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Command root() const { return Command(app_.get()); }

  /// False where help, or the version, was all that was asked for: it is on standard output then. Throws UsageError.
  bool parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace fob::cli
