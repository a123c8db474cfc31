#include "tests/virtual/pkcs11/altered.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "tests/virtual/pkcs11/control.h"

namespace fob::faulty {
namespace {

using Octets = std::vector<unsigned char>;

constexpr unsigned char octet_string = 0x04;

CK_FUNCTION_LIST* load() {
  const char* path = std::getenv("FOB_FAULTY_MODULE");
  if (path == nullptr) path = "/usr/lib/softhsm/libsofthsm2.so";
  void* library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void* symbol = library == nullptr ? nullptr : ::dlsym(library, "C_GetFunctionList");
  if (symbol == nullptr) {
    std::fprintf(stderr, "libfob-faulty-pkcs11: %s\n", ::dlerror());
    return nullptr;
  }
  CK_FUNCTION_LIST* functions = nullptr;
  const CK_RV result = reinterpret_cast<CK_C_GetFunctionList>(symbol)(&functions);
  return result == CKR_OK ? functions : nullptr;
}

/// The value of a single attribute, as the wrapped module has it.
CK_RV fetch(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, Octets& value) {
  CK_ATTRIBUTE attribute{type, nullptr, 0};
  CK_RV result = wrapped_module()->C_GetAttributeValue(session, object, &attribute, 1);
  if (result != CKR_OK) return result;
  value.resize(attribute.ulValueLen);
  attribute.pValue = value.data();
  return wrapped_module()->C_GetAttributeValue(session, object, &attribute, 1);
}

/// The bytes within a DER OCTET STRING; all of them where it is none (X.690 §8.1.3).
Octets unwrap(const Octets& point) {
  const bool is_long = point.size() > 2 && point[1] == 0x81;
  const std::size_t head = is_long ? 3 : 2;
  if (point.size() <= head || point[0] != octet_string || point[head - 1] != point.size() - head) return point;
  return {point.begin() + static_cast<std::ptrdiff_t>(head), point.end()};
}

Octets wrap(const Octets& point) {
  Octets wrapped{octet_string};
  if (point.size() >= 0x80) wrapped.push_back(0x81);
  wrapped.push_back(static_cast<unsigned char>(point.size()));
  wrapped.insert(wrapped.end(), point.begin(), point.end());
  return wrapped;
}

/// Gives the caller a value by the rules of C_GetAttributeValue (PKCS#11 2.40 §5.7).
CK_RV hand_out(const Octets& value, CK_ATTRIBUTE& attribute) {
  const bool fits = attribute.pValue == nullptr || attribute.ulValueLen >= value.size();
  if (fits && attribute.pValue != nullptr && !value.empty()) {
    std::memcpy(attribute.pValue, value.data(), value.size());
  }
  attribute.ulValueLen = fits ? value.size() : CK_UNAVAILABLE_INFORMATION;
  return fits ? CKR_OK : CKR_BUFFER_TOO_SMALL;
}

CK_RV answer_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE& attribute,
                       const Behaviour& behaviour) {
  Octets value;
  if (behaviour.always_authenticate && attribute.type == CKA_ALWAYS_AUTHENTICATE) {
    return hand_out({CK_TRUE}, attribute);
  }
  if (behaviour.ec_point == Point::as_it_is || attribute.type != CKA_EC_POINT ||
      fetch(session, object, attribute.type, value) != CKR_OK) {
    return wrapped_module()->C_GetAttributeValue(session, object, &attribute, 1);
  }
  value = unwrap(value);
  return hand_out(behaviour.ec_point == Point::raw ? value : wrap(value), attribute);
}

bool is_public_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  CK_OBJECT_CLASS kind = 0;
  CK_ATTRIBUTE attribute{CKA_CLASS, &kind, sizeof(kind)};
  return wrapped_module()->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK && kind == CKO_PUBLIC_KEY;
}

}  // namespace

CK_FUNCTION_LIST* wrapped_module() {
  static CK_FUNCTION_LIST* const functions = load();
  return functions;
}

CK_RV get_slot_list(CK_BBOOL token_present, CK_SLOT_ID* slots, CK_ULONG* count) {
  if (token_present == CK_FALSE || !Control::instance().behaviour().removed || count == nullptr) {
    return wrapped_module()->C_GetSlotList(token_present, slots, count);
  }
  *count = 0;
  return CKR_OK;
}

CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO* info) {
  const CK_RV result = wrapped_module()->C_GetSlotInfo(slot, info);
  if (result != CKR_OK) return result;
  const Behaviour behaviour = Control::instance().behaviour();
  info->flags = (info->flags | behaviour.slot_set) & ~behaviour.slot_cleared;
  if (behaviour.removed) info->flags &= ~CKF_TOKEN_PRESENT;
  return result;
}

CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  const CK_RV result = wrapped_module()->C_GetTokenInfo(slot, info);
  if (result != CKR_OK) return result;
  const Behaviour behaviour = Control::instance().behaviour();
  info->flags = (info->flags | behaviour.token_set) & ~behaviour.token_cleared;
  return result;
}

CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
                          CK_ULONG count) {
  const Behaviour behaviour = Control::instance().behaviour();
  if (attributes == nullptr || (behaviour.ec_point == Point::as_it_is && !behaviour.always_authenticate)) {
    return wrapped_module()->C_GetAttributeValue(session, object, attributes, count);
  }
  CK_RV result = CKR_OK;
  for (CK_ATTRIBUTE& attribute : std::span(attributes, count)) {
    const CK_RV answer = answer_attribute(session, object, attribute, behaviour);
    if (answer != CKR_OK) result = answer;
  }
  return result;
}

CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* objects, CK_ULONG most, CK_ULONG* count) {
  for (;;) {
    const CK_RV result = wrapped_module()->C_FindObjects(session, objects, most, count);
    if (result != CKR_OK || *count == 0 || !Control::instance().behaviour().public_keys_hidden) return result;
    const auto hidden = [session](CK_OBJECT_HANDLE object) { return is_public_key(session, object); };
    *count = static_cast<CK_ULONG>(std::remove_if(objects, objects + *count, hidden) - objects);
    // None would mean that there are no more.
    if (*count > 0) return result;
  }
}

void end_sessions() {
  CK_ULONG count = 0;
  if (wrapped_module()->C_GetSlotList(CK_TRUE, nullptr, &count) != CKR_OK) return;
  std::vector<CK_SLOT_ID> slots(count);
  if (wrapped_module()->C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) return;
  slots.resize(count);
  for (const CK_SLOT_ID slot : slots) wrapped_module()->C_CloseAllSessions(slot);
}

}  // namespace fob::faulty
