#include "tests/virtual/cbor.h"

#include <cbor.h>

#include <algorithm>
#include <array>
#include <limits>

#include "tests/virtual/ctap.h"

namespace fob::virt {
namespace {

constexpr int max_depth = 8;

/// What libcbor's streaming decoder found last: one head, with its string.
struct Head {
  enum class Kind { none, number, bytes, text, array, map, boolean, null };
  Kind kind = Kind::none;
  std::uint64_t count = 0;
  bool negative = false;
  ByteView string = {};
};

Head& head_of(void* context) { return *static_cast<Head*>(context); }

template <class T>
void on_number(void* context, T value) {
  head_of(context) = {.kind = Head::Kind::number, .count = value};
}
template <class T>
void on_negative(void* context, T value) {
  head_of(context) = {.kind = Head::Kind::number, .count = value, .negative = true};
}
template <Head::Kind kind>
void on_string(void* context, cbor_data data, std::size_t size) {
  head_of(context) = {.kind = kind, .string = {data, size}};
}
template <Head::Kind kind, class Size>
void on_container(void* context, Size size) {
  head_of(context) = {.kind = kind, .count = size};
}
void on_boolean(void* context, bool value) {
  head_of(context) = {.kind = Head::Kind::boolean, .count = value ? 1U : 0U};
}
void on_null(void* context) { head_of(context) = {.kind = Head::Kind::null}; }

/// Tags, floats and indefinite lengths leave the head at `none`.
cbor_callbacks callbacks() {
  cbor_callbacks out = cbor_empty_callbacks;
  out.uint8 = on_number<std::uint8_t>;
  out.uint16 = on_number<std::uint16_t>;
  out.uint32 = on_number<std::uint32_t>;
  out.uint64 = on_number<std::uint64_t>;
  out.negint8 = on_negative<std::uint8_t>;
  out.negint16 = on_negative<std::uint16_t>;
  out.negint32 = on_negative<std::uint32_t>;
  out.negint64 = on_negative<std::uint64_t>;
  out.byte_string = on_string<Head::Kind::bytes>;
  out.string = on_string<Head::Kind::text>;
  out.array_start = on_container<Head::Kind::array>;
  out.map_start = on_container<Head::Kind::map>;
  out.boolean = on_boolean;
  out.null = on_null;
  return out;
}

class Decoder {
 public:
  explicit Decoder(ByteView input) : input_(input) {}

  Value value(int depth) {
    const Head head = next();
    switch (head.kind) {
      case Head::Kind::number: return number(head);
      case Head::Kind::bytes: return head.string;
      case Head::Kind::text: return std::string(as_text(head.string));
      case Head::Kind::boolean: return head.count != 0;
      case Head::Kind::null: return {};
      case Head::Kind::array: return array(head.count, depth + 1);
      case Head::Kind::map: return map(head.count, depth + 1);
      case Head::Kind::none: break;
    }
    throw CtapError{Code::invalid_cbor};
  }

  bool done() const { return input_.empty(); }

 private:
  Head next() {
    static const cbor_callbacks handlers = callbacks();
    Head head;
    const cbor_decoder_result result = cbor_stream_decode(input_.data(), input_.size(), &handlers, &head);
    if (result.status != CBOR_DECODER_FINISHED) throw CtapError{Code::invalid_cbor};
    input_ = input_.subspan(result.read);
    return head;
  }

  static Value number(const Head& head) {
    if (head.count > std::numeric_limits<std::int64_t>::max()) throw CtapError{Code::invalid_cbor};
    const auto value = static_cast<std::int64_t>(head.count);
    return head.negative ? -1 - value : value;
  }

  // Each element takes a byte at least, so a count that lies runs out of input soon.
  Value array(std::uint64_t count, int depth) {
    if (depth > max_depth) throw CtapError{Code::invalid_cbor};
    Value::Array out;
    for (std::uint64_t i = 0; i < count; ++i) out.push_back(value(depth));
    return out;
  }

  Value map(std::uint64_t count, int depth) {
    if (depth > max_depth) throw CtapError{Code::invalid_cbor};
    Value out = Value::map();
    for (std::uint64_t i = 0; i < count; ++i) {
      Value key = value(depth);
      out.set(std::move(key), value(depth));
    }
    return out;
  }

  ByteView input_;
};

template <class Encoder, class T>
void head(Bytes& out, Encoder encoder, T value) {
  std::array<unsigned char, 9> buffer;
  const std::size_t size = encoder(value, buffer.data(), buffer.size());
  out.insert(out.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
}

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

struct Encoder {
  Bytes& out;

  void operator()(std::nullptr_t) const { out.push_back(0xf6); }
  void operator()(bool value) const { head(out, cbor_encode_bool, value); }
  void operator()(std::int64_t value) const {
    if (value >= 0) {
      head(out, cbor_encode_uint, static_cast<std::uint64_t>(value));
    } else {
      head(out, cbor_encode_negint, static_cast<std::uint64_t>(-1 - value));
    }
  }
  void operator()(const Bytes& value) const {
    head(out, cbor_encode_bytestring_start, value.size());
    append(out, value);
  }
  void operator()(const std::string& value) const {
    head(out, cbor_encode_string_start, value.size());
    append(out, as_bytes(value));
  }
  void operator()(const Value::Array& value) const {
    head(out, cbor_encode_array_start, value.size());
    for (const Value& element : value) append(out, element.encode());
  }
  void operator()(const Value::Map& value) const {
    std::vector<std::pair<Bytes, Bytes>> sorted;
    for (const auto& [key, content] : value) sorted.emplace_back(key.encode(), content.encode());
    std::ranges::sort(sorted);
    head(out, cbor_encode_map_start, value.size());
    for (const auto& [key, encoded] : sorted) {
      append(out, key);
      append(out, encoded);
    }
  }
};

}  // namespace

Value Value::map(std::initializer_list<Entry> entries) {
  Value out;
  out.value_ = Map(entries);
  return out;
}

Value& Value::set(Value key, Value value) {
  Map* map = std::get_if<Map>(&value_);
  if (map == nullptr) wrong_type();
  map->emplace_back(std::move(key), std::move(value));
  return *this;
}

const Value* Value::find(std::int64_t key) const {
  for (const Entry& entry : entries()) {
    const auto* number = std::get_if<std::int64_t>(&entry.first.value_);
    if (number != nullptr && *number == key) return &entry.second;
  }
  return nullptr;
}

const Value* Value::find(std::string_view key) const {
  for (const Entry& entry : entries()) {
    const auto* text = std::get_if<std::string>(&entry.first.value_);
    if (text != nullptr && *text == key) return &entry.second;
  }
  return nullptr;
}

Bytes Value::encode() const {
  Bytes out;
  std::visit(Encoder{out}, value_);
  return out;
}

Value Value::decode(ByteView bytes) {
  Decoder decoder(bytes);
  Value out = decoder.value(0);
  if (!decoder.done()) throw CtapError{Code::invalid_cbor};
  return out;
}

void Value::wrong_type() { throw CtapError{Code::unexpected_type}; }

const Value& Value::present(const Value* value) {
  if (value == nullptr) throw CtapError{Code::missing_parameter};
  return *value;
}

}  // namespace fob::virt
