#include "tokens/pkcs11/library.h"

#include <p11-kit/p11-kit.h>

#include "protocol/error.h"
#include "protocol/pattern.h"
#include "tokens/pkcs11/return_value.h"

namespace fob::pkcs11 {
namespace {

/// Unmanaged: p11-kit neither counts initialisations nor wraps the functions.
CK_FUNCTION_LIST* load(const std::string& path) {
  CK_FUNCTION_LIST* const loaded = p11_kit_module_load(path.c_str(), P11_KIT_MODULE_UNMANAGED);
  if (loaded != nullptr) return loaded;
  const char* const message = p11_kit_message();
  const std::string reason = printable(message == nullptr ? "no reason given" : message, 512);
  if (reason.find("C_GetFunctionList") != std::string::npos) {
    throw Error(Errc::unsupported, path + " is no PKCS#11 module");
  }
  throw Error(Errc::system, "cannot load " + path + ": " + reason);
}

}  // namespace

Library::Library(const std::string& path) : functions_(load(path)) {}

Library::~Library() {
  finalize();
  p11_kit_module_release(functions_);
}

bool Library::initialize() {
  if (initialized_) return false;
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  CK_RV result = functions_->C_Initialize(&arguments);
  // A module without threads of its own may take no locking; here is only one thread.
  if (result == CKR_CANT_LOCK || result == CKR_ARGUMENTS_BAD) result = functions_->C_Initialize(nullptr);
  if (result != CKR_CRYPTOKI_ALREADY_INITIALIZED) check(result, "C_Initialize");
  initialized_ = true;
  return true;
}

void Library::finalize() noexcept {
  if (!initialized_) return;
  initialized_ = false;
  functions_->C_Finalize(nullptr);
}

CK_INFO Library::info() const {
  CK_INFO out{};
  check(functions_->C_GetInfo(&out), "C_GetInfo");
  return out;
}

}  // namespace fob::pkcs11
