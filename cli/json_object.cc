#include "cli/json_object.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace fob::cli {
namespace {

constexpr auto is_plain = [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; };
/// Room for a key.
constexpr std::size_t usual_bytes = 1024;

/// Bytes that are no UTF-8 become U+FFFD.
void append_text(std::string& out, std::string_view text) {
  if (std::all_of(text.begin(), text.end(), is_plain)) {
    out.append(1, '"').append(text).append(1, '"');
  } else {
    out += nlohmann::json(text).dump(-1, ' ', true, nlohmann::detail::error_handler_t::replace);
  }
}

}  // namespace

JsonObject::JsonObject(std::string indent) : indent_(std::move(indent)), separator_(",\n" + indent_ + "  \"") {
  out_.reserve(usual_bytes);
  out_ = '{';
}

void JsonObject::begin(const char* name) {
  out_.append(separator_, out_.size() == 1 ? 1 : 0).append(name).append("\": ");
}

void JsonObject::text(const char* name, std::string_view value) {
  begin(name);
  append_text(out_, value);
}

void JsonObject::text_or_null(const char* name, std::string_view value) {
  if (value.empty()) return null(name);
  text(name, value);
}

void JsonObject::texts(const char* name, const std::vector<std::string>& values) {
  begin(name);
  out_ += '[';
  for (const std::string& value : values) {
    out_.append(&value == values.data() ? "\n" : ",\n").append(indent_).append("    ");
    append_text(out_, value);
  }
  if (!values.empty()) out_.append("\n").append(indent_).append("  ");
  out_ += ']';
}

void JsonObject::flag(const char* name, bool value) { this->value(name, value ? "true" : "false"); }
void JsonObject::number(const char* name, std::uint64_t value) { this->value(name, std::to_string(value)); }
void JsonObject::null(const char* name) { value(name, "null"); }

void JsonObject::value(const char* name, std::string_view json) {
  begin(name);
  out_ += json;
}

std::string JsonObject::take() {
  out_.append(out_.size() == 1 ? "" : "\n" + indent_).append(1, '}');
  return std::move(out_);
}

}  // namespace fob::cli
