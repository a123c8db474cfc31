#define P11_KIT_FUTURE_UNSTABLE_API 1
#include <p11-kit/p11-kit.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "tokens/pkcs11/module.h"

namespace fob::pkcs11 {
namespace {

/// What `enable-in` and `disable-in` of p11-kit's configuration know fob by (pkcs11.conf(5)).
constexpr const char* program_name = "fob-agent";

using Text = std::unique_ptr<char, decltype(&std::free)>;

std::string text_of(char* owned) {
  const Text text(owned, &std::free);
  return text ? text.get() : "";
}

struct Release {
  void operator()(CK_FUNCTION_LIST** modules) const { p11_kit_modules_release(modules); }
};

/// Certificates that the system trusts, and p11-kit's own collection of all modules.
bool is_for_others(CK_FUNCTION_LIST* module, const std::string& path) {
  if (text_of(p11_kit_config_option(module, "trust-policy")) == "yes") return true;
  return path.find("p11-kit-proxy") != std::string::npos || path.find("libp11-kit.so") != std::string::npos;
}

}  // namespace

std::vector<RegisteredModule> registered_modules() {
  p11_kit_set_progname(program_name);
  const std::unique_ptr<CK_FUNCTION_LIST*, Release> modules(p11_kit_modules_load(nullptr, 0));
  if (!modules) {
    const char* const message = p11_kit_message();
    throw Error(Errc::system, "p11-kit cannot load its modules: " + printable(message == nullptr ? "" : message, 512));
  }
  std::vector<RegisteredModule> out;
  for (CK_FUNCTION_LIST** module = modules.get(); *module != nullptr; ++module) {
    const std::string path = text_of(p11_kit_module_get_filename(*module));
    const bool fits =
        path.starts_with('/') && path.size() <= limits::path_bytes && printable(path, limits::path_bytes) == path;
    if (!fits || is_for_others(*module, path)) continue;
    if (out.size() == limits::pkcs11_modules) break;
    out.push_back({printable(text_of(p11_kit_module_get_name(*module))), path});
  }
  return out;
}

}  // namespace fob::pkcs11
