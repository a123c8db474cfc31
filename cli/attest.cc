#include <openssl/pem.h>
#include <openssl/x509.h>

#include <iostream>
#include <memory>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/file.h"
#include "protocol/error.h"
#include "protocol/evp.h"

namespace fob::cli {
namespace {

constexpr unsigned certificate_mode = 0644;

struct Options {
  bool json = false;
  std::string name;
  std::string file;
};

struct X509Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using Certificate = std::unique_ptr<X509, X509Deleter>;

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("NAME", options.name, "the key").required().check(check_name_option);
  command.add_option("-o,--output", options.file, "write the certificates to FILE").type_name("FILE");
}

Certificate parse(ByteView der) {
  const unsigned char* at = der.data();
  Certificate out(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!out || at != der.data() + der.size()) {
    throw Error(Errc::malformed, "the token attests with something that is no X.509 certificate");
  }
  return out;
}

EvpKey evp_key_of(const PublicKey& key) {
  if (key.kind != KeyKind::ed25519) return evp_public_key(key);
  return EvpKey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.point.data(), key.point.size()));
}

/// A certificate of another key says nothing of this one.
void check_is_of(const control::Attested& attested, const PublicKey& key) {
  if (attested.certificates.empty()) throw Error(Errc::malformed, "the token attests nothing");
  const Certificate certificate = parse(attested.certificates[0]);
  if (EVP_PKEY_eq(X509_get0_pubkey(certificate.get()), evp_key_of(key).get()) != 1) {
    throw Error(Errc::invalid_key, "the token attests another key than this one");
  }
}

std::string pem_of(const control::Attested& attested) {
  const std::unique_ptr<BIO, X509Deleter> bio(BIO_new(BIO_s_mem()));
  for (const Bytes& der : attested.certificates) {
    if (!bio || PEM_write_bio_X509(bio.get(), parse(der).get()) != 1) throw_openssl_error("cannot write a certificate");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

void run(const Options& options) {
  if (!options.file.empty()) check_can_create({options.file});
  const control::Key key = key_named(options.name);
  const auto attested = ask_agent_for<control::Attested>(control::AttestKey{options.name});
  check_is_of(attested, key.public_key);
  const std::string pem = pem_of(attested);
  if (!options.file.empty()) create_file(options.file, as_bytes(pem), certificate_mode);
  if (options.json) {
    std::cout << json_of(attested, options.name);
  } else if (options.file.empty()) {
    std::cout << pem;
  } else {
    std::cout << "Written: " << options.file << '\n';
  }
  std::cerr << "The first certificate is of this key. Whether they lead to a root of the token's maker is not checked: "
               "do that before you trust them.\n";
}

}  // namespace

void add_attest(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "attest", "print what a token attests of a key's origin", define, run);
}

}  // namespace fob::cli
