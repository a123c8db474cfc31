#include "protocol/key_file/cipher.h"

#include <botan/pwdhash.h>
#include <openssl/err.h>
#include <openssl/hmac.h>

#include <memory>
#include <new>
#include <string>

#include "protocol/error.h"
#include "protocol/evp.h"

namespace fob {
namespace {

struct CipherDeleter {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter>;

constexpr std::size_t gcm_tag_bytes = 16;

void succeed(bool done) {
  if (!done) throw_openssl_error("cannot decrypt or encrypt the key file");
}

Context begin(const Cipher& use, bool encrypts, bool padded) {
  const std::unique_ptr<EVP_CIPHER, CipherDeleter> cipher(EVP_CIPHER_fetch(nullptr, use.name, nullptr));
  Context context(EVP_CIPHER_CTX_new());
  succeed(cipher && context);
  const bool sized = static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher.get())) == use.key.size() &&
                     static_cast<std::size_t>(EVP_CIPHER_get_iv_length(cipher.get())) == use.iv.size();
  succeed(sized &&
          EVP_CipherInit_ex2(context.get(), cipher.get(), use.key.data(), use.iv.data(), encrypts ? 1 : 0, nullptr) ==
              1 &&
          EVP_CIPHER_CTX_set_padding(context.get(), padded ? 1 : 0) == 1);
  return context;
}

/// Nothing more of what was decrypted is there if `end` fails: padding or tag are wrong, or a block is not whole.
Bytes update(const Context& context, ByteView data, bool& ended) {
  Bytes out(data.size() + EVP_MAX_BLOCK_LENGTH);
  int written = 0;
  int last = 0;
  succeed(EVP_CipherUpdate(context.get(), out.data(), &written, data.data(), static_cast<int>(data.size())) == 1);
  ended = EVP_CipherFinal_ex(context.get(), out.data() + written, &last) == 1;
  if (!ended) ERR_clear_error();
  out.resize(ended ? static_cast<std::size_t>(written + last) : 0);
  return out;
}

Bytes run_whole(const Cipher& cipher, ByteView data, bool encrypts, bool padded) {
  bool ended = false;
  Bytes out = update(begin(cipher, encrypts, padded), data, ended);
  if (!ended && padded && !encrypts) throw WrongPassphrase();
  if (!ended) throw Error(Errc::malformed, "no valid key file: its length is no number of blocks");
  return out;
}

/// Botan's own exceptions must not leave.
SecretBytes derive(std::string_view family_name, const SecretBytes& passphrase, ByteView salt, std::size_t bytes,
                   std::size_t first, std::size_t second, std::size_t third) {
  const auto family = Botan::PasswordHashFamily::create(std::string(family_name));
  if (!family) throw Error(Errc::unsupported, "this build's Botan has no " + std::string(family_name));
  SecretBytes out(bytes);
  try {
    const auto hash = family->from_params(first, second, third);
    hash->derive_key(out.data(), out.size(), reinterpret_cast<const char*>(passphrase.data()), passphrase.size(),
                     salt.data(), salt.size());
  } catch (const std::bad_alloc&) {
    throw Error(Errc::system, "not enough memory to derive the file's key from its passphrase");
  } catch (const std::exception& error) {
    throw Error(Errc::unsupported, std::string("cannot derive the file's key from its passphrase: ") + error.what());
  }
  return out;
}

}  // namespace

SecretBytes ask_for(const AskPassphrase& ask_passphrase) {
  SecretBytes out = ask_passphrase();
  if (out.empty()) throw Error(Errc::refused, "an encrypted file needs its passphrase");
  return out;
}

Bytes encrypt(const Cipher& cipher, ByteView data) { return run_whole(cipher, data, true, false); }
Bytes decrypt(const Cipher& cipher, ByteView data) { return run_whole(cipher, data, false, false); }
Bytes encrypt_padded(const Cipher& cipher, ByteView data) { return run_whole(cipher, data, true, true); }
Bytes decrypt_padded(const Cipher& cipher, ByteView data) { return run_whole(cipher, data, false, true); }

Sealed encrypt_tagged(const Cipher& cipher, ByteView data) {
  const Context context = begin(cipher, true, false);
  Sealed out;
  bool ended = false;
  out.data = update(context, data, ended);
  out.tag.resize(gcm_tag_bytes);
  succeed(ended && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(out.tag.size()),
                                       out.tag.data()) == 1);
  return out;
}

Bytes decrypt_tagged(const Cipher& cipher, ByteView data, ByteView tag) {
  const Context context = begin(cipher, false, false);
  Bytes wanted = to_bytes(tag);
  succeed(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(wanted.size()), wanted.data()) ==
          1);
  bool ended = false;
  Bytes out = update(context, data, ended);
  if (!ended) throw WrongPassphrase();
  return out;
}

Bytes hmac(Hash hash, ByteView key, ByteView data) {
  Bytes out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  if (HMAC(digest_algorithm(hash), key.empty() ? nullptr : key.data(), static_cast<int>(key.size()), data.data(),
           data.size(), out.data(), &size) == nullptr) {
    throw_openssl_error("computing a MAC");
  }
  out.resize(size);
  return out;
}

SecretBytes bcrypt_pbkdf(const SecretBytes& passphrase, ByteView salt, std::uint32_t rounds, std::size_t bytes) {
  return derive("Bcrypt-PBKDF", passphrase, salt, bytes, rounds, 0, 0);
}

SecretBytes argon2(const Argon2& parameters, const SecretBytes& passphrase, ByteView salt, std::size_t bytes) {
  return derive(parameters.type, passphrase, salt, bytes, parameters.kib, parameters.passes, parameters.lanes);
}

}  // namespace fob
