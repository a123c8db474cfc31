#include "cli/services.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "cli/text.h"
#include "cli/toml_file.h"
#include "protocol/control_request.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::cli {
namespace {

constexpr std::size_t text_bytes = 1024;

constexpr std::array<KeyKind, 7> all_kinds{KeyKind::ed25519,    KeyKind::sk_ed25519, KeyKind::sk_ecdsa_p256,
                                           KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521,
                                           KeyKind::rsa};

const std::map<std::string_view, PublicKeyFormat> public_formats{
    {"openssh", PublicKeyFormat::openssh}, {"rfc4716", PublicKeyFormat::rfc4716}, {"pem", PublicKeyFormat::pem}};
const std::map<std::string_view, KeyFileFormat> private_formats{{"openssh", KeyFileFormat::openssh},
                                                                {"pem", KeyFileFormat::pem},
                                                                {"pkcs8", KeyFileFormat::pkcs8},
                                                                {"ppk", KeyFileFormat::ppk}};
const std::map<std::string_view, Service::Passphrase> passphrases{{"allowed", Service::Passphrase::allowed},
                                                                  {"required", Service::Passphrase::required},
                                                                  {"none", Service::Passphrase::none}};

/// One service's table. Each call takes a field; what nobody took is unknown.
class Entry {
 public:
  Entry(const std::string& path, std::string name, const toml::table& table)
      : path_(path), name_(std::move(name)), table_(table) {}

  void take(const char* field, std::string& value) {
    if (const toml::node* node = find(field, "a text in quotes", toml::node_type::string))
      value = text_of(*node, field);
  }
  void take(const char* field, std::optional<std::string>& value) {
    if (table_.get(field) != nullptr) take(field, value.emplace());
  }
  void take(const char* field, bool& value) {
    const toml::node* node = find(field, "true or false", toml::node_type::boolean);
    if (node != nullptr) value = node->as_boolean()->get();
  }
  template <class Number>
  void take_number(const char* field, Number& value, Number least, Number most) {
    const std::string wanted = "a number from " + std::to_string(least) + " to " + std::to_string(most);
    const toml::node* node = find(field, wanted, toml::node_type::integer);
    if (node == nullptr) return;
    const std::int64_t number = node->as_integer()->get();
    if (!std::in_range<Number>(number) || static_cast<Number>(number) < least || static_cast<Number>(number) > most) {
      complain(field, "is " + std::to_string(number) + ", wanted " + wanted);
    }
    value = static_cast<Number>(number);
  }
  template <class Value, class Target>
  void take_word(const char* field, const std::map<std::string_view, Value>& words, Target& value) {
    std::string word;
    take(field, word);
    if (table_.get(field) == nullptr) return;
    const auto found = words.find(word);
    std::vector<std::string> known;
    for (const auto& [each, meaning] : words) known.emplace_back(each);
    if (found == words.end()) complain(field, "is \"" + printable(word) + "\", wanted one of: " + joined(known));
    value = found->second;
  }
  void take_kinds(const char* field, std::vector<KeyKind>& value) {
    const toml::node* node = find(field, "a list of types", toml::node_type::array);
    if (node == nullptr) return;
    for (const toml::node& element : *node->as_array()) value.push_back(kind_of(element));
  }

  void require(const char* field) const {
    if (table_.get(field) == nullptr) complain(field, "is missing");
  }
  void done() const {
    for (const auto& [key, node] : table_) {
      if (!taken_.contains(key.str()))
        fail_in_toml(path_, key.source().begin.line, full_name(key.str()) + " is unknown");
    }
  }
  [[noreturn]] void complain(const char* field, const std::string& text) const {
    const toml::node* node = table_.get(field);
    fail_in_toml(path_, (node != nullptr ? node->source() : table_.source()).begin.line, full_name(field) + " " + text);
  }

 private:
  std::string full_name(std::string_view field) const { return name_ + "." + printable(field); }

