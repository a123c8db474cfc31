#include "tests/unit/key_file/files.h"

#include <algorithm>
#include <filesystem>

#include "protocol/key_file/armour.h"
#include "protocol/key_file/der.h"
#include "protocol/wire.h"

namespace fob::test {

SecretBytes no_passphrase() {
  ADD_FAILURE() << "a passphrase was asked for";
  return {};
}

AskPassphrase typing(std::string_view text) {
  return [text] { return SecretBytes(as_bytes(text)); };
}

std::string key_file(const std::string& name) { return read_data("key_files/formats/" + name); }

KeyFile parse(const std::string& name) { return parse_key_file(key_file(name), typing(passphrase)); }

std::vector<std::string> files_of(std::string_view beginning) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(FOB_TEST_DATA "/key_files/formats")) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(beginning)) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<Errc> parse_error(std::string_view text, const AskPassphrase& ask) {
  return error_of([&] { parse_key_file(text, ask); });
}

std::string parse_fault(std::string_view text, const AskPassphrase& ask) {
  try {
    parse_key_file(text, ask);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

Bytes unarmoured(const std::string& text) {
  const auto block = find_block(text, [](std::string_view label) { return label.ends_with("PRIVATE KEY"); });
  return parse_base64(block.value().base64);
}

std::string armoured(const std::string& label, ByteView contents) {
  return std::string(as_text(format_block(label, "", contents, 64)));
}

Bytes number_as_der(std::uint64_t value) {
  Writer out;
  out.u64(value);
  ByteView magnitude = out.bytes();
  while (!magnitude.empty() && magnitude[0] == 0) magnitude = magnitude.subspan(1);
  return der::write_number(magnitude);
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string with_line_ends(std::string text, std::string_view line_end) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += line_end.size()) {
    text.replace(at, 1, line_end);
  }
  return text;
}

void expect_every_byte_needed(const std::string& text, std::string_view end,
                              const std::function<void(std::string_view)>& read) {
  const std::size_t needed = text.rfind(end) + end.size();
  EXPECT_NO_THROW(read(text));
  EXPECT_NO_THROW(read(text.substr(0, needed)));
  for (std::size_t size = 0; size < needed; ++size) {
    // A copy of its own, so that AddressSanitizer sees a read beyond it.
    const std::string prefix = text.substr(0, size);
    EXPECT_TRUE(error_of([&] { read(prefix); })) << "the first " << size << " of " << text.size() << " bytes";
  }
}

RsaFields RsaFields::good() {
  const Bytes file = unarmoured(key_file("rsa.pem"));
  der::Values outer(file);
  der::Values in = outer.values();
  in.number();
  RsaFields out;
  for (Bytes* field : {&out.n, &out.e, &out.d, &out.p, &out.q, &out.dp, &out.dq, &out.iqmp}) {
    *field = to_bytes(in.number());
  }
  return out;
}

std::string RsaFields::as_pem() const {
  Writer out;
  out.raw(der::write_number({}));
  for (const Bytes* field : {&n, &e, &d, &p, &q, &dp, &dq, &iqmp}) out.raw(der::write_number(*field));
  return armoured("RSA PRIVATE KEY", der::write(der::sequence, out.bytes()));
}

PrivateKey RsaFields::as_key() const {
  Writer fields;
  fields.string("ssh-rsa").mpint(n).mpint(e).mpint(d).mpint(iqmp).mpint(p).mpint(q);
  Reader in(fields.bytes());
  return PrivateKey::read(in);
}

}  // namespace fob::test
