#include "tests/pkcs11/soft_hsm.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace fob {
namespace {

constexpr char so_pin[] = "87654321";
constexpr std::size_t label_bytes = 32;

CK_UTF8CHAR* text_of(const std::string& text) { return reinterpret_cast<CK_UTF8CHAR*>(const_cast<char*>(text.data())); }

void check(CK_RV result, const char* what) {
  if (result != CKR_OK) throw std::runtime_error(std::string(what) + " returned " + std::to_string(result));
}

/// The parameters of CKA_EC_PARAMS: object identifiers of the curves in DER (RFC 5480 §2.1.1.1, RFC 8410 §3).
Bytes curve(KeyKind kind) {
  switch (kind) {
    case KeyKind::ecdsa_p256: return {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    case KeyKind::ecdsa_p384: return {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
    case KeyKind::ecdsa_p521: return {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};
    default: return {0x06, 0x03, 0x2b, 0x65, 0x70};
  }
}

/// A text that is padded with blanks.
template <std::size_t size>
std::string trimmed(const unsigned char (&padded)[size]) {
  std::string out(reinterpret_cast<const char*>(padded), size);
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

CK_MECHANISM_TYPE mechanism_of(KeyKind kind) {
  if (kind == KeyKind::rsa) return CKM_RSA_PKCS_KEY_PAIR_GEN;
  return kind == KeyKind::ed25519 ? CKM_EC_EDWARDS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN;
}

CK_FUNCTION_LIST& module() {
  static CK_FUNCTION_LIST* const functions = [] {
    void* library = dlopen(SoftHsm::library().c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error("no SoftHSM2: it comes with the package softhsm2");
    CK_FUNCTION_LIST* out = nullptr;
    check(reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"))(&out), "C_GetFunctionList");
    return out;
  }();
  return *functions;
}

}  // namespace

/// The module, initialised for as long as this lives, with a session at one token.
class SoftHsm::Session {
 public:
  explicit Session(const SoftHsm& hsm) {
    const std::string environment = hsm.environment();
    setenv("SOFTHSM2_CONF", environment.c_str() + environment.find('=') + 1, 1);
    check(module().C_Initialize(nullptr), "C_Initialize");
  }
  ~Session() { module().C_Finalize(nullptr); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The slot whose token has this label; empty: the one without a token.
  CK_SLOT_ID slot(const std::string& label) {
    CK_ULONG count = 64;
    std::vector<CK_SLOT_ID> slots(count);
    check(module().C_GetSlotList(CK_TRUE, slots.data(), &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; ++i) {
      CK_TOKEN_INFO info{};
      check(module().C_GetTokenInfo(slots[i], &info), "C_GetTokenInfo");
      const bool empty = (info.flags & CKF_TOKEN_INITIALIZED) == 0;
      if (label.empty() ? empty : !empty && (trimmed(info.label) == label || trimmed(info.serialNumber) == label)) {
        return slots[i];
      }
    }
    throw std::runtime_error("no token " + label);
  }
  CK_SESSION_HANDLE open(CK_SLOT_ID slot, CK_USER_TYPE user, const std::string& pin) {
    CK_SESSION_HANDLE out = 0;
    check(module().C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &out), "C_OpenSession");
    check(module().C_Login(out, user, text_of(pin), pin.size()), "C_Login");
    return out;
  }
};

std::string SoftHsm::library() {
  for (const char* path : {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                           "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"}) {
    if (exists(path)) return path;
  }
  throw std::runtime_error("no SoftHSM2: it comes with the package softhsm2");
}

SoftHsm::SoftHsm() {
  mkdir(directory_.file("tokens").c_str(), 0700);
  write_file(directory_.file("softhsm2.conf"), "directories.tokendir = " + directory_.file("tokens") +
                                                   "\nobjectstore.backend = file\nlog.level = ERROR\n");
}

std::string SoftHsm::add_token(const std::string& label, const std::string& pin) {
  Session session(*this);
  const CK_SLOT_ID slot = session.slot("");
  std::string padded = label;
  padded.resize(label_bytes, ' ');
  check(module().C_InitToken(slot, text_of(so_pin), sizeof(so_pin) - 1, text_of(padded)), "C_InitToken");
  CK_TOKEN_INFO info{};
  check(module().C_GetTokenInfo(slot, &info), "C_GetTokenInfo");
  if (!pin.empty()) {
    const CK_SESSION_HANDLE handle = session.open(slot, CKU_SO, so_pin);
    check(module().C_InitPIN(handle, text_of(pin), pin.size()), "C_InitPIN");
  }
  return trimmed(info.serialNumber);
}

void SoftHsm::generate(const std::string& token, const Wish& wish, const std::string& pin) {
  Session session(*this);
  const CK_SESSION_HANDLE handle = session.open(session.slot(token), CKU_USER, pin);
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL always = wish.always_authenticate ? CK_TRUE : CK_FALSE;
  CK_BBOOL keeps_public = wish.with_public_key ? CK_TRUE : CK_FALSE;
  CK_ULONG bits = 2048;
  Bytes parameters = curve(wish.kind);
  Bytes id{wish.id};
  const CK_ATTRIBUTE name{CKA_LABEL, const_cast<char*>(wish.label.data()), wish.label.size()};
  std::vector<CK_ATTRIBUTE> for_public{
      {CKA_TOKEN, &keeps_public, 1}, {CKA_VERIFY, &yes, 1}, {CKA_ID, id.data(), id.size()}, name};
  if (wish.kind == KeyKind::rsa) {
    for_public.push_back({CKA_MODULUS_BITS, &bits, sizeof(bits)});
  } else {
    for_public.push_back({CKA_EC_PARAMS, parameters.data(), parameters.size()});
  }
  std::vector<CK_ATTRIBUTE> for_private{{CKA_TOKEN, &yes, 1},
                                        {CKA_PRIVATE, &yes, 1},
                                        {CKA_SENSITIVE, &yes, 1},
                                        {CKA_SIGN, &yes, 1},
                                        {CKA_ALWAYS_AUTHENTICATE, &always, 1},
                                        {CKA_ID, id.data(), id.size()},
                                        name};
  CK_MECHANISM mechanism{mechanism_of(wish.kind), nullptr, 0};
  CK_OBJECT_HANDLE made_public = 0;
  CK_OBJECT_HANDLE made_private = 0;
  check(module().C_GenerateKeyPair(handle, &mechanism, for_public.data(), for_public.size(), for_private.data(),
                                   for_private.size(), &made_public, &made_private),
        "C_GenerateKeyPair");
}

namespace {

std::vector<CK_OBJECT_HANDLE> all_objects(CK_SESSION_HANDLE session) {
  std::vector<CK_OBJECT_HANDLE> out(64);
  CK_ULONG count = 0;
  check(module().C_FindObjectsInit(session, nullptr, 0), "C_FindObjectsInit");
  check(module().C_FindObjects(session, out.data(), out.size(), &count), "C_FindObjects");
  check(module().C_FindObjectsFinal(session), "C_FindObjectsFinal");
  out.resize(count);
  return out;
}

}  // namespace

std::size_t SoftHsm::objects(const std::string& token, const std::string& pin) {
  Session session(*this);
  return all_objects(session.open(session.slot(token), CKU_USER, pin)).size();
}

void SoftHsm::remove_objects(const std::string& token, const std::string& pin) {
  Session session(*this);
  const CK_SESSION_HANDLE handle = session.open(session.slot(token), CKU_USER, pin);
  for (const CK_OBJECT_HANDLE object : all_objects(handle)) {
    check(module().C_DestroyObject(handle, object), "C_DestroyObject");
  }
}

void SoftHsm::change_pin(const std::string& token, const std::string& old_pin, const std::string& new_pin) {
  Session session(*this);
  const CK_SESSION_HANDLE handle = session.open(session.slot(token), CKU_USER, old_pin);
  check(module().C_SetPIN(handle, text_of(old_pin), old_pin.size(), text_of(new_pin), new_pin.size()), "C_SetPIN");
}

}  // namespace fob