  /// nullptr: not there.
  const toml::node* find(const char* field, const std::string& wanted, toml::node_type type) {
    taken_.insert(field);
    const toml::node* node = table_.get(field);
    if (node != nullptr && node->type() != type) complain(field, "wants " + wanted);
    return node;
  }
  /// Only texts that a terminal may see as they are.
  std::string text_of(const toml::node& node, const char* field) const {
    std::string out = node.as_string()->get();
    if (out.size() > text_bytes) {
      complain(field,
               "has " + std::to_string(out.size()) + " bytes, at most " + std::to_string(text_bytes) + " are allowed");
    }
    if (printable(out, text_bytes) != out) complain(field, "holds something that is not printable");
    return out;
  }
  KeyKind kind_of(const toml::node& node) const {
    const std::string word = node.value<std::string>().value_or("");
    const auto found =
        std::find_if(all_kinds.begin(), all_kinds.end(), [&](KeyKind kind) { return type_word(kind) == word; });
    if (found != all_kinds.end()) return *found;
    fail_in_toml(path_, node.source().begin.line,
                 full_name("types") + " has \"" + printable(word) +
                     "\", wanted of: " + joined(type_words({all_kinds.begin(), all_kinds.end()})));
  }

  const std::string& path_;
  std::string name_;
  const toml::table& table_;
  std::set<std::string_view> taken_;
};

/// What is wrong of each field alone is found out by now.
void check_together(const Service& service, const Entry& entry) {
  if (service.kinds.empty()) entry.complain("types", "is empty");
  if (service.rsa_bits < service.rsa_min_bits) entry.complain("rsa_bits", "is less than rsa_min_bits");
  if (!service.private_format) {
    if (service.hands_over) entry.complain("hands_over", "wants that private says in which format");
    if (!service.file.empty()) entry.complain("file", "wants that private says in which format");
    return;
  }
  entry.require("file");
  if (!service.first_kind(false)) entry.complain("types", "has types of FIDO2 tokens only, and private wants another");
}

Service read_service(const std::string& path, std::string_view name, const toml::table& table) {
  Service out;
  out.name = name;
  Entry entry(path, out.name, table);
  entry.take("title", out.title);
  entry.take_kinds("types", out.kinds);
  entry.take_number("rsa_bits", out.rsa_bits, 2048U, 4096U);
  entry.take_number("rsa_min_bits", out.rsa_min_bits, limits::rsa_min_bits, limits::rsa_max_bits);
  entry.take_word("public", public_formats, out.public_format);
  entry.take_word("private", private_formats, out.private_format);
  entry.take_word("passphrase", passphrases, out.passphrase);
  entry.take("hands_over", out.hands_over);
  entry.take("file", out.file);
  entry.take("one_account", out.one_account);
  entry.take("label_also", out.label_also);
  entry.take_number("label_bytes", out.label_bytes, std::size_t{1}, limits::name_bytes);
  entry.take("paste", out.paste);
  entry.take("test", out.test);
  entry.take("notes", out.notes);
  entry.done();
  for (const char* field : {"title", "types", "paste"}) entry.require(field);
  check_together(out, entry);
  return out;
}

/// So that it is an option's argument, and ends at the slash of place_at.
void check_name(const std::string& path, const toml::key& key) {
  try {
    control::check_key_name(key.str());
  } catch (const Error&) {
    fail_in_toml(path, key.source().begin.line,
                 "\"" + printable(key.str()) +
                     "\" names no service: letters, digits, \".\", \"_\" and \"-\" do, at most " +
                     std::to_string(limits::key_name_bytes));
  }
}

}  // namespace

std::vector<Service> parse_services(const std::string& path, std::string_view text) {
  std::vector<Service> out;
  for (const auto& [key, node] : parse_toml(path, text)) {
    check_name(path, key);
    if (!node.is_table()) {
      fail_in_toml(path, key.source().begin.line,
                   printable(key.str()) + " is no section [" + printable(key.str()) + "]");
    }
    out.push_back(read_service(path, key.str(), *node.as_table()));
  }
  return out;
}

}  // namespace fob::cli
