#include "agent/pkcs11_modules.h"

#include <cstdlib>

#include "agent/helper_program.h"
#include "agent/log.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

constexpr char host_name[] = "fob-token-host";
/// A library has no business with the agent's sockets.
const std::vector<std::string> host_environment{"SSH_AUTH_SOCK=", "FOB_CONTROL_SOCK="};

/// The path as the loader sees it, or as it stands where there is nothing.
std::string resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : path;
}

}  // namespace

Pkcs11Modules::Pkcs11Modules(asio::io_context& io, const Config::Pkcs11& config, ProviderPolicy policy)
    : io_(io),
      config_(config),
      policy_(std::move(policy)),
      registry_(io, {{helper_program(host_name), "pkcs11-modules"}, nullptr, host_environment, !logs(LogLevel::debug)}),
      readers_(io, {{helper_program(host_name), "readers"}, nullptr, host_environment, !logs(LogLevel::debug)}) {
  for (Config::Pkcs11::Module& module : config_.modules) module.path = resolved(module.path);
}

const Config::Pkcs11::Module* Pkcs11Modules::settings_of(const std::string& path) const {
  for (const Config::Pkcs11::Module& module : config_.modules) {
    if (module.path == path) return &module;
  }
  return nullptr;
}

Pkcs11Modules::Shared Pkcs11Modules::at(const std::string& path) {
  Shared& module = modules_[path];
  if (module) return module;
  if (modules_.size() == 1 && on_first_use) on_first_use();
  // Some modules write a page for each reader that is missing.
  TokenClient::Launch launch{
      {helper_program(host_name), "pkcs11", path}, nullptr, host_environment, !logs(LogLevel::debug)};
  const Config::Pkcs11::Module* settings = settings_of(path);
  if (settings == nullptr || settings->network) launch.argv.emplace_back("network");
  if (settings != nullptr) {
    launch.environment.insert(launch.environment.end(), settings->environment.begin(), settings->environment.end());
  }
  module = std::make_shared<Pkcs11Module>(io_, path, std::move(launch));
  if (settings != nullptr) module->name = settings->name;
  return module;
}

Awaitable<Pkcs11Modules::Shared> Pkcs11Modules::allowed(std::string path) {
  if (const Shared known = find(path)) co_return known;
  std::string refusal;
  try {
    if (policy_.resolve_library(path, false) == path) co_return at(path);
    refusal = printable(path) + " leads elsewhere now";
  } catch (const Error& error) {
    refusal = error.what();
  }
  const std::vector<Shared> all = co_await configured();
  for (const Shared& module : all) {
    if (module->path == path) co_return module;
  }
  throw Error(Errc::refused, "the key's module is neither configured nor registered with p11-kit, and: " + refusal);
}

Pkcs11Modules::Shared Pkcs11Modules::find(const std::string& path) const {
  const auto found = modules_.find(path);
  return found == modules_.end() ? nullptr : found->second;
}

Awaitable<std::vector<Pkcs11Modules::Shared>> Pkcs11Modules::configured() {
  std::map<std::string, Shared> out;  // one that is configured twice is there once
  for (const Config::Pkcs11::Module& module : config_.modules) out.emplace(module.path, at(module.path));
  if (config_.registered) {
    try {
      const host::ModuleList list =
          co_await registry_.request<host::ModuleList>(host::ListModules(), limits::token_deadline);
      registry_.end_host();
      for (const RegisteredModule& module : list.modules) {
        const Shared known = at(resolved(module.path));
        if (known->name.empty()) known->name = module.name;
        out.emplace(known->path, known);
      }
    } catch (const Error& error) {
      // One broken module of many: those of fob's own configuration go on.
      log_error("p11-kit's modules are not known: " + std::string(error.what()));
    }
  }
  // And what ssh-add -s has brought.
  for (const auto& [path, module] : modules_) {
    if (module->added > 0) out.emplace(path, module);
  }
  std::vector<Shared> modules;
  for (const auto& [path, module] : out) modules.push_back(module);
  co_return modules;
}

Awaitable<std::vector<CardReader>> Pkcs11Modules::readers() {
  try {
    host::ReaderList list =
        co_await readers_.request<host::ReaderList>(host::ListReaders(), limits::token_cancel_grace);
    readers_.end_host();
    co_return std::move(list.readers);
  } catch (const Error& error) {
    log_debug("smartcard readers are not known: " + std::string(error.what()));
  }
  co_return std::vector<CardReader>();
}

void Pkcs11Modules::forget_pins() {
  for (const auto& [path, module] : modules_) module->forget_pins();
}

void Pkcs11Modules::close_all() {
  for (const auto& [path, module] : modules_) {
    module->forget_pins();
    module->client.retire();
  }
  registry_.retire();
  readers_.retire();
}

std::size_t Pkcs11Modules::running_hosts() const {
  std::size_t out = (registry_.is_running() ? 1U : 0U) + (readers_.is_running() ? 1U : 0U);
  for (const auto& [path, module] : modules_) out += module->client.is_running() ? 1U : 0U;
  return out;
}

}  // namespace fob
