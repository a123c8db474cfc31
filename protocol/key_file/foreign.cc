#include "protocol/key_file/foreign.h"

#include <array>
#include <string>

#include "protocol/error.h"
#include "protocol/key_file/armour.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

constexpr std::string_view dsa_name = "ssh-dss";
constexpr const char* dsa_answer = "this is a DSA key, which no server takes any more: make another (Ed25519, or RSA)";
constexpr const char* certificate_answer =
    "this is an X.509 certificate: its public key is had with openssl x509 -in FILE -noout -pubkey";
constexpr const char* ssh1_answer = "this is a key for SSH 1, which no server speaks any more: make another";
constexpr const char* binary_answer =
    "this is a binary file: if it is a key in DER or PKCS#12, openssl pkey -in FILE -out NEW turns it into PEM";

/// What a file's beginning, or a line in it, gives away.
struct Mark {
  std::string_view text;
  const char* answer;
};
constexpr std::array private_marks{
    Mark{"-----BEGIN DSA PRIVATE KEY-----", dsa_answer},
    Mark{
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
        "this is a private key of ssh.com's: puttygen FILE -O private-openssh-new -o NEW turns it into OpenSSH's form"},
    Mark{"SSH PRIVATE KEY FILE FORMAT 1.1", ssh1_answer},
    Mark{"-----BEGIN PGP ", "this is an OpenPGP key: gpg has its own agent for it"},
    Mark{"-----BEGIN TSS2 PRIVATE KEY-----", "this is a key of a TPM, which alone can use it"},
    Mark{"PRIVATE KEY-----", "this is a private key of a kind that SSH does not have: make another (Ed25519, or RSA)"},
};
constexpr const char* public_answer =
    "this is a public key: name the file of its private key, which mostly has the same name without .pub";
constexpr std::array public_marks{
    Mark{"---- BEGIN SSH2 PUBLIC KEY ----", public_answer},
    Mark{"PUBLIC KEY-----", public_answer},
    Mark{"-----BEGIN CERTIFICATE-----", "this is an X.509 certificate: name the file of its private key"},
};

template <std::size_t n>
void answer_marks(std::string_view text, const std::array<Mark, n>& marks) {
  for (const Mark& mark : marks) {
    if (text.find(mark.text) != std::string_view::npos) throw Error(Errc::unsupported, mark.answer);
  }
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find_first_of(" \t\r\n")); }

void answer_binary(std::string_view text) {
  constexpr char der_sequence = 0x30;
  const bool is_binary = text.find('\0') != std::string_view::npos || text.find('\x82') == 1;
  if (is_binary && text.front() == der_sequence) throw Error(Errc::unsupported, binary_answer);
}

}  // namespace

PublicKey parse_key_blob(ByteView blob) {
  const std::string_view name = Reader(blob).text(limits::name_bytes);
  if (name == dsa_name) throw Error(Errc::unsupported, dsa_answer);
  if (key_type_from_name(name)) return PublicKey::parse(blob);
  throw Error(Errc::unsupported,
              "a key of type " + printable(name) + ", which fob does not know: make another (Ed25519, or RSA)");
}

void throw_no_private_key(std::string_view text) {
  text = without_mark(text);
  if (text.empty()) throw_malformed_file("it is empty");
  const std::string_view word = first_word(text);
  if (const auto type = key_type_from_name(word)) {
    throw Error(Errc::unsupported, type->is_certificate
                                       ? "this is a certificate: name the file of the private key beside it"
                                       : public_answer);
  }
  if (word == dsa_name) throw Error(Errc::unsupported, dsa_answer);
  answer_marks(text, private_marks);
  answer_marks(text, public_marks);
  answer_binary(text);
  throw_malformed_file("nothing in it begins a private key (-----BEGIN ... PRIVATE KEY----- or PuTTY-User-Key-File)");
}

void throw_no_public_key(std::string_view text) {
  text = without_mark(text);
  if (text.empty()) throw_malformed_file("it is empty");
  if (text.find("PRIVATE KEY") != std::string_view::npos || text.starts_with("PuTTY-User-Key-File")) {
    throw Error(Errc::unsupported, "this is a private key file, where a public key is wanted: never give it away");
  }
  if (text.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
    throw Error(Errc::unsupported, certificate_answer);
  }
  answer_binary(text);
  throw_malformed_file("nothing in it is a public key");
}

}  // namespace fob
