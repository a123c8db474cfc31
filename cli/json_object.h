#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fob::cli {

/// A JSON object in text, written field after field: what nlohmann::json's dump(2) makes, ASCII only, in a fraction of
/// its time. For what there may be ten thousand of.
class JsonObject {
 public:
  /// `indent`: of the line that it begins in.
  explicit JsonObject(std::string indent = "");

  void text(const char* name, std::string_view value);
  void text_or_null(const char* name, std::string_view value);
  void texts(const char* name, const std::vector<std::string>& values);
  void flag(const char* name, bool value);
  void number(const char* name, std::uint64_t value);
  void null(const char* name);
  /// `json`: a value, its further lines indented for their place.
  void value(const char* name, std::string_view json);

  /// Of lines inside of it.
  std::string inner_indent() const { return indent_ + "  "; }
  /// All of it, without an end of line.
  std::string take();

 private:
  void begin(const char* name);

  std::string indent_;
  std::string separator_;  ///< between two fields, up to the second one's name
  std::string out_;
};

}  // namespace fob::cli
