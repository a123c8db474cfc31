#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/bytes.h"

namespace fob::virt {

/// A CBOR value of the kinds that CTAP2 uses, and their coding by libcbor.
///
/// Errors: accessors throw CtapError{unexpected_type} on another kind, `at` throws CtapError{missing_parameter},
/// `decode` throws CtapError{invalid_cbor} on anything that is not one whole value of definite lengths.
class Value {
 public:
  using Entry = std::pair<Value, Value>;  ///< key and value
  using Array = std::vector<Value>;
  using Map = std::vector<Entry>;

  Value() = default;  ///< null
  template <class T>
  requires(std::integral<T> || std::is_enum_v<T>) Value(T number) {  // NOLINT: values are written as literals
    if constexpr (std::same_as<T, bool>) {
      value_ = number;
    } else {
      value_ = static_cast<std::int64_t>(number);
    }
  }
  Value(const char* text) : value_(std::string(text)) {}  // NOLINT
  Value(std::string text) : value_(std::move(text)) {}    // NOLINT
  Value(Bytes bytes) : value_(std::move(bytes)) {}        // NOLINT
  Value(ByteView bytes) : value_(to_bytes(bytes)) {}      // NOLINT
  Value(Array array) : value_(std::move(array)) {}        // NOLINT
  static Value map(std::initializer_list<Entry> entries = {});

  /// Adds an entry to a map.
  Value& set(Value key, Value value);

  std::int64_t number() const { return get<std::int64_t>(); }
  bool boolean() const { return get<bool>(); }
  const Bytes& bytes() const { return get<Bytes>(); }
  const std::string& text() const { return get<std::string>(); }
  const Array& array() const { return get<Array>(); }
  const Map& entries() const { return get<Map>(); }

  /// The entry of a map; null where there is none.
  const Value* find(std::int64_t key) const;
  const Value* find(std::string_view key) const;
  const Value& at(std::int64_t key) const { return present(find(key)); }
  const Value& at(std::string_view key) const { return present(find(key)); }

  /// In CTAP2's canonical form: shortest lengths, maps sorted.
  Bytes encode() const;
  static Value decode(ByteView bytes);

 private:
  template <class T>
  const T& get() const {
    const T* found = std::get_if<T>(&value_);
    if (found == nullptr) wrong_type();
    return *found;
  }
  [[noreturn]] static void wrong_type();
  static const Value& present(const Value* value);

  std::variant<std::nullptr_t, bool, std::int64_t, Bytes, std::string, Array, Map> value_ = nullptr;
};

}  // namespace fob::virt
