#include "cli/command_line.h"

#include <CLI/CLI.hpp>

namespace fob::cli {

Option Option::required(bool is) const { return Option(option_->required(is)); }
Option Option::type_name(const std::string& name) const { return Option(option_->type_name(name)); }
Option Option::check(const CheckValue& check) const { return Option(option_->check(check)); }
Option Option::words(const std::vector<std::string>& words) const {
  return Option(option_->check(CLI::IsMember(words)));
}
Option Option::range(unsigned least, unsigned most) const { return Option(option_->check(CLI::Range(least, most))); }

Option Option::transform(const std::function<std::string(std::string)>& change) const {
  return Option(option_->transform([change](const std::string& value) {
    try {
      return change(value);
    } catch (const UsageError& error) {
      throw CLI::ValidationError(error.what());
    }
  }));
}

Option Option::capture_default_str() const { return Option(option_->capture_default_str()); }
Option Option::needs(Option other) const { return Option(option_->needs(other.option_)); }
Option Option::excludes(Option other) const { return Option(option_->excludes(other.option_)); }

Option Command::add_option(const std::string& names, std::string& value, const std::string& description) const {
  return Option(app_->add_option(names, value, description));
}

Option Command::add_option(const std::string& names, std::optional<std::string>& value,
                           const std::string& description) const {
  return Option(app_->add_option(names, value, description));
}

Option Command::add_option(const std::string& names, std::vector<std::string>& values,
                           const std::string& description) const {
  return Option(app_->add_option(names, values, description));
}

Option Command::add_option(const std::string& names, std::uint32_t& value, const std::string& description) const {
  return Option(app_->add_option(names, value, description));
}

Option Command::add_option_function(const std::string& names, const std::function<void(const std::string&)>& take,
                                    const std::string& description) const {
  return Option(app_->add_option_function<std::string>(names, take, description));
}

Option Command::add_list_function(const std::string& names,
                                  const std::function<void(const std::vector<std::string>&)>& take,
                                  const std::string& description) const {
  return Option(app_->add_option_function<std::vector<std::string>>(names, take, description)
                    ->allow_extra_args(false)
                    ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
}

Option Command::add_flag(const std::string& names, bool& value, const std::string& description) const {
  return Option(app_->add_flag(names, value, description));
}

Option Command::add_flag(const std::string& names, const std::string& description) const {
  return Option(app_->add_flag(names)->description(description));
}

Command Command::add_subcommand(const std::string& name, const std::string& description) const {
  return Command(app_->add_subcommand(name, description));
}

void Command::require_subcommand(unsigned least, unsigned most) const { app_->require_subcommand(least, most); }

std::vector<Command> Command::subcommands() const {
  std::vector<Command> out;
  for (CLI::App* app : app_->get_subcommands(nullptr)) out.emplace_back(app);
  return out;
}

std::string Command::name() const { return app_->get_name(); }
std::string Command::group() const { return app_->get_group(); }
void Command::set_group(const std::string& title) const { app_->group(title); }

bool Command::is_given(const std::string& option) const { return app_->count(option) > 0; }

bool Command::is_given_above(const std::string& option) const {
  for (const CLI::App* above = app_->get_parent(); above != nullptr; above = above->get_parent()) {
    if (above->count(option) > 0) return true;
  }
  return false;
}

std::vector<std::string> Command::given() const {
  std::vector<std::string> out;
  for (const CLI::Option* option : app_->get_options()) {
    if (option->count() > 0) out.push_back(option->get_name());
  }
  return out;
}

void Command::when_parsed(const std::function<void()>& check) const { app_->parse_complete_callback(check); }

void Command::when_chosen(const std::function<void()>& choose) const {
  app_->callback([app = app_, choose] {
    if (app->get_subcommands().empty()) choose();  // else those below have run before
  });
}

CommandLine::CommandLine(const std::string& description, const std::string& name, const std::string& version)
    : app_(std::make_unique<CLI::App>(description, name)) {
  app_->set_version_flag("--version", version, "print the version");
}

CommandLine::~CommandLine() = default;

bool CommandLine::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw UsageError(error.what());
    app_->exit(error);
    return false;
  }
}

}  // namespace fob::cli
