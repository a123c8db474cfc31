#include "tokens/pkcs11/attributes.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "tokens/pkcs11/return_value.h"

namespace fob::pkcs11 {
namespace {

/// Handles that are asked for at once.
constexpr std::size_t batch = 64;

/// Results after which the other attributes have their values (PKCS#11 3.0 §5.7.5).
bool is_partial(CK_RV result) {
  return result == CKR_ATTRIBUTE_SENSITIVE || result == CKR_ATTRIBUTE_TYPE_INVALID || result == CKR_BUFFER_TOO_SMALL;
}

}  // namespace

Template& Template::bytes(CK_ATTRIBUTE_TYPE type, ByteView value) {
  Bytes& kept = values_.emplace_back(to_bytes(value));
  attributes_.push_back({type, kept.data(), kept.size()});
  return *this;
}

Template& Template::number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
  return bytes(type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof(value)});
}

Template& Template::flag(CK_ATTRIBUTE_TYPE type, bool value) {
  const CK_BBOOL byte = value ? CK_TRUE : CK_FALSE;
  return bytes(type, {&byte, sizeof(byte)});
}

std::vector<CK_OBJECT_HANDLE> find_objects(const SessionRef& session, Template& wanted, std::size_t most) {
  const CK_FUNCTION_LIST& module = *session.module;
  check(module.C_FindObjectsInit(session.handle, wanted.data(), wanted.size()), "C_FindObjectsInit");
  std::vector<CK_OBJECT_HANDLE> out;
  CK_RV result = CKR_OK;
  while (out.size() < most) {
    std::array<CK_OBJECT_HANDLE, batch> found{};
    CK_ULONG count = 0;
    result = module.C_FindObjects(session.handle, found.data(), std::min(batch, most - out.size()), &count);
    if (result != CKR_OK || count == 0) break;
    out.insert(out.end(), found.begin(), found.begin() + static_cast<std::ptrdiff_t>(std::min(count, batch)));
  }
  module.C_FindObjectsFinal(session.handle);
  check(result, "C_FindObjects");
  return out;
}

Attributes::Attributes(const SessionRef& session, CK_OBJECT_HANDLE object, std::initializer_list<Wanted> wanted) {
  for (const Wanted& one : wanted) {
    Bytes& buffer = buffers_.emplace_back(one.most_bytes);
    values_.push_back({one.type, buffer.data(), buffer.size()});
  }
  CK_RV result = session.module->C_GetAttributeValue(session.handle, object, values_.data(), values_.size());
  // Some modules stop at the first attribute that an object does not have: then one after another.
  const bool one_by_one = is_partial(result);
  for (std::size_t i = 0; i < values_.size(); ++i) {
    CK_ATTRIBUTE& value = values_[i];
    if (one_by_one) {
      value.ulValueLen = buffers_[i].size();
      result = session.module->C_GetAttributeValue(session.handle, object, &value, 1);
    }
    if (is_partial(result) || value.ulValueLen > buffers_[i].size()) {
      value.ulValueLen = CK_UNAVAILABLE_INFORMATION;
    } else {
      check(result, "C_GetAttributeValue");
    }
  }
}

std::optional<ByteView> Attributes::bytes(CK_ATTRIBUTE_TYPE type) const {
  const auto found =
      std::find_if(values_.begin(), values_.end(), [&](const auto& value) { return value.type == type; });
  if (found == values_.end() || found->ulValueLen == CK_UNAVAILABLE_INFORMATION) return std::nullopt;
  return ByteView(static_cast<const std::uint8_t*>(found->pValue), found->ulValueLen);
}

std::optional<CK_ULONG> Attributes::number(CK_ATTRIBUTE_TYPE type) const {
  const std::optional<ByteView> value = bytes(type);
  CK_ULONG out = 0;
  if (!value || value->size() != sizeof(out)) return std::nullopt;
  std::memcpy(&out, value->data(), sizeof(out));
  return out;
}

std::optional<bool> Attributes::flag(CK_ATTRIBUTE_TYPE type) const {
  const std::optional<ByteView> value = bytes(type);
  if (!value || value->size() != sizeof(CK_BBOOL)) return std::nullopt;
  return value->front() != CK_FALSE;
}

std::string_view Attributes::text(CK_ATTRIBUTE_TYPE type) const {
  const std::optional<ByteView> value = bytes(type);
  return value ? as_text(*value) : std::string_view();
}

}  // namespace fob::pkcs11
