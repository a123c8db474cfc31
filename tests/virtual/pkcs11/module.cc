// A PKCS#11 module that wraps another one and goes wrong on command; see control.h. Further in the environment:
//   FOB_FAULTY_TELLTALE=FILE  a line "PID PROGRAM" when the library is loaded, by its constructor
//   FOB_FAULTY_LOG=FILE       a line "FUNCTION PID" for each call, before it is made

#include <p11-kit/pkcs11.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "tests/virtual/pkcs11/altered.h"
#include "tests/virtual/pkcs11/control.h"

namespace fob::faulty {
namespace {

[[gnu::constructor]] void tell() {
  std::array<char, 4096> program{};
  if (::readlink("/proc/self/exe", program.data(), program.size() - 1) < 0) program[0] = '?';
  note("FOB_FAULTY_TELLTALE", std::to_string(::getpid()) + " " + program.data());
}

CK_FUNCTION_LIST* own_functions();

/// What a function does apart from faults: what the wrapped module's does, but for a few.
template <auto Member>
struct Altered {
  template <typename... Args>
  static CK_RV call(Args... args) {
    return (wrapped_module()->*Member)(args...);
  }
};
template <>
struct Altered<&CK_FUNCTION_LIST::C_GetFunctionList> {
  static CK_RV call(CK_FUNCTION_LIST** list) {
    *list = own_functions();
    return CKR_OK;
  }
};
template <>
struct Altered<&CK_FUNCTION_LIST::C_GetSlotList> {
  static constexpr auto call = get_slot_list;
};
template <>
struct Altered<&CK_FUNCTION_LIST::C_GetSlotInfo> {
  static constexpr auto call = get_slot_info;
};
template <>
struct Altered<&CK_FUNCTION_LIST::C_GetTokenInfo> {
  static constexpr auto call = get_token_info;
};
template <>
struct Altered<&CK_FUNCTION_LIST::C_GetAttributeValue> {
  static constexpr auto call = get_attribute_value;
};
template <>
struct Altered<&CK_FUNCTION_LIST::C_FindObjects> {
  static constexpr auto call = find_objects;
};

/// What a function answers where no token is there (PKCS#11 2.40 §5.1.2, §5.1.3); CKR_OK: it needs none.
CK_RV answer_without_token(std::string_view function) {
  constexpr std::array<std::string_view, 7> need_none = {"C_Initialize",      "C_Finalize",    "C_GetInfo",
                                                         "C_GetSlotList",     "C_GetSlotInfo", "C_GetFunctionList",
                                                         "C_WaitForSlotEvent"};
  constexpr std::array<std::string_view, 6> take_slot = {"C_GetTokenInfo", "C_GetMechanismList", "C_GetMechanismInfo",
                                                         "C_InitToken",    "C_OpenSession",      "C_CloseAllSessions"};
  if (std::ranges::count(need_none, function) > 0) return CKR_OK;
  return std::ranges::count(take_slot, function) > 0 ? CKR_TOKEN_NOT_PRESENT : CKR_DEVICE_REMOVED;
}

/// What comes before every call; the answer, where the call must not be made.
std::optional<CK_RV> intervene(std::string_view function) {
  note("FOB_FAULTY_LOG", std::string(function) + " " + std::to_string(::getpid()));
  Control& control = Control::instance();
  if (const auto answer = control.strike(function)) return answer;
  if (wrapped_module() == nullptr) return CKR_GENERAL_ERROR;
  if (control.take_removal()) end_sessions();
  const CK_RV answer = control.behaviour().removed ? answer_without_token(function) : CKR_OK;
  return answer == CKR_OK ? std::nullopt : std::optional(answer);
}

template <auto Member>
struct Wrapper;
template <typename... Args, CK_RV (*CK_FUNCTION_LIST::*Member)(Args...)>
struct Wrapper<Member> {
  static inline std::string_view name;

  static CK_RV call(Args... args) {
    if (const auto answer = intervene(name)) return *answer;
    return Altered<Member>::call(args...);
  }
};

template <auto Member>
void put(CK_FUNCTION_LIST& list, std::string_view name) {
  Wrapper<Member>::name = name;
  list.*Member = Wrapper<Member>::call;
}

CK_FUNCTION_LIST make_functions() {
  CK_FUNCTION_LIST list{};
  list.version = {2, 40};
#define PUT(function) put<&CK_FUNCTION_LIST::function>(list, #function);
#include "tests/virtual/pkcs11/functions.inc"
#undef PUT
  return list;
}

CK_FUNCTION_LIST* own_functions() {
  static CK_FUNCTION_LIST list = make_functions();
  return &list;
}

}  // namespace
}  // namespace fob::faulty

extern "C" CK_RV __attribute__((visibility("default"))) C_GetFunctionList(CK_FUNCTION_LIST** list) {
  return fob::faulty::own_functions()->C_GetFunctionList(list);
}
