#include "direct.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

#include <array>
#include <stdexcept>
#include <vector>

namespace fob {
namespace {

void check(CK_RV result, const char* function) {
  if (result != CKR_OK) throw std::runtime_error(std::string(function) + ": " + std::to_string(result));
}

CK_FUNCTION_LIST* load(const std::string& path) {
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* symbol = library == nullptr ? nullptr : ::dlsym(library, "C_GetFunctionList");
  if (symbol == nullptr) throw std::runtime_error(::dlerror());
  CK_FUNCTION_LIST* functions = nullptr;
  check(reinterpret_cast<CK_C_GetFunctionList>(symbol)(&functions), "C_GetFunctionList");
  check(functions->C_Initialize(nullptr), "C_Initialize");
  return functions;
}

CK_SESSION_HANDLE log_in(CK_FUNCTION_LIST* module, std::string pin) {
  std::array<CK_SLOT_ID, 16> slots{};
  CK_ULONG count = slots.size();
  check(module->C_GetSlotList(CK_TRUE, slots.data(), &count), "C_GetSlotList");
  CK_SESSION_HANDLE session = 0;
  check(module->C_OpenSession(slots[0], CKF_SERIAL_SESSION, nullptr, nullptr, &session), "C_OpenSession");
  check(module->C_Login(session, CKU_USER, reinterpret_cast<unsigned char*>(pin.data()), pin.size()), "C_Login");
  return session;
}

CK_OBJECT_HANDLE find_key(CK_FUNCTION_LIST* module, CK_SESSION_HANDLE session, CK_KEY_TYPE type) {
  CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
  std::array<CK_ATTRIBUTE, 2> wanted = {
      {{CKA_CLASS, &private_key, sizeof(private_key)}, {CKA_KEY_TYPE, &type, sizeof(type)}}};
  check(module->C_FindObjectsInit(session, wanted.data(), wanted.size()), "C_FindObjectsInit");
  CK_OBJECT_HANDLE key = 0;
  CK_ULONG count = 0;
  check(module->C_FindObjects(session, &key, 1, &count), "C_FindObjects");
  check(module->C_FindObjectsFinal(session), "C_FindObjectsFinal");
  if (count != 1) throw std::runtime_error("the token has no such key");
  return key;
}

}  // namespace

Outcome sign_directly(const DirectPlan& plan) {
  constexpr std::size_t digest_info_bytes = 83;  // of SHA-512, RFC 8017 §9.2
  constexpr std::size_t p256_hash_bytes = 32;
  const bool is_rsa = plan.key.starts_with("ssh-rsa");
  CK_FUNCTION_LIST* module = load(plan.module);
  const CK_SESSION_HANDLE session = log_in(module, plan.pin);
  const CK_OBJECT_HANDLE key = find_key(module, session, is_rsa ? CKK_RSA : CKK_EC);
  CK_MECHANISM mechanism{is_rsa ? CKM_RSA_PKCS : CKM_ECDSA, nullptr, 0};
  std::vector<unsigned char> data(is_rsa ? digest_info_bytes : p256_hash_bytes, 0x5a);
  std::array<unsigned char, 1024> signature{};

  Outcome outcome;
  const auto begin = Clock::now();
  for (auto started = begin; started < begin + plan.time;) {
    CK_ULONG size = signature.size();
    check(module->C_SignInit(session, &mechanism, key), "C_SignInit");
    check(module->C_Sign(session, data.data(), data.size(), signature.data(), &size), "C_Sign");
    const auto now = Clock::now();
    outcome.latencies.push_back(now - started);
    outcome.elapsed = now - begin;
    started = now;
  }
  module->C_Finalize(nullptr);
  return outcome;
}

}  // namespace fob
