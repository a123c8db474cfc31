#pragma once

#include <fido.h>
#include <fido/credman.h>

#include <memory>
#include <string>
#include <thread>

#include "tests/virtual/transport.h"

namespace fob::virt {

struct FidoDeleter {
  void operator()(fido_dev_t* dev) const;
  void operator()(fido_cred_t* cred) const { fido_cred_free(&cred); }
  void operator()(fido_assert_t* assertion) const { fido_assert_free(&assertion); }
  void operator()(fido_credman_rk_t* list) const { fido_credman_rk_free(&list); }
  void operator()(fido_credman_rp_t* list) const { fido_credman_rp_free(&list); }
  void operator()(fido_credman_metadata_t* metadata) const { fido_credman_metadata_free(&metadata); }
  void operator()(fido_cbor_info_t* info) const { fido_cbor_info_free(&info); }
};
using Dev = std::unique_ptr<fido_dev_t, FidoDeleter>;
using Cred = std::unique_ptr<fido_cred_t, FidoDeleter>;
using Assert = std::unique_ptr<fido_assert_t, FidoDeleter>;

/// fido_dev_open over the host's end of a socket.
int open_dev(fido_dev_t* dev, int fd);

/// A token plugged into a host: serve_stream on a thread at one end of a socketpair.
class Plug {
 public:
  explicit Plug(Authenticator& token);
  ~Plug();
  Plug(const Plug&) = delete;
  Plug& operator=(const Plug&) = delete;

  /// The host's end, for raw reports.
  int fd() const { return host_; }
  /// The same by libfido2, opened at the first call.
  fido_dev_t* dev();
  /// Waits until the token's end is closed, and says why.
  End wait();

 private:
  int host_ = -1;
  int token_end_ = -1;
  End end_ = End::host_gone;
  std::thread thread_;
  Dev dev_;
};

inline const std::string rp = "ssh:";
inline const std::string pin = "123456";

struct Wanted {
  int alg = COSE_ES256;
  bool resident = false;
  int protection = 0;
  bool hmac_secret = false;
  std::string rp_id = rp;
  std::string user_id = "user";
  const char* pin_text = nullptr;
  fido_opt_t uv = FIDO_OPT_OMIT;
  Bytes exclude = {};
};
/// fido_dev_make_cred; `cred` is filled if it is FIDO_OK.
int make(fido_dev_t* dev, const Wanted& wanted, Cred& cred);
Bytes id_of(const fido_cred_t* cred);

struct Asked {
  std::string rp_id = rp;
  const char* pin_text = nullptr;
  fido_opt_t up = FIDO_OPT_OMIT;
  Bytes salt = {};
};
/// fido_dev_get_assert with an allowList of `id`, none if it is empty.
int get(fido_dev_t* dev, ByteView id, const Asked& asked, Assert& assertion);
/// fido_assert_verify with the public key of `cred`.
int verify(const fido_assert_t* assertion, const fido_cred_t* cred, std::size_t index = 0);

/// Waits up to 5 s until the token waits for a touch.
bool wait_until_waiting(const Authenticator& token);

}  // namespace fob::virt
