#pragma once

#include <p11-kit/pkcs11.h>

#include <deque>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"

namespace fob::pkcs11 {

/// An open session and the functions of its module; valid as long as the session.
struct SessionRef {
  const CK_FUNCTION_LIST* module = nullptr;
  CK_SESSION_HANDLE handle = 0;
};

/// Attributes to find or make an object by. Owns the values, and wipes them.
class Template {
 public:
  Template& bytes(CK_ATTRIBUTE_TYPE type, ByteView value);
  Template& text(CK_ATTRIBUTE_TYPE type, std::string_view value) { return bytes(type, as_bytes(value)); }
  Template& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value);
  Template& flag(CK_ATTRIBUTE_TYPE type, bool value);

  CK_ATTRIBUTE* data() { return attributes_.data(); }
  CK_ULONG size() const { return attributes_.size(); }

 private:
  std::deque<Bytes> values_;
  std::vector<CK_ATTRIBUTE> attributes_;
};

/// The objects with all these attributes, at most `most` (PKCS#11 3.0 §5.7.6). Errors: what C_FindObjects… say.
std::vector<CK_OBJECT_HANDLE> find_objects(const SessionRef& session, Template& wanted, std::size_t most);

/// Values of one object's attributes.
class Attributes {
 public:
  struct Wanted {
    CK_ATTRIBUTE_TYPE type;
    std::size_t most_bytes;
  };
  static constexpr std::size_t number_bytes = sizeof(CK_ULONG);

  /// Asks for all in one call: with a module on another machine each call is a round trip. What the object does not
  /// have, will not show, or is longer than wanted, is not there. Errors: what C_GetAttributeValue says else.
  Attributes(const SessionRef& session, CK_OBJECT_HANDLE object, std::initializer_list<Wanted> wanted);

  std::optional<ByteView> bytes(CK_ATTRIBUTE_TYPE type) const;
  std::optional<CK_ULONG> number(CK_ATTRIBUTE_TYPE type) const;
  std::optional<bool> flag(CK_ATTRIBUTE_TYPE type) const;
  /// Empty where it is not there.
  std::string_view text(CK_ATTRIBUTE_TYPE type) const;

 private:
  std::deque<Bytes> buffers_;
  std::vector<CK_ATTRIBUTE> values_;
};

}  // namespace fob::pkcs11
