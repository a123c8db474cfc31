#include "cli/imported_key.h"

#include <strings.h>
#include <unistd.h>

#include <filesystem>

#include "cli/file.h"
#include "cli/plain_file.h"
#include "cli/read_key_file.h"
#include "cli/text.h"
#include "protocol/key_file/public_key_file.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob::cli {
namespace {

std::string name_for_people(const KeySource& source) {
  if (source.file != standard_input) return source.file;
  return is_paste(source) ? "the key that was pasted" : "standard input";
}

bool has_comments(KeyFileFormat format) { return format == KeyFileFormat::openssh || format == KeyFileFormat::ppk; }

/// Of what beside the private key says, if it is of the same key; else nothing.
std::optional<std::string> comment_beside(const std::string& file, const PublicKey& key) {
  for (const std::string& path : {file + ".pub", std::filesystem::path(file).replace_extension(".pub").string()}) {
    try {
      const Bytes text = read_plain_file(path, limits::key_file_bytes).text;
      const PublicKeyFile beside = parse_public_key_file(as_text(text));
      if (equal(beside.key.blob, key.blob) && !beside.comment.empty()) return beside.comment;
    } catch (const Error&) {
      // There is none, or it is something else: no reason not to take the private key.
    }
  }
  return std::nullopt;
}

void check_before(std::string_view text, const std::string& name, void (*check)(const PublicKey& key)) {
  try {
    if (const auto key = inspect_key_file(text).public_key) check(*key);
  } catch (const Error& error) {
    throw Error(error.code(), shown(name) + ": " + error.what());
  }
}

KeyFile open(std::string_view text, const KeySource& source, const std::optional<std::string>& comment,
             void (*check)(const PublicKey& key)) {
  check_before(text, name_for_people(source), check);
  OpenKeyFile opened = open_key_file(text, name_for_people(source));
  KeyFile out = std::move(opened.content);
  if (comment) {
    out.comment = *comment;
  } else if (!has_comments(opened.format)) {
    const std::optional<std::string> beside =
        source.file == standard_input ? std::nullopt : comment_beside(source.file, out.key.public_key);
    out.comment = beside ? *beside : default_comment();
  }
  out.comment = printable(out.comment, limits::comment_bytes);
  return out;
}

bool ends_with_ignoring_case(const std::string& text, std::string_view end) {
  return text.size() > end.size() && strcasecmp(text.c_str() + (text.size() - end.size()), end.data()) == 0;
}

}  // namespace

bool is_paste(const KeySource& source) {
  return source.paste || (source.file == standard_input && isatty(STDIN_FILENO) == 1);
}

KeyFile read_imported_key(const KeySource& source, const std::optional<std::string>& comment,
                          void (*check)(const PublicKey& key)) {
  if (is_paste(source)) {
    const SecretBytes text = paste_key();
    return open(as_text(text.view()), source, comment, check);
  }
  const Bytes text = source.file == standard_input ? read_standard_input(limits::key_file_bytes)
                                                   : read_file(source.file, limits::key_file_bytes);
  return open(as_text(text), source, comment, check);
}

std::string name_of_key_file(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  for (const std::string_view end : {".pem", ".ppk"}) {
    if (ends_with_ignoring_case(name, end)) name.resize(name.size() - end.size());
  }
  return name;
}

}  // namespace fob::cli
